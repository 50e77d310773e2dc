// Range requests (RFC 9110, section 14): which bytes of a representation a GET asks for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/http/message.hpp"

namespace groundtruth::api {

struct RangeChoice {
  enum class Kind : std::uint8_t {
    whole,          // 200: no range, or one that is ignored: malformed, several at once, another version's
    part,           // 206
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // what to send from there; 0 when unsatisfiable
};

// For a GET alone: other methods have no ranges. `etag` is the strong one of what is sent, in its quotes, to
// compare with If-Range; a date there never matches, for we give none.
RangeChoice choose_range(const http::Headers& headers, std::uint64_t size_bytes, std::string_view etag);

// The value of Content-Range for 206 and 416: "bytes 0-99/1000", "bytes */1000".
std::string content_range(const RangeChoice& choice, std::uint64_t size_bytes);

}  // namespace groundtruth::api
