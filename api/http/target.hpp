// The request target: percent-decoding, path and query. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/http/message.hpp"

namespace groundtruth::http {

// nullopt: a bad escape, NUL, or not UTF-8. `plus_is_space` as in a query.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

// The path as it came, still encoded: without query, and without scheme and host of the absolute form.
std::string_view raw_path(std::string_view target);

// Fills path and query from request.target; false when the target is malformed, or names another host than
// the Host header does. "*" is well-formed with OPTIONS alone.
bool parse_target(Request& request);

}  // namespace groundtruth::http
