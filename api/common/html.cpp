// HTML helpers (api/common/html.hpp).
#include "api/common/html.hpp"

namespace groundtruth::api {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string dollars(domain::Cents amount) {
  const std::int64_t cents = amount.value < 0 ? -amount.value : amount.value;
  std::string out = amount.value < 0 ? "-$" : "$";
  out += std::to_string(cents / 100);
  out += '.';
  out += static_cast<char>('0' + cents % 100 / 10);
  out += static_cast<char>('0' + cents % 10);
  return out;
}

http::Response html_page(int status, std::string body, std::string_view policy) {
  http::Response response;
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  response.body = std::move(body);
  response.header("Content-Security-Policy", std::string(policy));
  response.header("Cache-Control", "no-store");
  return response;
}

}  // namespace groundtruth::api
