// Entity tags: a resource's tag is the version of its stream, quoted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace groundtruth::api {

std::string etag_of(std::uint32_t version);  // "\"3\""

// If-None-Match: "*", or a list of tags, weak ones alike (RFC 9110, 13.1.2). Malformed headers match nothing.
bool none_match_hits(std::string_view header, std::uint32_t version);
// `own` in its quotes, without a comma in it.
bool none_match_hits(std::string_view header, std::string_view own);

// If-Match on a write.
struct IfMatch {
  enum class Kind : std::uint8_t {
    any,        // "*": no precondition beyond that the resource exists
    version,    // one strong tag in the form of ours
    malformed,  // matches nothing: `version` is 0, which no resource has
  };
  Kind kind = Kind::any;
  std::uint32_t version = 0;  // one that no stream has, where the number is beyond all
};
IfMatch parse_if_match(std::string_view header);

}  // namespace groundtruth::api
