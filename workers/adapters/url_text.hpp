// The spellings that signed URLs are made of.
#pragma once

#include <string>
#include <string_view>

namespace groundtruth::adapters {

// All but RFC 3986's unreserved characters as %XX, upper-case.
std::string percent_encode(std::string_view text);

// ISO 8601's basic format from RFC 3339's: "2026-06-18T14:32:00Z" is "20260618T143200Z".
std::string basic_time(std::string rfc3339);

}  // namespace groundtruth::adapters
