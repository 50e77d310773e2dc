// Handlers of /api-keys; the same shape as handlers_tasks.hpp.
#pragma once

#include "api/groundtruth/services.hpp"
#include "api/http/message.hpp"

namespace groundtruth::api::groundtruth {

http::Async<http::Response> create_api_key(Services& services, http::Request& request);
http::Async<http::Response> list_api_keys(Services& services, http::Request& request);
http::Async<http::Response> revoke_api_key(Services& services, http::Request& request);

}  // namespace groundtruth::api::groundtruth
