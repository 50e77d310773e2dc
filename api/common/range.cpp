// See range.hpp.
#include "api/common/range.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace groundtruth::api {
namespace {

using Kind = RangeChoice::Kind;

// nullopt: not a number. One that is too large for us is larger than everything that we have.
std::optional<std::uint64_t> position(std::string_view text) {
  const bool is_number = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || !is_number) return std::nullopt;
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

RangeChoice whole(std::uint64_t size_bytes) {
  return {Kind::whole, 0, size_bytes};
}

// "-500": the last 500 bytes. Of nothing, these are all.
RangeChoice last_bytes(std::string_view count_text, std::uint64_t size_bytes) {
  const auto count = position(count_text);
  if (!count || size_bytes == 0) return whole(size_bytes);
  if (*count == 0) return {Kind::unsatisfiable, 0, 0};
  const std::uint64_t bytes = std::min(*count, size_bytes);
  return {Kind::part, size_bytes - bytes, bytes};
}

// "500-999", "500-"
RangeChoice from_to(std::string_view first_text, std::string_view last_text, std::uint64_t size_bytes) {
  const auto first = position(first_text);
  const auto last = last_text.empty() ? std::numeric_limits<std::uint64_t>::max() : position(last_text);
  if (!first || !last || *last < *first) return whole(size_bytes);
  if (*first >= size_bytes) return {Kind::unsatisfiable, 0, 0};
  return {Kind::part, *first, std::min(*last, size_bytes - 1) - *first + 1};
}

}  // namespace

RangeChoice choose_range(const http::Headers& headers, std::uint64_t size_bytes, std::string_view etag) {
  constexpr std::string_view unit = "bytes=";
  const auto range = headers.find("Range");
  if (!range || headers.count("Range") != 1) return whole(size_bytes);
  if (const auto version = headers.find("If-Range"); version && http::trim(*version) != etag)
    return whole(size_bytes);
  if (!http::equals_ignoring_case(range->substr(0, unit.size()), unit)) return whole(size_bytes);
  const std::string_view spec = http::trim(range->substr(unit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) return whole(size_bytes);
  if (dash == 0) return last_bytes(spec.substr(1), size_bytes);
  return from_to(spec.substr(0, dash), spec.substr(dash + 1), size_bytes);
}

std::string content_range(const RangeChoice& choice, std::uint64_t size_bytes) {
  std::string text = "bytes ";
  if (choice.kind == Kind::unsatisfiable)
    text += '*';
  else
    text += std::to_string(choice.offset) + '-' + std::to_string(choice.offset + choice.bytes - 1);
  return text + '/' + std::to_string(size_bytes);
}

}  // namespace groundtruth::api
