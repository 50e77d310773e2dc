// See framing.hpp.
#include "api/http/framing.hpp"

#include <algorithm>
#include <cstring>

namespace groundtruth::http {

namespace {

constexpr std::size_t kLengthDigits = 18;  // so that no length overflows

bool is_host_char(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u > 0x20 && u < 0x7F && std::strchr("/?#@\\\"<>^`{|},", c) == nullptr;
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  if (text.empty() || text.size() > kLengthDigits) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

bool list_has(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto item = list.substr(0, list.find(','));
    if (equals_ignoring_case(trim(item), token)) return true;
    list.remove_prefix(std::min(item.size() + 1, list.size()));
  }
  return false;
}

constexpr Fault bad(std::string_view detail) {
  return {Refusal::bad_request, detail};
}

}  // namespace

std::optional<Fault> check_framing(int minor_version, const Headers& headers, Framing& framing) {
  framing = Framing{};
  const bool http_1_0 = minor_version == 0;
  bool chunked = false, sized = false, close = false, keep_alive = false;
  int hosts = 0;
  for (const auto& [name, value] : headers) {
    switch (name.size()) {  // most fields are none of ours: one comparison of lengths sorts them out
      case 4:
        if (!equals_ignoring_case(name, "Host")) break;
        if (++hosts > 1) return bad("more than one Host header");
        if (!std::all_of(value.begin(), value.end(), is_host_char)) return bad("malformed Host header");
        break;
      case 6:
        if (!equals_ignoring_case(name, "Expect")) break;
        if (!equals_ignoring_case(value, "100-continue")) return bad("unknown expectation in Expect");
        framing.expect_continue = !http_1_0;
        break;
      case 10:
        if (!equals_ignoring_case(name, "Connection")) break;
        close = close || list_has(value, "close");
        keep_alive = keep_alive || list_has(value, "keep-alive");
        break;
      case 14:
        if (equals_ignoring_case(name, "Content-Length")) {
          if (sized) return bad("more than one Content-Length header");
          const auto length = parse_length(value);
          if (!length) return bad("malformed Content-Length header");
          sized = true;
          framing.content_length = *length;
        }
        break;
      case 17:
        if (equals_ignoring_case(name, "Transfer-Encoding")) {
          if (chunked) return bad("more than one Transfer-Encoding header");
          if (!equals_ignoring_case(value, "chunked")) return bad("Transfer-Encoding must be chunked");
          chunked = true;
        }
        break;
      default:
        break;
    }
  }
  if (chunked && sized) return bad("both Transfer-Encoding and Content-Length");
  if (chunked && http_1_0) return bad("Transfer-Encoding with HTTP/1.0");
  if (hosts == 0 && !http_1_0) return bad("missing Host header");
  if (chunked) {
    framing.body = BodyFraming::chunked;
  } else if (framing.content_length > 0) {
    framing.body = BodyFraming::sized;
  }
  framing.keep_alive = !close && (!http_1_0 || keep_alive);
  return std::nullopt;
}

bool has_folded_line(std::string_view head) {
  for (auto end = head.find('\n'); end != std::string_view::npos; end = head.find('\n', end + 1)) {
    if (end + 1 < head.size() && (head[end + 1] == ' ' || head[end + 1] == '\t')) return true;
  }
  return false;
}

bool is_json_type(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  if (!equals_ignoring_case(trim(type), "application/json")) return false;
  content_type.remove_prefix(std::min(type.size() + 1, content_type.size()));
  while (!content_type.empty()) {
    const auto whole = content_type.substr(0, content_type.find(';'));
    content_type.remove_prefix(std::min(whole.size() + 1, content_type.size()));
    const auto parameter = trim(whole);
    if (parameter.empty()) continue;
    if (!equals_ignoring_case(parameter, "charset=utf-8") &&
        !equals_ignoring_case(parameter, "charset=\"utf-8\"")) {
      return false;
    }
  }
  return true;
}

}  // namespace groundtruth::http
