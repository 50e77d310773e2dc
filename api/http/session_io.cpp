// How the bytes of a connection come and go, and what ends when a deadline passes.
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "api/http/session.hpp"

namespace groundtruth::http {

namespace {

using boost::asio::redirect_error;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr std::size_t kFirstRoomBytes = 4 * 1024;
constexpr std::size_t kSpareRoomBytes = 16 * 1024;
constexpr std::size_t kLingerBytes = 16 * 1024 * 1024;
constexpr std::size_t kStreamBytes = 256 * 1024;    // of a streamed answer, in memory at a time
constexpr std::size_t kOneBufferBytes = 16 * 1024;  // a body up to this is copied behind its head
constexpr milliseconds kLinger{2000};
constexpr milliseconds kStreamPause{50};

// Throws where a stream has more or fewer bytes than its Content-Length said.
void count_off(std::uint64_t& left_bytes, std::size_t count, bool more) {
  if (count > left_bytes) throw std::logic_error("a streamed body is longer than it was said to be");
  left_bytes -= count;
  if (!more && left_bytes > 0) throw std::logic_error("a streamed body is shorter than it was said to be");
}

}  // namespace

void ReadBuffer::consume(std::size_t count) {
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

boost::asio::mutable_buffer ReadBuffer::prepare() {
  if (end_ == capacity_) {
    if (begin_ > capacity_ / 2) {
      std::memmove(data_.get(), data_.get() + begin_, end_ - begin_);
    } else {
      const std::size_t grown_bytes = capacity_ == 0 ? kFirstRoomBytes : capacity_ * 2;
      auto grown = std::make_unique_for_overwrite<char[]>(grown_bytes);
      if (end_ != begin_) std::memcpy(grown.get(), data_.get() + begin_, end_ - begin_);
      data_ = std::move(grown);
      capacity_ = grown_bytes;
    }
    end_ -= begin_;
    begin_ = 0;
  }
  return {data_.get() + end_, capacity_ - end_};
}

std::size_t ReadBuffer::capacity_for_more() const {
  if (end_ < capacity_ || begin_ > capacity_ / 2) return capacity_;
  return capacity_ == 0 ? kFirstRoomBytes : capacity_ * 2;
}

void ReadBuffer::recycle() {
  if (begin_ != end_ || capacity_ <= kSpareRoomBytes) return;
  data_.reset();
  capacity_ = 0;
}

void Session::enter(Phase phase, milliseconds limit) {
  phase_ = phase;
  deadline_ = Clock::now() + limit;
  timed_out_ = false;
}

bool Session::hold(std::size_t input_bytes, std::size_t body_bytes, std::size_t answer_bytes) {
  if (!hold_.resize(input_bytes + body_bytes + answer_bytes, {request_.remote_address, request_.account}))
    return false;
  body_bytes_ = body_bytes;
  answer_bytes_ = answer_bytes;
  return true;
}

// As it will be once more was read.
bool Session::hold_input() {
  return hold(input_.capacity_for_more(), body_bytes_, answer_bytes_);
}

bool Session::hold_answer(std::size_t bytes) {
  return hold(input_.capacity(), body_bytes_, bytes);
}

Async<bool> Session::read_some() {
  error_code error;
  const auto room = input_.prepare();
  const std::size_t count = co_await socket_.async_read_some(room, redirect_error(use_awaitable, error));
  input_.commit(count);
  co_return !error && !timed_out_;
}

Async<bool> Session::read_head() {
  parser_.start(request_);
  bool checked_first = false;
  if (input_.bytes().empty()) {
    if (thread_.draining()) co_return false;
    enter(Phase::idle, context_.options.idle_timeout);
  } else {
    enter(Phase::head, context_.options.header_timeout);
  }
  started_ = Clock::now();
  for (;;) {
    if (!checked_first &&
        input_.bytes().size() >= 2) {  // one empty line before a request is allowed (RFC 9112, 2.2)
      if (input_.bytes().starts_with("\r\n")) input_.consume(2);
      checked_first = true;
    }
    if (!input_.bytes().empty() && checked_first) {
      const auto state = parser_.read_head(input_.bytes());
      if (state == RequestParser::State::done) break;
      if (state == RequestParser::State::fault) {
        request_bytes_ = input_.bytes().size();
        keep_alive_ = false;
        co_return true;
      }
    }
    const bool has_room = hold_input();
    error_code error;
    if (has_room) {
      const auto room = input_.prepare();
      const std::size_t count = co_await socket_.async_read_some(room, redirect_error(use_awaitable, error));
      input_.commit(count);
    }
    if (timed_out_ || !has_room) {
      if (phase_ == Phase::idle) co_return false;
      if (has_room)
        parser_.give_up(Refusal::timeout, "the header did not come in time");
      else
        parser_.give_up(Refusal::unavailable, "too much is on its way already");
      request_bytes_ = input_.bytes().size();
      keep_alive_ = false;
      co_return true;
    }
    if (error) co_return false;
    if (phase_ == Phase::idle) {
      enter(Phase::head, context_.options.header_timeout);
      started_ = deadline_ - context_.options.header_timeout;
    }
  }
  request_bytes_ = parser_.head_bytes();
  input_.consume(parser_.head_bytes());
  co_return true;
}

std::size_t Session::write_now(std::string_view first, std::string_view second, error_code& error) {
  const std::array buffers = {boost::asio::const_buffer(first.data(), first.size()),
                              boost::asio::const_buffer(second.data(), second.size())};
  const std::size_t count =
      second.empty() ? socket_.write_some(buffers[0], error) : socket_.write_some(buffers, error);
  sent_bytes_ += count;
  return count;
}

// Most answers fit the kernel's buffer: they are sent at once, and only the rest of a large one waits its
// turn.
Async<bool> Session::write(std::string_view first, std::string_view second) {
  enter(Phase::write, context_.options.write_timeout);
  for (;;) {
    error_code error;
    std::size_t count = write_now(first, second, error);
    if (error == boost::asio::error::would_block) {
      error.clear();
    } else if (error) {
      co_return false;
    }
    const std::size_t of_first = std::min(count, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(count - of_first);
    if (first.empty() && second.empty()) co_return true;
    co_await socket_.async_wait(Socket::wait_write, redirect_error(use_awaitable, error));
    if (error || timed_out_) co_return false;
  }
}

// An answer is held until it is read. One to a write is sent in any case, as far as the kernel takes it: what
// was done was done, and whoever finds it cut asks again with the same key.
bool Session::has_room_for_answer() {
  if (response_.next_chunk) return hold_answer(kStreamBytes);
  if (request_.method != Method::get) return true;
  return hold_answer(response_.body.capacity());
}

Async<bool> Session::write_response() {
  if (!has_room_for_answer()) {
    refuse(Refusal::unavailable, "too many answers wait to be read");
    finish();
  }
  const bool bodyless = request_.method == Method::head || !may_have_body(response_.status);
  const bool http_1_0 = parser_.minor_version() == 0;
  const bool streamed = static_cast<bool>(response_.next_chunk) && may_have_body(response_.status);
  HeadWriter::Exchange exchange;
  exchange.http_1_0 = http_1_0;
  if (streamed) exchange.stream_bytes = response_.stream_bytes;
  exchange.chunked = streamed && !exchange.stream_bytes && !http_1_0;
  exchange.unsized = streamed && !exchange.stream_bytes && http_1_0;
  if (exchange.unsized) keep_alive_ = false;
  exchange.keep_alive = keep_alive_;
  head_.clear();
  context_.head_writer.append(head_, request_, response_, exchange, thread_.date());
  std::string_view body = bodyless || streamed ? std::string_view() : response_.content();
  if (body.size() <= kOneBufferBytes) {
    head_.append(body);
    body = {};
    std::string().swap(response_.body);
  }
  error_code error;
  std::size_t count = write_now(head_, body, error);
  if (error == boost::asio::error::would_block) error.clear();
  if (error) co_return false;
  if (count < head_.size() + body.size()) {
    const std::size_t of_head = std::min(count, head_.size());
    const auto rest = std::string_view(head_).substr(of_head);
    const auto rest_of_body = body.substr(count - of_head);
    const bool is_held = request_.method == Method::get;
    if (!is_held && !hold_answer(head_.capacity() + response_.body.capacity())) co_return false;
    const bool written = co_await write(rest, rest_of_body);
    if (!written) co_return false;
  }
  if (!streamed || bodyless) co_return true;
  const bool complete = co_await write_stream();
  co_return complete;
}

Async<bool> Session::write_stream() {
  std::optional<std::uint64_t> left_bytes = response_.stream_bytes;
  const bool chunked = parser_.minor_version() == 1 && !left_bytes;
  for (bool more = true; more;) {
    chunk_.clear();
    std::string failure;
    try {
      more = response_.next_chunk(chunk_);
      if (left_bytes) count_off(*left_bytes, chunk_.size(), more);
    } catch (const std::exception& error) {
      failure = error.what();
    } catch (...) {
      failure = "unknown exception";
    }
    if (!failure.empty()) {
      if (context_.error_log) context_.error_log(request_.request_id, request_.traceparent, failure);
      co_return false;  // without the last bytes: the client sees that something is missing
    }
    if (chunk_.empty() && more) {
      const bool wanted = co_await pause();
      if (!wanted) co_return false;
      continue;
    }
    head_.clear();
    if (chunked && !chunk_.empty()) {
      char digits[20];
      head_.append(digits, std::to_chars(digits, digits + sizeof digits, chunk_.size(), 16).ptr)
          .append("\r\n");
      chunk_.append("\r\n");
    }
    if (chunked && !more) chunk_.append("0\r\n\r\n");
    if (head_.empty() && chunk_.empty()) continue;
    const bool written = co_await write(head_, chunk_);
    if (!written) co_return false;
  }
  co_return true;
}

// A stream that has nothing to say now. False when nobody listens any more, or the server stops.
Async<bool> Session::pause() {
  if (thread_.draining()) co_return false;
  phase_ = Phase::pause;
  deadline_ = Clock::time_point::max();
  if (!pause_timer_) pause_timer_.emplace(socket_.get_executor());
  pause_timer_->expires_after(kStreamPause);
  error_code error;
  co_await pause_timer_->async_wait(redirect_error(use_awaitable, error));
  if (error || thread_.draining()) co_return false;
  char byte = 0;
  const auto room = boost::asio::buffer(&byte, 1);
  socket_.receive(room, Socket::message_peek, error);
  co_return !error || error == boost::asio::error::would_block;
}

Async<void> Session::linger(std::shared_ptr<Session> self) {
  self->enter(Phase::linger, kLinger);
  error_code error;
  self->socket_.shutdown(Socket::shutdown_send, error);
  std::size_t discarded_bytes = 0;
  self->input_.consume(
      self->input_.bytes().size());  // nobody will read it: its room takes what is thrown away
  while (!error && discarded_bytes < kLingerBytes) {
    const auto room = self->input_.prepare();
    discarded_bytes += co_await self->socket_.async_read_some(room, redirect_error(use_awaitable, error));
  }
  self->close();
}

// Who has closed its side for sending counts as gone too: nothing tells it from who has left.
void Session::look_for_client() {
  if (phase_ != Phase::handler || !input_.bytes().empty()) return;
  char byte = 0;
  error_code error;
  socket_.receive(boost::asio::buffer(&byte, 1), Socket::message_peek, error);
  if (error && error != boost::asio::error::would_block) client_gone_.request_stop();
}

void Session::close() {
  client_gone_.request_stop();
  deadline_ = Clock::time_point::max();
  error_code ignored;
  socket_.close(ignored);
}

void Session::drain() {
  if (phase_ == Phase::idle) {
    timed_out_ = true;
    socket_.cancel();
  } else if (phase_ == Phase::pause) {
    pause_timer_->cancel();
  }
}

std::optional<Clock::time_point> Session::waits_since() const {
  if (deadline_ == Clock::time_point::max()) return std::nullopt;  // it is being closed already
  if (phase_ == Phase::idle) return deadline_ - context_.options.idle_timeout;
  if (phase_ == Phase::head) return deadline_ - context_.options.header_timeout;
  return std::nullopt;
}

void Session::expire() {
  deadline_ = Clock::time_point::max();
  switch (phase_) {
    case Phase::idle:
    case Phase::head:
    case Phase::body: {
      timed_out_ = true;
      error_code ignored;
      socket_.cancel(ignored);
      break;
    }
    case Phase::handler:
      abandon();
      break;
    case Phase::write:
    case Phase::linger: {
      timed_out_ = true;
      close();
      break;
    }
    case Phase::pause:
      break;
  }
}

// The handler may still hold references to the request, so only our own side of the exchange is touched.
void Session::abandon() {
  abandoned_ = true;
  client_gone_.request_stop();
  keep_alive_ = false;
  if (context_.error_log)
    context_.error_log(request_.request_id, request_.traceparent, "the handler did not answer in time");
  try {
    refuse(Refusal::unavailable, "no answer in time");
  } catch (const std::exception& error) {
    fail(error.what());
  }
  finish();
  HeadWriter::Exchange exchange;
  exchange.keep_alive = false;
  head_.clear();
  context_.head_writer.append(head_, request_, response_, exchange, thread_.date());
  if (request_.method != Method::head) head_.append(response_.content());
  error_code ignored;
  write_now(head_, {}, ignored);  // nothing else is in the kernel's buffer: it fits
  log(sent_bytes_);
  boost::asio::co_spawn(socket_.get_executor(), linger(shared_from_this()), boost::asio::detached);
}

}  // namespace groundtruth::http
