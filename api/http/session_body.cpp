// How a request's body is read: whole, before its handler runs, or piece by piece by the handler itself.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <limits>

#include "api/http/session.hpp"

namespace groundtruth::http {

namespace {

using boost::asio::redirect_error;
using boost::system::error_code;

// Memory follows what has come, not what was announced: it doubles, and grows by steps of the latter size.
constexpr std::size_t kBodyStepBytes = 16 * 1024, kMaxBodyStepBytes = 1024 * 1024;
constexpr std::size_t kReadBytes = 256 * 1024;  // at once
constexpr std::size_t kUnknownBytes = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kDiscardBytes = 64 * 1024;  // an unread body up to this keeps the connection

}  // namespace

Async<BodyReader::Outcome> Session::read_body(std::size_t limit_bytes) {
  enter(Phase::body, context_.options.body_timeout);
  if (continue_owed_) {
    const bool invited = co_await invite_body();
    if (!invited) co_return Outcome::cut_off;
  }
  Outcome outcome = Outcome::refused;
  if (parser_.framing().body == BodyFraming::sized) {
    outcome = co_await read_sized(request_.body, static_cast<std::size_t>(body_left_bytes_));
  } else {
    parser_.limit_body(limit_bytes);
    outcome = co_await read_chunked(std::numeric_limits<std::size_t>::max());
  }
  body_read_ = outcome == Outcome::complete;
  co_return outcome;
}

// Whoever answers in the handler's place (abandon()) does so while it is the handler's turn, so never while
// this reads; and afterwards the connection is no longer ours.
Async<BodyReader::Outcome> Session::next(std::string& piece) {
  piece.clear();
  if (abandoned_) co_return Outcome::cut_off;
  if (stream_state_ != Outcome::piece) co_return stream_state_;
  if (body_read_) {
    stream_state_ = Outcome::complete;
  } else {
    // The time is for a whole piece, however its bytes drip: a body may take long, but has to make progress.
    enter(Phase::body, context_.options.body_timeout);
    stream_state_ = co_await read_piece(piece);
    allow_handler_time();
  }
  co_return stream_state_;
}

Async<BodyReader::Outcome> Session::read_piece(std::string& piece) {
  if (continue_owed_) {
    const bool invited = co_await invite_body();
    if (!invited) co_return Outcome::cut_off;
  }
  Outcome outcome = Outcome::refused;
  if (parser_.framing().body == BodyFraming::sized) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_bytes_, kPieceBytes));
    outcome = co_await read_sized(piece, length);
    body_left_bytes_ -= length;
    body_read_ = outcome == Outcome::complete && body_left_bytes_ == 0;
  } else {
    outcome = co_await read_chunked(kPieceBytes);
    piece.swap(request_.body);
    request_.body.clear();
    body_read_ = outcome == Outcome::complete;
  }
  if (outcome != Outcome::complete && outcome != Outcome::piece) {
    keep_alive_ = false;  // also when the handler throws now: nobody knows where the next request begins
    piece.clear();
  } else if (!piece.empty()) {
    outcome = Outcome::piece;
  }
  co_return outcome;
}

Async<bool> Session::invite_body() {
  continue_owed_ = false;
  if (!input_.bytes().empty()) co_return true;
  const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
  if (sent) enter(Phase::body, context_.options.body_timeout);
  co_return sent;
}

Async<BodyReader::Outcome> Session::read_sized(std::string& body, std::size_t length) {
  const auto buffered = input_.bytes().substr(0, length);
  body.clear();
  if (!grow(body, buffered.size(), length)) co_return Outcome::no_room;
  body.assign(buffered);
  input_.consume(buffered.size());
  request_bytes_ += length;
  while (body.size() < length) {
    const std::size_t had = body.size();
    if (had == body.capacity() && !grow(body, had + 1, length)) co_return Outcome::no_room;
    body.resize(std::min({length, body.capacity(), had + kReadBytes}));
    const auto room = boost::asio::buffer(body.data() + had, body.size() - had);
    error_code error;
    const std::size_t count = co_await socket_.async_read_some(room, redirect_error(use_awaitable, error));
    body.resize(had + count);
    if (timed_out_) co_return Outcome::timed_out;
    if (error) co_return Outcome::cut_off;
  }
  co_return Outcome::complete;
}

// `piece`: there are enough bytes, and the body may go on.
Async<BodyReader::Outcome> Session::read_chunked(std::size_t enough_bytes) {
  for (;;) {
    // No more than what has come can be of the body.
    const std::size_t may_have = request_.body.size() + input_.bytes().size();
    if (!grow(request_.body, may_have, kUnknownBytes)) co_return Outcome::no_room;
    std::size_t used = 0;
    const auto state = parser_.read_chunked(input_.bytes(), used);
    input_.consume(used);
    request_bytes_ += used;
    if (state == RequestParser::State::done) co_return Outcome::complete;
    if (state == RequestParser::State::fault) co_return Outcome::refused;
    if (request_.body.size() >= enough_bytes) co_return Outcome::piece;
    if (!hold_input()) co_return Outcome::no_room;
    const bool more = co_await read_some();
    if (timed_out_) co_return Outcome::timed_out;
    if (!more) co_return Outcome::cut_off;
  }
}

// Makes room for `needed_bytes` of a body that ends with `most_bytes`, and tells the budget first. A string
// that grows by itself would take twice what it has.
bool Session::grow(std::string& body, std::size_t needed_bytes, std::size_t most_bytes) {
  if (needed_bytes <= body.capacity()) return body_bytes_ >= body.capacity() || hold_body(body.capacity());
  const std::size_t step = std::clamp(body.size(), kBodyStepBytes, kMaxBodyStepBytes);
  const std::size_t bytes = std::max(needed_bytes, std::min(most_bytes, body.size() + step));
  if (!hold_body(bytes)) return false;
  std::string grown;
  grown.reserve(bytes);
  grown.append(body);
  body.swap(grown);
  return true;
}

bool Session::hold_body(std::size_t bytes) {
  return hold(input_.capacity(), bytes, answer_bytes_);
}

bool Session::small_enough_to_discard() const {
  // A client that waits for "100 Continue" may or may not send its body after a refusal: nobody can tell.
  return parser_.framing().body == BodyFraming::sized && body_left_bytes_ <= kDiscardBytes && !continue_owed_;
}

Async<bool> Session::discard_body() {
  enter(Phase::body, context_.options.body_timeout);
  const Outcome outcome = co_await read_sized(request_.body, static_cast<std::size_t>(body_left_bytes_));
  co_return outcome == Outcome::complete;
}

}  // namespace groundtruth::http
