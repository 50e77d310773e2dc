// Handlers of /tasks and /commands: free functions over services and a request, so that a test needs no HTTP.
//
// Each runs on an I/O thread after the guard; `request` outlives the operation. They throw only what means
// that this process is broken.
#pragma once

#include "api/groundtruth/services.hpp"
#include "api/http/message.hpp"

namespace groundtruth::api::groundtruth {

http::Async<http::Response> create_task(Services& services, http::Request& request);
http::Async<http::Response> list_tasks(Services& services, http::Request& request);
http::Async<http::Response> get_task(Services& services, http::Request& request);
http::Async<http::Response> renew_checkout(Services& services, http::Request& request);
http::Async<http::Response> cancel_task(Services& services, http::Request& request);
http::Async<http::Response> get_command(Services& services, http::Request& request);

}  // namespace groundtruth::api::groundtruth
