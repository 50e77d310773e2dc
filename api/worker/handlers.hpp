// Operations of this surface (seed 003, "Worker Endpoints"; CONTRACTS, "The people who do the work").
#pragma once

#include "api/http/message.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

// handlers_account.cpp
http::Async<http::Response> register_worker(Services& services, http::Request& request);
http::Async<http::Response> login(Services& services, http::Request& request);

// handlers_verify.cpp: GET shows a page and changes nothing, for programs that look at mails open what is in
// them; its button sends the POST.
http::Async<http::Response> show_verification(Services& services, http::Request& request);
http::Async<http::Response> verify_worker(Services& services, http::Request& request);
http::Async<http::Response> show_resend(Services& services, http::Request& request);
http::Async<http::Response> resend_verification(Services& services, http::Request& request);

// handlers_password.cpp: the same for a forgotten password.
http::Async<http::Response> show_forgot(Services& services, http::Request& request);
http::Async<http::Response> forgot_password(Services& services, http::Request& request);
http::Async<http::Response> show_reset(Services& services, http::Request& request);
http::Async<http::Response> reset_password(Services& services, http::Request& request);

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
