// Entity tags in headers (api/common/etag.hpp).
#include "api/common/etag.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "api/http/message.hpp"

namespace groundtruth::api {
namespace {

constexpr std::size_t kMaxVersionDigits = 15;

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
  if (header == "*") return {};
  const IfMatch malformed{IfMatch::Kind::malformed, 0};
  if (header.size() < 3 || header.front() != '"' || header.back() != '"') return malformed;
  const auto digits = header.substr(1, header.size() - 2);
  const bool is_number =
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || digits.size() > kMaxVersionDigits) return malformed;
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  constexpr std::uint64_t beyond = std::numeric_limits<std::uint32_t>::max();
  return {IfMatch::Kind::version, static_cast<std::uint32_t>(std::min(number, beyond))};
}

}  // namespace groundtruth::api
