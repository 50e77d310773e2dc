// Sending commands in the caller's name, in this surface's words (api/common/exchange.hpp).
#pragma once

#include "api/common/exchange.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/guard.hpp"
#include "api/groundtruth/services.hpp"

namespace groundtruth::api::groundtruth {

http::Async<journal::Answer> execute(Services& services, const http::Request& request, Order order);

// The answer to a write that was not accepted.
http::Response not_written(const journal::Answer& answer);

}  // namespace groundtruth::api::groundtruth
