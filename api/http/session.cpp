// What a connection answers: route, guard, body, handler, in that order (CONTRACTS, "Order of checks").
#include "api/http/session.hpp"

#include <algorithm>
#include <exception>

#include "api/http/async.hpp"
#include "api/http/framing.hpp"
#include "api/http/refusal.hpp"
#include "api/http/trace_context.hpp"

namespace groundtruth::http {

namespace {

constexpr std::size_t kSpareBytes = 16 * 1024;  // of each buffer, kept for the next request
constexpr std::size_t kRequestIdBytes = 128;
// What decoding a body takes beside it: the parser's copy, the texts that it unescapes, the fields that they
// become.
constexpr std::size_t kDecodingFactor = 3;

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kRequestIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

Session::Session(ServerContext& context, IoThread& thread, Socket socket,
                 const boost::asio::ip::address& peer, ConnectionLimits::Place place)
    : context_(context),
      thread_(thread),
      place_(std::move(place)),
      socket_(std::move(socket)),
      peer_(peer.to_string()),
      is_from_proxy_(context.proxies.contain(peer)),
      parser_(context.options.header_limit_bytes),
      hold_(context.memory.get()),
      deadline_(Clock::time_point::max()) {
  request_.abandoned = client_gone_.get_token();
  thread_.enlist(*this);
}

Session::~Session() {
  thread_.dismiss(*this);
}

Async<void> Session::run(std::shared_ptr<Session> self) {
  std::string failure;
  try {
    co_await self->serve();
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "unknown exception";
  }
  if (!failure.empty() && self->context_.error_log)
    self->context_.error_log(self->request_.request_id, self->request_.traceparent, failure);
  if (!self->abandoned_) self->close();
}

Async<void> Session::serve() {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  for (;;) {
    begin_request();
    const bool arrived = co_await read_head();
    if (!arrived) co_return;
    thread_.count_request();
    co_await respond();
    if (abandoned_) co_return;
    finish();
    let_body_go();
    if (thread_.draining() || (!body_read_ && !small_enough_to_discard())) keep_alive_ = false;
    const bool written = co_await write_response();
    log(sent_bytes_);
    if (!written) co_return;
    if (!keep_alive_) break;
    if (!body_read_) {
      const bool clean = co_await discard_body();
      if (!clean) co_return;
    }
  }
  // What the client still sends would make the kernel reset the connection before the client has read our
  // answer.
  if (!body_read_ || !input_.bytes().empty()) co_await linger(shared_from_this());
}

void Session::begin_request() {
  request_.target.clear();
  request_.path.clear();
  request_.query.clear();
  request_.params.clear();
  request_.headers.clear();
  request_.request_id.clear();
  request_.traceparent.clear();
  request_.principal.reset();
  request_.account.clear();
  request_.streamed_body = nullptr;
  let_body_go();
  request_.body.clear();
  request_.method = Method::get;
  request_.remote_address = peer_;
  response_ = Response{};
  match_ = Match{};
  if (head_.capacity() > kSpareBytes) std::string().swap(head_);
  if (chunk_.capacity() > kSpareBytes) std::string().swap(chunk_);
  input_.recycle();
  answer_bytes_ = 0;
  hold(input_.capacity(), 0, 0);  // less than before, so there is room for it
  request_bytes_ = sent_bytes_ = 0;
  stream_state_ = Outcome::piece;
  keep_alive_ = body_read_ = true;
  continue_owed_ = timed_out_ = false;
}

// Nobody looks at it once the answer is there; what is small stays for the next request.
void Session::let_body_go() {
  if (request_.body.capacity() > kSpareBytes) std::string().swap(request_.body);
  body_bytes_ = 0;
}

// Expects read_head() to have left a request, or a fault of its head (parser_.fault() and keep_alive_ false).
Async<void> Session::respond() {
  // A head that was not read to its end lacks what the proxy wrote last.
  if (is_from_proxy_ && keep_alive_)
    request_.remote_address = context_.proxies.client_of(request_.headers, peer_);
  if (const auto id = request_.headers.find("X-Request-Id"); id && is_request_id(*id)) {
    request_.request_id.assign(*id);
  } else {
    thread_.append_request_id(request_.request_id);
  }
  if (const auto trace = request_.headers.find("traceparent");
      trace && request_.headers.count("traceparent") == 1)
    request_.traceparent = read_traceparent(*trace);
  if (request_.traceparent.empty()) thread_.append_traceparent(request_.traceparent);
  std::string failure;
  try {
    if (!keep_alive_) {
      refuse_rest(parser_.fault().refusal, parser_.fault().detail);
      co_return;
    }
    match_ = context_.router.match(request_);
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "unknown exception";
  }
  if (!failure.empty()) {
    fail(failure);
    co_return;
  }
  const Framing& framing = parser_.framing();
  keep_alive_ = framing.keep_alive;
  body_read_ = framing.body == BodyFraming::none;
  body_left_bytes_ = framing.content_length;
  continue_owed_ = framing.expect_continue && !body_read_;
  if (answer_without_route()) co_return;

  try {
    co_await call_handler();
  } catch (const Unavailable& away) {
    fail(away.what(), Refusal::unavailable);
  } catch (const std::exception& error) {
    failure = error.what();
  } catch (...) {
    failure = "unknown exception";
  }
  if (!failure.empty()) fail(failure);
}

// 404, 405 and OPTIONS.
bool Session::answer_without_route() {
  if (match_.route && parser_.knows_method()) return false;
  if (request_.path == "*") {
    response_ = Response{};
    response_.status = 204;
    response_.header("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  } else if (match_.allowed.empty()) {
    refuse(Refusal::not_found, "no such path");
  } else {
    const std::string allow = join(match_.allowed);
    if (parser_.knows_method() && request_.method == Method::options) {
      response_ = Response{};
      response_.status = 204;
      context_.head_writer.add_preflight(request_, allow, response_);
    } else {
      refuse(Refusal::method_not_allowed, "this path does not have that method");
    }
    response_.header("Allow", allow);
  }
  return true;
}

Async<void> Session::call_handler() {
  const Route& route = *match_.route;
  const Surface& surface = *match_.surface;
  if (surface.guard) {
    allow_handler_time();
    std::optional<Response> stopped = co_await surface.guard(request_, route);
    if (abandoned_) co_return;
    if (stopped) {
      response_ = std::move(*stopped);
      co_return;
    }
  }
  if (const auto fault = check_body_headers(route)) {
    refuse(fault->refusal, fault->detail);
    co_return;
  }
  if (route.admit) {
    allow_handler_time();
    std::optional<Response> stopped = co_await route.admit(request_);
    if (abandoned_) co_return;
    if (stopped) {
      response_ = std::move(*stopped);
      co_return;
    }
  }
  if (route.body == BodyKind::streamed) {
    request_.streamed_body = this;
    if (parser_.framing().body == BodyFraming::chunked) parser_.limit_body(route.body_limit_bytes);
  } else if (!body_read_) {
    const Outcome outcome = co_await read_body(route.body == BodyKind::none ? 0 : route.body_limit_bytes);
    if (outcome != Outcome::complete) {
      refuse_body(outcome, route);
      co_return;
    }
    // A chunked body shows only now whether it was empty, and so needed no type.
    if (route.body == BodyKind::json && !request_.body.empty() && !request_.headers.find("Content-Type")) {
      refuse(Refusal::unsupported_media, "Content-Type must be application/json");
      co_return;
    }
  }
  if (route.body == BodyKind::json && !has_room_to_decode()) {
    refuse(Refusal::unavailable, "too much is on its way already");
    co_return;
  }
  allow_handler_time();
  response_ = co_await handle(route);
  if (!abandoned_) refuse_body(stream_state_, route);
}

bool Session::has_room_to_decode() {
  const std::size_t body_bytes = request_.body.size();
  if (body_bytes <= Aside::kLargeBodyBytes) return true;
  return hold_body(request_.body.capacity() + kDecodingFactor * body_bytes);
}

Async<Response> Session::handle(const Route& route) {
  return request_.body.size() <= Aside::kLargeBodyBytes ? route.handle(request_) : handle_aside(route);
}

// The handler gets a request of its own: should the server answer in its place, what it looks at stays.
Async<Response> Session::handle_aside(const Route& route) {
  std::string body = std::move(request_.body);
  request_.body.clear();
  Request request = request_;
  request.body = std::move(body);
  const std::string& caller = request_.account.empty() ? request_.remote_address : request_.account;
  auto begin = [&](auto done) { context_.aside.handle(route, std::move(request), caller, std::move(done)); };
  Aside::Outcome outcome = co_await await_callback<Aside::Outcome>(std::move(begin));
  if (outcome.response) co_return std::move(*outcome.response);
  switch (outcome.kind) {
    case Aside::Outcome::Kind::broken:
      throw std::runtime_error(outcome.failure);
    case Aside::Outcome::Kind::away:
      throw Unavailable(outcome.failure);
    case Aside::Outcome::Kind::no_turn:
      break;
  }
  co_return refusal_of(*match_.surface, Refusal::unavailable, request_, outcome.failure);
}

void Session::allow_handler_time() {
  enter(Phase::handler, context_.options.handler_timeout + context_.handler_grace);
  request_.deadline = deadline_ - context_.handler_grace;
}

// What can be refused before the body is read.
std::optional<Fault> Session::check_body_headers(const Route& route) const {
  const Framing& framing = parser_.framing();
  if (const auto coding = request_.headers.find("Content-Encoding");
      coding && !equals_ignoring_case(*coding, "identity")) {
    return Fault{Refusal::unsupported_media, "Content-Encoding is not supported"};
  }
  if (framing.body == BodyFraming::none) return std::nullopt;
  if (route.body == BodyKind::none) {
    if (framing.body == BodyFraming::sized)
      return Fault{Refusal::bad_request, "this operation takes no body"};
    return std::nullopt;
  }
  if (route.body == BodyKind::json) {
    const auto type = request_.headers.find("Content-Type");
    if (type ? !is_json_type(*type) : framing.body == BodyFraming::sized) {
      return Fault{Refusal::unsupported_media, "Content-Type must be application/json"};
    }
  }
  if (framing.content_length > route.body_limit_bytes)
    return Fault{Refusal::body_too_large, "body too large"};
  return std::nullopt;
}

void Session::refuse(Refusal refusal, std::string_view detail) {
  if (!match_.surface) match_.surface = &context_.router.surface_for(request_);
  response_ = refusal_of(*match_.surface, refusal, request_, detail);
}

void Session::refuse_rest(Refusal refusal, std::string_view detail) {
  keep_alive_ = false;
  body_read_ = false;
  refuse(refusal, detail);
}

// Nothing, where the body was read or may go on.
void Session::refuse_body(Outcome outcome, const Route& route) {
  switch (outcome) {
    case Outcome::piece:
    case Outcome::complete:
      return;
    case Outcome::cut_off:
      keep_alive_ = false;
      return refuse(Refusal::bad_request, "the body ended early");
    case Outcome::timed_out:
      return refuse_rest(Refusal::timeout, "the body did not come in time");
    case Outcome::no_room:
      return refuse_rest(Refusal::unavailable, "too much is on its way already");
    case Outcome::refused:
      if (route.body == BodyKind::none && parser_.fault().refusal == Refusal::body_too_large)
        return refuse_rest(Refusal::bad_request, "this operation takes no body");
      return refuse_rest(parser_.fault().refusal, parser_.fault().detail);
  }
}

void Session::fail(std::string_view cause, Refusal refusal) {
  if (context_.error_log) context_.error_log(request_.request_id, request_.traceparent, cause);
  try {
    refuse(refusal, refusal == Refusal::internal ? "internal error" : "not available at the moment");
  } catch (const std::exception&) {  // the log has the first cause
    response_ = plain_refusal(Refusal::internal);
  }
}

void Session::finish() {
  if (!match_.surface || !match_.surface->finish) return;
  try {
    match_.surface->finish(request_, response_);
    return;
  } catch (const std::exception& error) {
    if (context_.error_log) context_.error_log(request_.request_id, request_.traceparent, error.what());
  } catch (...) {
    if (context_.error_log)
      context_.error_log(request_.request_id, request_.traceparent, "unknown exception");
  }
  response_ = plain_refusal(Refusal::internal);
}

void Session::log(std::uint64_t response_bytes) {
  if (!context_.access_log) return;
  access_.request_id = request_.request_id;
  access_.traceparent = request_.traceparent;
  access_.remote_address = request_.remote_address;
  access_.method = parser_.knows_method() ? to_string(request_.method) : std::string_view("-");
  access_.path = request_.path;
  access_.surface = match_.surface ? std::string_view(match_.surface->name) : std::string_view();
  access_.operation = match_.route ? match_.route->operation : std::string_view();
  access_.status = response_.status;
  access_.request_bytes = request_bytes_;
  access_.response_bytes = response_bytes;
  access_.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_);
  context_.access_log(access_);
}

}  // namespace groundtruth::http
