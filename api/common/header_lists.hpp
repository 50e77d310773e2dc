// Request headers that are lists: all lines of one name together, and what an Accept header prefers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/http/message.hpp"

namespace groundtruth::api {

// All lines of that name as one list (RFC 9110, 5.3). nullopt: no such header.
std::optional<std::string> list_of(const http::Headers& headers, std::string_view name);

// Whether a caller would rather have `type` than `usual`, which is what everybody gets who does not say so
// (RFC 9110, 12.5.1): by the weights of the most specific ranges that cover the two; where these are equal,
// when `type` is named and `usual` is covered by a wildcard only. A range whose weight cannot be read, and
// one with parameters that neither type has, counts as not there.
bool prefers(const http::Headers& headers, std::string_view type, std::string_view usual);

}  // namespace groundtruth::api
