// From bytes to a request, without sockets: Beast's parser, our framing rules, one verdict. The session and
// the fuzzer drive the same code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/framing.hpp"
#include "api/http/message.hpp"

namespace groundtruth::http {

class RequestParser {
 public:
  enum class State : std::uint8_t { need_more, done, fault };

  explicit RequestParser(std::size_t header_limit_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Starts the next request, into a request whose fields are empty.
  void start(Request& request);

  // `bytes` are all bytes from the start of the request on, those of earlier calls included. On `done` the
  // request has method, target, path, query and headers, framing() is valid, and head_bytes() belong to the
  // head. On `fault` it has as much of them as could be read.
  State read_head(std::string_view bytes);

  // The chunked body after the head. Appends to request.body; `consumed` of `bytes` are used up, the rest
  // must be given again in front of what comes. Trailers are dropped.
  void limit_body(std::size_t limit_bytes);
  State read_chunked(std::string_view bytes, std::size_t& consumed);

  const Framing& framing() const { return framing_; }
  const Fault& fault() const { return fault_; }
  std::size_t head_bytes() const { return head_bytes_; }
  bool knows_method() const;  // false: a method that no route can have
  int minor_version() const;  // the x of HTTP/1.x
  // The rest of the head is not waited for: makes that the fault.
  void give_up(Refusal refusal, std::string_view detail);

 private:
  class Impl;

  State fail(Refusal refusal, std::string_view detail);

  const std::size_t header_limit_bytes_;
  std::unique_ptr<Impl> impl_;
  Request* request_ = nullptr;
  Framing framing_;
  Fault fault_{Refusal::bad_request, {}};
  std::size_t head_bytes_ = 0;
  std::uint64_t chunked_budget_bytes_ = 0;
};

}  // namespace groundtruth::http
