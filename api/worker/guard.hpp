// Who may come in: the holder of a token, whose worker is there and verified; before the body is read.
#pragma once

#include <optional>

#include "api/http/message.hpp"
#include "api/http/router.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

inline constexpr std::string_view kWorkerScope = "worker";  // of routes that need a token

// What the guard leaves in Request::principal. `worker.id` is "" where nobody was let in.
struct Caller {
  domain::Worker worker;
  std::uint32_t version = 0;
  domain::Bucket bucket;
  RateState rate;
};

// The caller of a request that the guard let through. Throws std::bad_any_cast for one that it never saw.
const Caller& caller_of(const http::Request& request);

// nullopt lets the request through. Requests without a valid token count against their address.
http::Async<std::optional<http::Response>> guard(Services& services, http::Request& request,
                                                 const http::Route& route);

// Rate-limit headers.
void finish(const http::Request& request, http::Response& response);

// In the caller's own chain, or, for what they do to a task, in the task's.
Sender sender_of(const Caller& caller);
Sender sender_to(const Caller& caller, const domain::TaskId& task);

}  // namespace groundtruth::api::worker
