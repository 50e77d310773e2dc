// See target.hpp.
#include "api/http/target.hpp"

#include <algorithm>

namespace groundtruth::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_continuation(unsigned char c) {
  return (c & 0xC0U) == 0x80U;
}

// Well-formed UTF-8 without NUL: RFC 3629, so neither overlong forms nor surrogates.
bool is_text(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  while (p != end) {
    const unsigned char c = *p;
    if (c == 0) return false;
    if (c < 0x80) {
      ++p;
      continue;
    }
    const std::ptrdiff_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || end - p < length) return false;
    if (!std::all_of(p + 1, p + length, is_continuation)) return false;
    const unsigned char second = p[1];
    if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) || (c == 0xF0 && second < 0x90) ||
        (c == 0xF4 && second > 0x8F)) {
      return false;
    }
    p += length;
  }
  return true;
}

struct Split {
  std::string_view authority, path, query;
};

Split split(std::string_view target) {
  Split parts;
  if (!target.starts_with('/')) {
    const auto scheme_end = target.find("://");
    if (scheme_end != std::string_view::npos) {
      const std::string_view scheme = target.substr(0, scheme_end);
      if (equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "https")) {
        target.remove_prefix(scheme_end + 3);
        parts.authority = target.substr(0, target.find_first_of("/?"));
        target.remove_prefix(parts.authority.size());
        if (!target.starts_with('/')) {  // "http://host" and "http://host?x" mean the root
          parts.path = "/";
          parts.query = target.empty() ? target : target.substr(1);
          return parts;
        }
      }
    }
  }
  const auto mark = target.find('?');
  parts.path = target.substr(0, mark);
  if (mark != std::string_view::npos) parts.query = target.substr(mark + 1);
  return parts;
}

bool parse_query(std::string_view text, Request& request) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!name || !value) return false;
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else if (plus_is_space && text[i] == '+') {
      decoded.push_back(' ');
    } else {
      decoded.push_back(text[i]);
    }
  }
  if (!is_text(decoded)) return std::nullopt;
  return decoded;
}

std::string_view raw_path(std::string_view target) {
  return split(target).path;
}

bool parse_target(Request& request) {
  const std::string_view target = request.target;
  if (target == "*") {
    request.path = "*";
    return request.method == Method::options;
  }
  if (target.find('#') != std::string_view::npos) return false;
  const Split parts = split(target);
  if (!parts.path.starts_with('/')) return false;
  if (!target.starts_with('/')) {
    const auto host = request.headers.find("Host");
    if (parts.authority.empty() || !host || !equals_ignoring_case(*host, parts.authority)) return false;
  }
  auto path = percent_decode(parts.path);
  if (!path) return false;
  request.path = std::move(*path);
  return parse_query(parts.query, request);
}

}  // namespace groundtruth::http
