// Submissions: list, stream, read, approve, reject (seed 000; CONTRACTS, "groundtruth").
#pragma once

#include "api/groundtruth/services.hpp"
#include "api/http/message.hpp"

namespace groundtruth::api::groundtruth {

http::Async<http::Response> list_submissions(Services& services, http::Request& request);
http::Async<http::Response> get_submission(Services& services, http::Request& request);
http::Async<http::Response> approve_submission(Services& services, http::Request& request);
http::Async<http::Response> reject_submission(Services& services, http::Request& request);

}  // namespace groundtruth::api::groundtruth
