// See trace_context.hpp.
#include "api/http/trace_context.hpp"

#include <algorithm>

namespace groundtruth::http {
namespace {

constexpr std::size_t kBytes = 55;  // of version 00
constexpr std::size_t kTraceAt = 3, kTraceDigits = 32, kParentAt = 36, kParentDigits = 16, kFlagsAt = 53;

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

std::string read_traceparent(std::string_view field) {
  if (field.size() < kBytes) return {};
  const auto version = field.substr(0, 2);
  const auto trace = field.substr(kTraceAt, kTraceDigits);
  const auto parent = field.substr(kParentAt, kParentDigits);
  const auto flags = field.substr(kFlagsAt, 2);
  const bool has_dashes =
      field[kTraceAt - 1] == '-' && field[kParentAt - 1] == '-' && field[kFlagsAt - 1] == '-';
  if (!has_dashes || !is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return {};
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return {};
  if (field.size() > kBytes && (version == "00" || field[kBytes] != '-')) return {};
  std::string known = "00";
  known.append(field.substr(2, kBytes - 2));
  return known;
}

}  // namespace groundtruth::http
