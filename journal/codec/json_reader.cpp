// The parts of the reader that are no templates (journal/codec/json_reader.hpp).
#include "journal/codec/json_reader.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace groundtruth::journal::codec {
namespace detail {
namespace {

// Objects up to this size are compared name by name; larger ones are sorted, for a client chooses the size.
constexpr std::size_t kPairwise = 16;

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

// The beginning of an overlong name, cut between characters.
std::string_view shortened(std::string_view name) {
  if (name.size() <= kMaxNameBytes) return name;
  std::size_t size = kMaxNameBytes;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80) --size;
  return name.substr(0, size);
}

void append_path(std::string& out, const Path& path) {
  if (path.parent == nullptr) return;
  append_path(out, *path.parent);
  if (path.is_item) {
    out += '[';
    out += std::to_string(path.index);
    out += ']';
    return;
  }
  if (!out.empty()) out += '.';
  const auto name = shortened(path.name);
  out += name;
  if (name.size() != path.name.size()) out += "\u2026";
}

}  // namespace

void Reader::fail(const Path& path, std::string code, std::string message) {
  if (++error_count_ > kMaxFieldErrors) return;
  FieldError error{{}, std::move(code), std::move(message)};
  append_path(error.path, path);
  errors_.push_back(std::move(error));
}

void Reader::wrong_type(const Path& path, std::string_view wanted) {
  fail(path, "invalid_type", "must be " + std::string(wanted));
}

void Reader::fail_too_long(const Path& path, std::size_t at_least, std::size_t max, std::string_view unit) {
  auto problem = check_length(std::max(at_least, max + 1), 0, max, unit);
  fail(path, std::move(problem->code), std::move(problem->message));
}

void Reader::duplicate(const Path& path) {
  fail(path, "duplicate_field", "is given more than once");
}

void Reader::read(const JsonNode* node, bool& out, const Path& path) {
  if (node->kind != JsonKind::boolean) return wrong_type(path, "true or false");
  out = node->boolean;
}

void Reader::read(const JsonNode* node, double& out, const Path& path) {
  if (node->kind == JsonKind::integer)
    out = static_cast<double>(node->integer);
  else if (node->kind == JsonKind::number || (node->kind == JsonKind::beyond && std::isfinite(node->number)))
    out = node->number;
  else if (node->kind == JsonKind::beyond)
    fail(path, "out_of_range", "is too large a number");
  else
    wrong_type(path, "a number");
}

void Reader::read(const JsonNode* node, std::string& out, const Path& path) {
  if (node->kind != JsonKind::string) return wrong_type(path, "a string");
  if (has_nul(node->string())) return fail(path, "invalid_value", "must not contain a NUL character");
  out = node->string();
}

void Reader::read(const JsonNode* node, domain::Timestamp& out, const Path& path) {
  if (node->kind != JsonKind::string) return wrong_type(path, "a string");
  const auto time = domain::parse_rfc3339(node->string());
  if (!time) return fail(path, "invalid_value", "must be an RFC 3339 time such as 2026-06-18T14:32:00Z");
  out = *time;
}

void Reader::read(const JsonNode* node, domain::JsonObject& out, const Path& path) {
  if (node->kind != JsonKind::object) return wrong_type(path, "an object");
  const auto errors_before = error_count_;
  check_raw(node, path);
  if (error_count_ == errors_before) out.text = document_.raw_text(node);
}

std::optional<std::int64_t> Reader::integer(const JsonNode* node, std::int64_t low, std::int64_t high,
                                            const Path& path) {
  if (node->kind != JsonKind::integer && node->kind != JsonKind::beyond) {
    wrong_type(path, "an integer");
    return std::nullopt;
  }
  if (node->kind == JsonKind::beyond || node->integer < low || node->integer > high) {
    fail(path, "out_of_range",
         "must be an integer between " + std::to_string(low) + " and " + std::to_string(high));
    return std::nullopt;
  }
  return node->integer;
}

// What holds for every text and every object also holds inside of an object that we do not look into.
void Reader::check_raw(const JsonNode* node, const Path& path) {
  switch (node->kind) {
    case JsonKind::null:
    case JsonKind::boolean:
    case JsonKind::integer:
    case JsonKind::number:
    case JsonKind::beyond:
      return;
    case JsonKind::string:
      if (has_nul(node->string())) fail(path, "invalid_value", "must not contain a NUL character");
      return;
    case JsonKind::array: {
      std::size_t index = 0;
      for (auto item = node->first(), end = node->next(); item != end; item = item->next())
        check_raw(item, Path{&path, {}, index++, true});
      return;
    }
    case JsonKind::object:
      break;
  }
  std::vector<std::string_view> names;
  names.reserve(node->count);
  for (auto key = node->first(), end = node->next(); key != end; key = key->next()->next()) {
    const Path at{&path, key->string(), 0, false};
    if (has_nul(key->string())) fail(at, "invalid_value", "must not contain a NUL character");
    if (node->count <= kPairwise && std::find(names.begin(), names.end(), key->string()) != names.end())
      duplicate(at);
    names.push_back(key->string());
    check_raw(key->next(), at);
  }
  if (node->count <= kPairwise) return;
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i] == names[i - 1]) duplicate(Path{&path, names[i], 0, false});
}

void throw_sealed_outside_event() {
  throw std::logic_error("a sealed value can stand only in an event's own members");
}

void throw_bad_plain_text(std::string_view field) {
  throw BadSealedValue("the sealed value in '" + std::string(field) + "' is not of the field's type");
}

}  // namespace detail

std::size_t code_points(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::optional<FieldProblem> check_length(std::size_t actual, std::size_t min, std::size_t max,
                                         std::string_view unit) {
  if (actual >= min && actual <= max) return std::nullopt;
  const bool is_short = actual < min;
  const std::size_t limit = is_short ? min : max;
  std::string message = is_short ? "must have at least " : "must have at most ";
  message += std::to_string(limit);
  message += ' ';
  message += unit;
  if (limit != 1) message += 's';
  return FieldProblem{is_short ? "too_short" : "too_long", std::move(message), std::nullopt};
}

std::optional<FieldProblem> check_range(std::int64_t actual, std::int64_t min, std::int64_t max) {
  if (actual >= min && actual <= max) return std::nullopt;
  return FieldProblem{"out_of_range",
                      "must be between " + std::to_string(min) + " and " + std::to_string(max), std::nullopt};
}

}  // namespace groundtruth::journal::codec
