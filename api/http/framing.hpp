// Where a request ends: the checks that keep two readers of one connection from disagreeing (request
// smuggling). Pure. The parser below is laxer than these rules; RFC 9112, sections 5.2, 6 and 3.2, is the
// source.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "api/http/message.hpp"
#include "api/http/router.hpp"

namespace groundtruth::http {

enum class BodyFraming : std::uint8_t { none, sized, chunked };

struct Framing {
  BodyFraming body = BodyFraming::none;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
};

struct Fault {
  Refusal refusal;
  std::string_view detail;  // static text, for the client
};

// `minor_version` is the x of HTTP/1.x. On a fault `framing` is of no use and the connection must be closed.
std::optional<Fault> check_framing(int minor_version, const Headers& headers, Framing& framing);

// True when a field of the head goes on in a second line. `head` is the raw head with its final empty line.
bool has_folded_line(std::string_view head);

// Content-Type of a JSON body: application/json, alone or with charset=utf-8.
bool is_json_type(std::string_view content_type);

}  // namespace groundtruth::http
