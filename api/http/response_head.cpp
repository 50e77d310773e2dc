// See response_head.hpp.
#include "api/http/response_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace groundtruth::http {

namespace {

struct Default {
  std::string_view name, value;
};

// OWASP REST Security Cheat Sheet, "Security Headers". A handler that sets one of them wins.
constexpr std::array kDefaults = {
    Default{"Cache-Control", "no-store"},
    Default{"Content-Security-Policy", "frame-ancestors 'none'"},
    Default{"Strict-Transport-Security", "max-age=63072000"},
    Default{"X-Content-Type-Options", "nosniff"},
    Default{"X-Frame-Options", "DENY"},
    Default{"Referrer-Policy", "no-referrer"},
    Default{"Permissions-Policy", "camera=(), geolocation=(), interest-cohort=(), microphone=()"},
};

constexpr std::array<std::string_view, 5> kServersOwn = {"Content-Length", "Transfer-Encoding", "Date",
                                                         "Connection", "X-Request-Id"};

// What a page of an allowed origin may read: all that the documents tell a client to read, and what a
// download says of its bytes. tests/e2e/test_cors.py derives the list from the documents and from real
// answers.
constexpr std::string_view kExposed =
    "X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Journal-Position, "
    "Retry-After, ETag, Idempotent-Replayed, Location, Allow, WWW-Authenticate, Date, Accept-Ranges, "
    "Content-Range, Content-Length, Content-Disposition";

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const auto start = out.size();
  out.append(value);
  // A value that carries a client's text must not be able to start a line of its own.
  for (auto i = start; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if (c < 0x20 && c != '\t') out[i] = ' ';
  }
  out.append("\r\n");
}

void append_number(std::string& out, std::size_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 425:
      return "Too Early";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Unknown";
  }
}

std::string join(const std::vector<Method>& methods) {
  std::string text;
  for (const Method method : methods) {
    if (!text.empty()) text.append(", ");
    text.append(to_string(method));
  }
  return text;
}

bool may_have_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

std::string_view DateCache::now() {
  const std::time_t second = std::time(nullptr);
  if (second != second_) {
    second_ = second;
    std::tm parts{};
    gmtime_r(&second, &parts);
    // Not %a and %b: they follow the locale.
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char numbers[2][24];
    std::strftime(numbers[0], sizeof numbers[0], ", %d ", &parts);
    std::strftime(numbers[1], sizeof numbers[1], " %Y %H:%M:%S GMT", &parts);
    std::string text = kDays[parts.tm_wday];
    text.append(numbers[0]).append(kMonths[parts.tm_mon]).append(numbers[1]);
    length_ = text.copy(text_, sizeof text_);
  }
  return {text_, length_};
}

HeadWriter::HeadWriter(const ServerOptions& options)
    : cors_origins_(options.cors_origins),
      any_origin_(std::find(cors_origins_.begin(), cors_origins_.end(), "*") != cors_origins_.end()) {
  if (!options.server_name.empty()) append_line(server_line_, "Server", options.server_name);
  for (const auto& [name, value] : kDefaults) append_line(default_lines_, name, value);
}

void HeadWriter::append(std::string& out, const Request& request, const Response& response,
                        const Exchange& exchange, std::string_view date) const {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\nDate: ").append(date).append("\r\n");
  out.append(server_line_);
  if (may_have_body(response.status)) {
    if (!response.content_type.empty()) append_line(out, "Content-Type", response.content_type);
    if (exchange.chunked) {
      out.append("Transfer-Encoding: chunked\r\n");
    } else if (!exchange.unsized) {
      out.append("Content-Length: ");
      append_number(out, exchange.stream_bytes.value_or(response.content().size()));
      out.append("\r\n");
    }
  }
  out.append("X-Request-Id: ").append(request.request_id).append("\r\n");
  std::array<bool, kDefaults.size()> own{};
  bool any_own = false;
  for (const auto& [name, value] : response.headers) {
    const auto same = [&name = name](std::string_view other) { return equals_ignoring_case(name, other); };
    if (name.empty() || name.find_first_of("\r\n: ") != std::string::npos) continue;
    if (std::any_of(kServersOwn.begin(), kServersOwn.end(), same)) continue;
    if (same("Content-Type") && !response.content_type.empty()) continue;
    for (std::size_t i = 0; i < kDefaults.size(); ++i) {
      if (same(kDefaults[i].name)) own[i] = any_own = true;
    }
    append_line(out, name, value);
  }
  if (!any_own) {
    out.append(default_lines_);
  } else {
    for (std::size_t i = 0; i < kDefaults.size(); ++i) {
      if (!own[i]) append_line(out, kDefaults[i].name, kDefaults[i].value);
    }
  }
  if (!cors_origins_.empty()) append_cors(out, request);
  if (!exchange.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (exchange.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

bool HeadWriter::allows_origin(std::string_view origin) const {
  return any_origin_ || std::find(cors_origins_.begin(), cors_origins_.end(), origin) != cors_origins_.end();
}

void HeadWriter::append_cors(std::string& out, const Request& request) const {
  if (!any_origin_) append_line(out, "Vary", "Origin");  // also without a match: caches must not mix the two
  const auto origin = request.headers.find("Origin");
  if (!origin || !allows_origin(*origin)) return;
  append_line(out, "Access-Control-Allow-Origin", any_origin_ ? "*" : *origin);
  append_line(out, "Access-Control-Expose-Headers", kExposed);
}

void HeadWriter::add_preflight(const Request& request, std::string_view allow, Response& response) const {
  const auto origin = request.headers.find("Origin");
  if (!origin || !allows_origin(*origin) || !request.headers.find("Access-Control-Request-Method")) return;
  response.header("Access-Control-Allow-Methods", std::string(allow));
  // "*" would not cover Authorization, so what is asked for is what is allowed.
  if (const auto asked = request.headers.find("Access-Control-Request-Headers")) {
    response.header("Access-Control-Allow-Headers", std::string(*asked));
  }
  response.header("Access-Control-Max-Age", "600");
}

}  // namespace groundtruth::http
