// Entity tags in headers (api/common/etag.hpp).
#include "api/common/etag.hpp"

#include <algorithm>
#include <charconv>

#include "api/http/message.hpp"

namespace groundtruth::api {
namespace {

// The version that a tag of ours names. Tags are compared character by character: "07" is none.
std::optional<std::uint32_t> version_of(std::string_view tag) {
  std::uint32_t version = 0;
  const auto read = std::from_chars(tag.data(), tag.data() + tag.size(), version);
  if (read.ec != std::errc{} || std::to_string(version) != tag) return std::nullopt;
  return version;
}

}  // namespace

std::string etag_of(std::uint32_t version) {
  return '"' + std::to_string(version) + '"';
}

bool none_match_hits(std::string_view header, std::uint32_t version) {
  return none_match_hits(header, std::string_view(etag_of(version)));
}

bool none_match_hits(std::string_view header, std::string_view own) {
  header = http::trim(header);
  if (header == "*") return true;
  while (
      !header.empty()) {  // our own tags hold no comma, so a cut inside a foreign tag cannot make one of ours
    const auto comma = std::min(header.find(','), header.size());
    std::string_view tag = http::trim(header.substr(0, comma));
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == own) return true;
    header.remove_prefix(std::min(comma + 1, header.size()));
  }
  return false;
}

IfMatch parse_if_match(std::string_view header) {
  header = http::trim(header);
  if (header == "*") return {true, {}};
  IfMatch wanted;
  while (!header.empty()) {
    if (header.front() == ',') {
      header = http::trim(header.substr(1));
      continue;
    }
    const bool is_weak = header.starts_with("W/");
    if (is_weak) header.remove_prefix(2);
    const auto end = header.starts_with('"') ? header.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return {};
    const auto version = is_weak ? std::nullopt : version_of(header.substr(1, end - 1));
    if (version) wanted.versions.push_back(*version);
    header = http::trim(header.substr(end + 1));
    if (!header.empty() && header.front() != ',') return {};
  }
  return wanted;
}

std::optional<std::uint32_t> demanded_version(const IfMatch& wanted, std::uint32_t seen) {
  if (wanted.is_any) return std::nullopt;
  const auto& versions = wanted.versions;
  if (std::find(versions.begin(), versions.end(), seen) != versions.end()) return seen;
  return versions.empty() ? 0 : versions.front();
}

}  // namespace groundtruth::api
