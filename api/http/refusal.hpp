// What the server itself says no with, in the words of the surface that was asked.
#pragma once

#include <string_view>

#include "api/http/router.hpp"

namespace groundtruth::http {

// 503 has a Retry-After whatever the surface says. Throws what the surface's format throws.
Response refusal_of(const Surface& surface, Refusal refusal, const Request& request, std::string_view detail);

// For a surface without a format of its own, and when that format itself fails.
Response plain_refusal(Refusal refusal);

}  // namespace groundtruth::http
