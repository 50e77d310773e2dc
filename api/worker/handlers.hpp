// Operations of this surface (seed 003, "Worker Endpoints"; CONTRACTS, "The people who do the work").
#pragma once

#include "api/http/message.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

// handlers_account.cpp
http::Async<http::Response> register_worker(Services& services, http::Request& request);
http::Async<http::Response> verify_worker(Services& services, http::Request& request);
http::Async<http::Response> login(Services& services, http::Request& request);

// handlers_profile.cpp
http::Async<http::Response> get_profile(Services& services, http::Request& request);
http::Async<http::Response> change_profile(Services& services, http::Request& request);
http::Async<http::Response> get_earnings(Services& services, http::Request& request);
http::Async<http::Response> get_leaderboard(Services& services, http::Request& request);
http::Async<http::Response> get_public_profile(Services& services, http::Request& request);

// handlers_tasks.cpp
http::Async<http::Response> get_feed(Services& services, http::Request& request);
http::Async<http::Response> accept_task(Services& services, http::Request& request);
http::Async<http::Response> release_task(Services& services, http::Request& request);
http::Async<http::Response> get_command(Services& services, http::Request& request);

// handlers_submissions.cpp
http::Async<http::Response> get_submission(Services& services, http::Request& request);
http::Async<http::Response> contest_rejection(Services& services, http::Request& request);

// handlers_proof.cpp
http::Async<http::Response> announce_upload(Services& services, http::Request& request);
http::Async<http::Response> submit_proof(Services& services, http::Request& request);

}  // namespace groundtruth::api::worker
