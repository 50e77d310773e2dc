// The head of a response: status line and the headers that every response has. Pure but for the clock of
// Date.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"
#include "api/http/server.hpp"

namespace groundtruth::http {

std::string_view reason_phrase(int status);

// "Allow" and "Access-Control-Allow-Methods".
std::string join(const std::vector<Method>& methods);

// False for statuses whose responses never have a body.
bool may_have_body(int status);

// The Date header's value, rendered once a second. One a thread.
class DateCache {
 public:
  std::string_view now();

 private:
  std::time_t second_ = -1;
  char text_[32] = {};
  std::size_t length_ = 0;
};

class HeadWriter {
 public:
  struct Exchange {
    bool keep_alive = true;
    bool chunked = false;                            // the body is streamed in chunks
    std::optional<std::uint64_t> stream_bytes = {};  // the body is streamed, and so long
    bool unsized = false;                            // the body is streamed until the connection ends
    bool http_1_0 = false;
  };

  explicit HeadWriter(const ServerOptions& options);

  void append(std::string& out, const Request& request, const Response& response, const Exchange& exchange,
              std::string_view date) const;

  // Adds what a CORS preflight asks for, when the origin may.
  void add_preflight(const Request& request, std::string_view allow, Response& response) const;

 private:
  void append_cors(std::string& out, const Request& request) const;
  bool allows_origin(std::string_view origin) const;

  const std::vector<std::string> cors_origins_;
  const bool any_origin_;
  std::string server_line_;
  std::string
      default_lines_;  // all of the security headers at once, for responses that set none of their own
};

}  // namespace groundtruth::http
