// See header_lists.hpp.
#include "api/common/header_lists.hpp"

#include <algorithm>

namespace groundtruth::api {
namespace {

constexpr int kFullWeight = 1'000;

// "0.5" is 500; at most three digits behind the point (RFC 9110, 12.4.2). nullopt: malformed.
std::optional<int> weight_of(std::string_view text) {
  constexpr std::size_t longest = 5;  // "0.123"
  if (text.empty() || text.size() > longest || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int weight = (text[0] - '0') * kFullWeight;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int scale = kFullWeight / 10;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return std::nullopt;
    weight += (c - '0') * scale;
    scale /= 10;
  }
  if (weight > kFullWeight) return std::nullopt;
  return weight;
}

// The part of `text` before the first `separator` outside quotes, which is cut off with it.
std::string_view cut(std::string_view& text, char separator) {
  bool is_quoted = false;
  std::size_t end = 0;
  for (; end < text.size() && (is_quoted || text[end] != separator); ++end) {
    if (text[end] == '"') is_quoted = !is_quoted;
    if (is_quoted && text[end] == '\\' && end + 1 < text.size()) ++end;
  }
  const auto part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return http::trim(part);
}

enum class Closeness : std::uint8_t { none, anything, main_type, exact };

Closeness closeness(std::string_view range, std::string_view type) {
  if (http::equals_ignoring_case(range, type)) return Closeness::exact;
  if (range == "*/*") return Closeness::anything;
  const auto slash = type.find('/');
  const bool is_main = range.ends_with("/*") && range.size() == slash + 2 &&
                       http::equals_ignoring_case(range.substr(0, slash), type.substr(0, slash));
  return is_main ? Closeness::main_type : Closeness::none;
}

struct Wish {
  Closeness closeness = Closeness::none;
  int weight = 0;
};

Wish wish_for(std::string_view accept, std::string_view type) {
  Wish wish;
  while (!accept.empty()) {
    std::string_view range = cut(accept, ',');
    const Closeness now = closeness(cut(range, ';'), type);
    std::optional<int> weight = kFullWeight;
    while (!range.empty() && weight) {
      std::string_view parameter = cut(range, ';');
      const auto name = http::trim(parameter.substr(0, parameter.find('=')));
      const auto value = parameter.find('=') == std::string_view::npos
                             ? std::string_view{}
                             : http::trim(parameter.substr(parameter.find('=') + 1));
      if (http::equals_ignoring_case(name, "q"))
        weight = weight_of(value);
      else if (!name.empty() && !http::equals_ignoring_case(name, "charset"))
        weight.reset();
    }
    if (weight && now > wish.closeness) wish = {now, *weight};
  }
  return wish;
}

}  // namespace

std::optional<std::string> list_of(const http::Headers& headers, std::string_view name) {
  std::optional<std::string> all;
  for (const auto& [field, value] : headers) {
    if (!http::equals_ignoring_case(field, name)) continue;
    if (all)
      all->append(", ").append(value);
    else
      all = value;
  }
  return all;
}

bool prefers(const http::Headers& headers, std::string_view type, std::string_view usual) {
  const auto accept = list_of(headers, "Accept");
  if (!accept) return false;
  const Wish wished = wish_for(*accept, type), otherwise = wish_for(*accept, usual);
  if (wished.weight != otherwise.weight) return wished.weight > otherwise.weight;
  return wished.weight > 0 && wished.closeness == Closeness::exact && otherwise.closeness != Closeness::exact;
}

}  // namespace groundtruth::api
