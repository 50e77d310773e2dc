// The HTTP messages that handlers see: plain values, free of Beast, so that a handler is tested without a
// socket.
#pragma once

#include <any>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace groundtruth::http {

// What handlers return. A handler never blocks its thread: what waits is awaited, what computes for long goes
// to a pool.
template <class T>
using Async = boost::asio::awaitable<T, boost::asio::io_context::executor_type>;
inline constexpr boost::asio::use_awaitable_t<boost::asio::io_context::executor_type> use_awaitable{};

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };
std::string_view to_string(Method method);  // "GET", …

// Header fields in the order in which they came. Names compare without case; there are few, so look-up is
// linear.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);            // replaces every field of that name
  std::optional<std::string_view> find(std::string_view name) const;  // the first one
  std::size_t count(std::string_view name) const;
  std::size_t size() const { return size_; }
  void clear();  // keeps the memory of short fields for the next request of the connection
  std::vector<Field>::const_iterator begin() const { return fields_.begin(); }
  std::vector<Field>::const_iterator end() const {
    return fields_.begin() + static_cast<std::vector<Field>::difference_type>(size_);
  }

 private:
  std::vector<Field> fields_;  // those past size_ are spare
  std::size_t size_ = 0;
};

// ASCII, as header names, schemes and hosts compare.
bool equals_ignoring_case(std::string_view a, std::string_view b);
// Without the white space around it that a header's grammar allows.
std::string_view trim(std::string_view text);

// A body that its handler reads piece by piece (BodyKind::streamed), so that its size costs no memory.
class BodyReader {
 public:
  enum class Outcome : std::uint8_t {
    piece,      // `piece` holds what comes next, never nothing
    complete,   // all of it has been read
    cut_off,    // the client has gone, or the server has answered in the handler's place
    timed_out,  // no piece within the server's body_timeout
    refused,    // more than the route allows, or framing that nobody can read
    no_room,    // the memory budget is spent (memory_budget.hpp)
  };

  // Replaces `piece` by the next kPieceBytes of the body or a little more, fewer at its end alone. After any
  // outcome but `piece` there is no more, and the same outcome again; after all but these two the handler
  // lets go of what it has and returns: the server answers 400, 408, 413 or 503 whatever it says. One call at
  // a time, from the handler itself. While it waits the handler's deadline stands still, and begins anew when
  // it returns.
  virtual Async<Outcome> next(std::string& piece) = 0;

  static constexpr std::size_t kPieceBytes = 128 * 1024;

 protected:
  ~BodyReader() = default;
};

// A request. The server fills everything but `principal`, which the surface's guard sets. While the guard
// runs the body is not read yet. Headers are those that stood before the body: trailers never reach them.
struct Request {
  Method method = Method::get;
  std::string target;  // exactly as received, e.g. "/api/v1/tasks?status=open"
  std::string path;    // percent-decoded; never holds NUL or an undecodable sequence
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order, repeated names kept
  std::vector<std::pair<std::string, std::string>> params;  // path parameters of the matched route
  Headers headers;
  std::string body;
  std::string remote_address;                      // textual IP of the client (client_address.hpp)
  std::string request_id;                          // the caller's own when well-formed, else a new one
  std::string traceparent;                         // the caller's own when well-formed, else a new one
  std::chrono::steady_clock::time_point deadline;  // the handler's answer must be there by then
  std::any principal;                              // who calls; type decided by the surface
  std::string account;  // whose memory the request is, set by the guard; "" where nobody is known
  BodyReader* streamed_body = nullptr;  // on a streamed route, for as long as its handler runs
  // A stop is requested once nobody waits for the answer any more: the client has gone, or the time is over.
  // Work that waits in a queue then need not begin, and what runs may end. Callbacks run on the connection's
  // thread.
  std::stop_token abandoned;

  bool is_abandoned() const { return abandoned.stop_requested(); }

  std::string_view param(std::string_view name) const;  // "" when the route has none such
  std::optional<std::string_view> query_value(std::string_view name) const;  // the first one
};

// A response. `body` is sent with Content-Length. When `next_chunk` is set the body is streamed instead
// (chunked, or with Content-Length where `stream_bytes` says how long it is; a producer that gives fewer or
// more is cut like one that throws): the server calls it on an I/O thread each time the socket took the chunk
// before, until it returns false; it appends to the string that it gets. When it appends nothing and returns
// true, it is asked again after a short pause (50 ms); when it throws, the connection is cut so that the
// client sees an unfinished body. Content-Length, Transfer-Encoding, Date, Connection and X-Request-Id are
// the server's; security headers too, unless the handler sets its own.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<const std::string> shared_body = {};  // instead of `body`: of all who get the same
  std::function<bool(std::string& chunk)> next_chunk;
  std::optional<std::uint64_t> stream_bytes;  // of all chunks together

  void header(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
  }
  std::string_view content() const { return shared_body ? std::string_view(*shared_body) : body; }
};

}  // namespace groundtruth::http
