// Which requests are let in, and where they end: the shapes of request smuggling, limits, chunks.
#include "api/http/framing.hpp"

#include <doctest/doctest.h>

#include <string>

#include "api/http/parser.hpp"

namespace groundtruth::http {
namespace {

using State = RequestParser::State;

constexpr std::size_t kHeaderLimit = 1024;
constexpr std::size_t kBodyLimit = 16;

struct ReadOutcome {
  bool complete = false;
  int refused = -1;  // a Refusal
  std::string body;
  bool keep_alive = false;
  std::size_t left_bytes = 0;
};

ReadOutcome refused(const RequestParser& parser) {
  ReadOutcome outcome;
  outcome.refused = static_cast<int>(parser.fault().refusal);
  return outcome;
}

// Reads one request as the session does, `step` bytes at a time.
ReadOutcome read(const std::string& bytes, std::size_t step) {
  RequestParser parser(kHeaderLimit);
  Request request;
  parser.start(request);
  std::string buffer;
  std::size_t fed = 0;
  const auto feed = [&] {
    buffer.append(bytes, fed, step);
    fed += std::min(step, bytes.size() - fed);
  };
  for (;;) {
    const auto state = parser.read_head(buffer);
    if (state == State::fault) return refused(parser);
    if (state == State::done) break;
    if (fed == bytes.size()) return {};
    feed();
  }
  buffer.erase(0, parser.head_bytes());
  ReadOutcome outcome;
  outcome.keep_alive = parser.framing().keep_alive;
  if (parser.framing().body == BodyFraming::sized) {
    while (buffer.size() < parser.framing().content_length && fed < bytes.size()) feed();
    if (buffer.size() < parser.framing().content_length) return {};
    outcome.body = buffer.substr(0, parser.framing().content_length);
    buffer.erase(0, outcome.body.size());
  } else if (parser.framing().body == BodyFraming::chunked) {
    parser.limit_body(kBodyLimit);
    for (;;) {
      std::size_t used = 0;
      const auto state = parser.read_chunked(buffer, used);
      buffer.erase(0, used);
      if (state == State::fault) return refused(parser);
      if (state == State::done) break;
      if (fed == bytes.size()) return {};
      feed();
    }
    CHECK(!request.headers.find("Trailer-Field"));
    CHECK(!request.headers.find("Authorization"));
    outcome.body = request.body;
  }
  outcome.complete = true;
  outcome.left_bytes = buffer.size() + bytes.size() - fed;
  return outcome;
}

const std::string kPost = "POST /a HTTP/1.1\r\nHost: h\r\n";

TEST_CASE("requests that are refused, however their bytes arrive") {
  struct Row {
    std::string what, bytes;
    Refusal refusal = Refusal::bad_request;
  };
  using namespace std::string_literals;
  const Row rows[] = {
      {"both lengths", kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"both lengths, the other order",
       kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"gzip", kPost + "Transfer-Encoding: gzip\r\n\r\n"},
      {"gzip, chunked", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked, identity", kPost + "Transfer-Encoding: chunked, identity\r\n\r\n"},
      {"chunked twice in a field", kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked twice", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"xchunked with a length", kPost + "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc"},
      {"quoted chunked", kPost + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
      {"empty transfer coding", kPost + "Transfer-Encoding:\r\n\r\n"},
      {"chunked on HTTP/1.0", "POST /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"two equal lengths", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
      {"two lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
      {"a list of lengths", kPost + "Content-Length: 3, 3\r\n\r\nabc"},
      {"signed length", kPost + "Content-Length: +3\r\n\r\nabc"},
      {"negative length", kPost + "Content-Length: -3\r\n\r\nabc"},
      {"hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\nabc"},
      {"empty length", kPost + "Content-Length:\r\n\r\n"},
      {"endless length", kPost + "Content-Length: 99999999999999999999\r\n\r\nabc"},
      {"no host", "GET /a HTTP/1.1\r\n\r\n"},
      {"two hosts", "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"a host with a path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"two hosts in one", "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"folded line", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"},
      {"folded line after nothing", "GET /a HTTP/1.1\r\nHost: h\r\nX:\r\n\tb\r\n\r\n"},
      {"folded transfer coding", kPost + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
      {"space before the colon", kPost + "Content-Length : 3\r\n\r\nabc"},
      {"space before the name", "GET /a HTTP/1.1\r\n Host: h\r\n\r\n"},
      {"nameless field", "GET /a HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"},
      {"line without colon", "GET /a HTTP/1.1\r\nHost: h\r\nfoo\r\n\r\n"},
      {"bare line feeds", "GET /a HTTP/1.1\nHost: h\n\n\r\n\r\n"},
      {"bare carriage return in a value", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"},
      {"NUL in a value", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"s},
      {"NUL in the path", "GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"half an escape", "GET /a%2 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"no path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"authority form", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"two spaces in the request line", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"HTTP/0.9", "GET /a\r\n\r\n"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"HTTP/1.2", "GET /a HTTP/1.2\r\nHost: h\r\n\r\n"},
      {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s},
      {"unknown expectation", kPost + "Expect: the-unexpected\r\n\r\n"},
      {"an oversized field", "GET /a HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n",
       Refusal::headers_too_large},
      {"an oversized target", "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n",
       Refusal::headers_too_large},
      {"a chunk past the limit",
       kPost + "Transfer-Encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n",
       Refusal::body_too_large},
      {"chunks past the limit",
       kPost + "Transfer-Encoding: chunked\r\n\r\n9\r\n012345678\r\n9\r\n012345678\r\n0\r\n\r\n",
       Refusal::body_too_large},
      {"an endless chunk", kPost + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc",
       Refusal::body_too_large},
      {"a chunk size past 64 bits", kPost + "Transfer-Encoding: chunked\r\n\r\n1FFFFFFFFFFFFFFFF\r\nabcdef"},
      {"a chunk size that is none", kPost + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc"},
      {"a negative chunk size", kPost + "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n"},
      {"a chunk longer than it says", kPost + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"},
      {"a bare line feed after a chunk size", kPost + "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n"},
      {"an endless chunk extension",
       kPost + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(2000, 'x') + "\r\na\r\n0\r\n\r\n"},
      {"a trailer that frames", kPost + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n"},
  };
  for (const Row& row : rows) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.bytes.size()}) {
      CAPTURE(row.what);
      CAPTURE(step);
      const ReadOutcome outcome = read(row.bytes, step);
      CHECK(!outcome.complete);
      CHECK(outcome.refused == static_cast<int>(row.refusal));
    }
  }
}

TEST_CASE("requests that are read, however their bytes arrive") {
  struct Row {
    std::string what, bytes, body;
    bool keep_alive = true;
    std::size_t left_bytes = 0;
  };
  const Row rows[] = {
      {"a plain one", "GET /a HTTP/1.1\r\nHost: h\r\n\r\n", ""},
      {"an empty host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", ""},
      {"an IPv6 host", "GET /a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", ""},
      {"1.0 without host", "GET /a HTTP/1.0\r\n\r\n", "", false},
      {"1.0 kept alive", "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", ""},
      {"close", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n", "", false},
      {"close wins", "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive\r\n\r\n", "", false},
      {"a sized body", kPost + "Content-Length: 3\r\n\r\nabc", "abc"},
      {"a body of no bytes", kPost + "Content-Length: 0\r\n\r\n", ""},
      {"the next request stays", kPost + "Content-Length: 3\r\n\r\nabcGET /", "abc", true, 5},
      {"chunks", kPost + "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n002;x=\"y\"\r\nde\r\n0\r\n\r\n",
       "abcde"},
      {"chunks of nothing", kPost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
      {"as many as allowed", kPost + "Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
       "0123456789abcdef"},
      {"trailers are dropped",
       kPost +
           "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer-Field: x\r\nAuthorization: y\r\n\r\n",
       "a"},
      {"the next request stays after chunks", kPost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /", "",
       true, 5},
  };
  for (const Row& row : rows) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.bytes.size()}) {
      CAPTURE(row.what);
      CAPTURE(step);
      const ReadOutcome outcome = read(row.bytes, step);
      CHECK(outcome.refused == -1);
      REQUIRE(outcome.complete);
      CHECK(outcome.body == row.body);
      CHECK(outcome.keep_alive == row.keep_alive);
      CHECK(outcome.left_bytes == row.left_bytes);
    }
  }
}

TEST_CASE("a hundred header fields are enough") {
  std::string bytes = "GET /a HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 99; ++i) bytes += "a:\r\n";
  CHECK(read(bytes + "\r\n", bytes.size() + 2).complete);
  CHECK(read(bytes + "a:\r\n\r\n", 7).refused == static_cast<int>(Refusal::headers_too_large));
}

TEST_CASE("the type of a JSON body") {
  for (const char* good : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                           "application/json;charset=UTF-8", "application/json ; charset=\"utf-8\";"}) {
    CAPTURE(good);
    CHECK(is_json_type(good));
  }
  for (const char* bad : {"", "text/json", "application/jsonp", "application/json; charset=latin1",
                          "application/json, text/plain", "application/x-www-form-urlencoded"}) {
    CAPTURE(bad);
    CHECK(!is_json_type(bad));
  }
}

}  // namespace
}  // namespace groundtruth::http
