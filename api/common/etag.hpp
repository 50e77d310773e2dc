// Entity tags: a resource's tag is the version of its stream, quoted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace groundtruth::api {

std::string etag_of(std::uint32_t version);  // "\"3\""

// If-None-Match: "*", or a list of tags, weak ones alike (RFC 9110, 13.1.2). Malformed headers match nothing.
bool none_match_hits(std::string_view header, std::uint32_t version);
// `own` in its quotes, without a comma in it.
bool none_match_hits(std::string_view header, std::string_view own);

// If-Match on a write: "*", or a list of tags of which one must be the resource's, compared strongly: a weak
// tag matches nothing, nor does a malformed list.
struct IfMatch {
  bool is_any = false;                  // "*": no precondition beyond that the resource exists
  std::vector<std::uint32_t> versions;  // those of tags in the form of ours, in their order
};
IfMatch parse_if_match(std::string_view header);

// The version that a write may demand of its stream, of those that the header names: the one that was seen
// last, else the first of them, else 0, which no resource has. nullopt: any.
std::optional<std::uint32_t> demanded_version(const IfMatch& wanted, std::uint32_t seen);

}  // namespace groundtruth::api
