// One connection: its requests one after the other, each with its deadlines. Lives on one I/O thread.
//
// Ownership: the coroutine that serves the connection holds the session. While a handler runs, the handler's
// frame is part of that coroutine, so the request it looks at lives as long as it does, even if it never
// answers: then the sweep answers in its place and the coroutine, should it ever wake, only ends
// (`abandoned_`).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/io_thread.hpp"
#include "api/http/message.hpp"
#include "api/http/parser.hpp"
#include "api/http/router.hpp"

namespace groundtruth::http {

// Bytes read and not yet used. Grows while a request needs it, shrinks when it is empty.
class ReadBuffer {
 public:
  std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count);
  boost::asio::mutable_buffer prepare();  // room for more
  void commit(std::size_t count) { end_ += count; }
  void recycle();
  std::size_t capacity() const { return capacity_; }
  std::size_t capacity_for_more() const;  // what it has once prepare() was called

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

class Session final : public std::enable_shared_from_this<Session>, private BodyReader {
 public:
  Session(ServerContext& context, IoThread& thread, Socket socket, const boost::asio::ip::address& peer,
          ConnectionLimits::Place place);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  static Async<void> run(std::shared_ptr<Session> self);

  // By the sweep of the I/O thread.
  Clock::time_point deadline() const { return deadline_; }
  void expire();
  void drain();  // the server stops: closes an idle connection, else the running request is the last
  // Since when its client has nothing under way: between two requests, or before the end of a head. nullopt:
  // it has.
  std::optional<Clock::time_point> waits_since() const;
  void close();
  void look_for_client();  // while a handler runs: is anybody there to be answered?

  std::size_t place_in_thread = 0;  // the I/O thread's own note

 private:
  // What the coroutine waits for, hence what the deadline means and how it is enforced.
  enum class Phase : std::uint8_t { idle, head, body, handler, write, pause, linger };

  // session.cpp: what is answered
  Async<void> serve();
  Async<void> respond();  // leaves the answer in response_
  Async<void> call_handler();
  bool has_room_to_decode();
  Async<Response> handle(const Route& route);
  Async<Response> handle_aside(const Route& route);
  void begin_request();
  void let_body_go();
  void refuse(Refusal refusal, std::string_view detail);
  void refuse_rest(Refusal refusal, std::string_view detail);  // the framing is lost: and close
  void refuse_body(Outcome outcome, const Route& route);
  void fail(std::string_view cause, Refusal refusal = Refusal::internal);
  void allow_handler_time();  // from now on
  std::optional<Fault> check_body_headers(const Route& route) const;
  bool answer_without_route();
  void finish();
  void log(std::uint64_t response_bytes);

  // session_body.cpp: how a body is read, whole or in pieces
  Async<Outcome> read_body(std::size_t limit_bytes);
  Async<Outcome> next(std::string& piece) override;
  Async<Outcome> read_piece(std::string& piece);
  Async<Outcome> read_sized(std::string& body, std::size_t length);
  Async<Outcome> read_chunked(std::size_t enough_bytes);  // to request_.body
  Async<bool> invite_body();
  Async<bool> discard_body();
  bool small_enough_to_discard() const;
  bool grow(std::string& body, std::size_t needed_bytes, std::size_t most_bytes);

  // What the process's budget is told that this connection holds. False: there is no room for it.
  bool hold_input();
  bool hold_body(std::size_t bytes);
  bool hold_answer(std::size_t bytes);
  bool hold(std::size_t input_bytes, std::size_t body_bytes, std::size_t answer_bytes);

  // session_io.cpp: how the other bytes come and go
  Async<bool> read_head();  // false: the connection ended between requests or within a head
  Async<bool> read_some();
  Async<bool> write_response();
  Async<bool> write_stream();
  bool has_room_for_answer();
  Async<bool> write(std::string_view first, std::string_view second);
  std::size_t write_now(std::string_view first, std::string_view second, boost::system::error_code& error);
  Async<bool> pause();
  static Async<void> linger(std::shared_ptr<Session> self);
  void abandon();
  void enter(Phase phase, std::chrono::milliseconds limit);

  ServerContext& context_;
  IoThread& thread_;
  ConnectionLimits::Place place_;
  Socket socket_;
  const std::string peer_;
  const bool is_from_proxy_;
  RequestParser parser_;
  ReadBuffer input_;
  MemoryBudget::Hold hold_;
  std::size_t body_bytes_ = 0, answer_bytes_ = 0;  // of what hold_ has
  std::stop_source client_gone_;
  Request request_;
  Response response_;
  Match match_;
  std::string head_;   // of the response, reused
  std::string chunk_;  // of a streamed response, reused
  AccessEntry access_;
  std::optional<boost::asio::steady_timer> pause_timer_;
  Clock::time_point started_;
  Clock::time_point deadline_;
  std::uint64_t request_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t body_left_bytes_ = 0;      // of a sized body: not read yet
  Outcome stream_state_ = Outcome::piece;  // what the last look at a streamed body gave
  Phase phase_ = Phase::idle;
  bool keep_alive_ = true;
  bool body_read_ = true;       // nothing of the request's body is left on the connection
  bool continue_owed_ = false;  // the client waits for "100 Continue"
  bool timed_out_ = false;
  bool abandoned_ = false;
};

}  // namespace groundtruth::http
