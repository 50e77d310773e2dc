// Sending commands and waiting, in this surface's words (api/common/exchange.hpp).
#pragma once

#include "api/common/exchange.hpp"
#include "api/worker/errors.hpp"
#include "api/worker/guard.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

// The answer to a write that was not accepted.
http::Response not_written(const journal::Answer& answer);

// If-Match of a write to `stream`; nullopt: no such header, or "*".
std::optional<journal::ExpectedVersion> expected_version(const http::Request& request, std::string stream);

// A body of `{}` or none. nullopt: it is.
std::optional<http::Response> refuse_body(const http::Request& request);

}  // namespace groundtruth::api::worker
