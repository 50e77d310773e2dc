// Reading query parameters (api/common/fields.hpp).
#include "api/common/fields.hpp"

#include <algorithm>
#include <charconv>

namespace groundtruth::api {
namespace {

constexpr std::size_t kMaxShownNameBytes = 100;

// A name comes from the client and goes back in the answer: not all of it where it is long.
std::string shown(std::string_view name) {
  if (name.size() <= kMaxShownNameBytes) return std::string(name);
  std::size_t size = kMaxShownNameBytes;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  return std::string(name.substr(0, size)) + "\u2026";
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string_view public_code(std::string_view codec_code) {
  if (codec_code == "too_short" || codec_code == "too_long") return "out_of_range";
  if (codec_code == "duplicate_item") return "invalid_value";
  return codec_code;
}

void use_public_codes(FieldErrors& errors) {
  for (auto& error : errors)
    if (const auto code = public_code(error.code); code != error.code) error.code = std::string(code);
}

std::optional<std::string_view> QueryReader::text(std::string_view name) {
  known_.push_back(name);
  return request_.query_value(name);
}

std::optional<std::int64_t> QueryReader::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  if (!is_number(*given)) {
    fail(name, "invalid_type", "must be an integer");
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto read = std::from_chars(given->data(), given->data() + given->size(), value);
  if (read.ec != std::errc{} || value < min || value > max) {
    fail(name, "out_of_range", "must be between " + std::to_string(min) + " and " + std::to_string(max));
    return std::nullopt;
  }
  return value;
}

std::optional<domain::Timestamp> QueryReader::time(std::string_view name) {
  const auto given = text(name);
  if (!given) return std::nullopt;
  const auto time = domain::parse_rfc3339(*given);
  if (!time) fail(name, "invalid_value", "must be an RFC 3339 time such as 2026-06-18T14:32:00Z");
  return time;
}

void QueryReader::fail(std::string_view name, std::string_view code, std::string message) {
  if (errors_.size() < journal::codec::kMaxFieldErrors)
    errors_.push_back({shown(name), std::string(code), std::move(message)});
}

FieldErrors QueryReader::finish() {
  for (auto at = request_.query.begin(); at != request_.query.end(); ++at) {
    const bool is_known = std::find(known_.begin(), known_.end(), at->first) != known_.end();
    const bool is_repeated = std::any_of(request_.query.begin(), at,
                                         [&](const auto& before) { return before.first == at->first; });
    if (!is_known && !is_repeated) fail(at->first, "unknown_field", "is not a known parameter");
    if (is_known && is_repeated) fail(at->first, "duplicate_field", "is given more than once");
    if (errors_.size() >= journal::codec::kMaxFieldErrors) break;
  }
  return std::move(errors_);
}

FieldErrors refuse_query(const http::Request& request) {
  if (request.query.empty()) return {};
  return QueryReader(request).finish();
}

}  // namespace groundtruth::api
