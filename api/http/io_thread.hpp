// One I/O thread: its event loop, its connections, and the sweep that ends what is past its deadline. A sweep
// every few milliseconds costs less than arming a timer for each step of each request.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/http/aside.hpp"
#include "api/http/client_address.hpp"
#include "api/http/connection_limits.hpp"
#include "api/http/response_head.hpp"
#include "api/http/router.hpp"
#include "api/http/server.hpp"

namespace groundtruth::http {

class Session;

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using Clock = std::chrono::steady_clock;

// What every connection of a server shares; immutable but for the limits.
struct ServerContext {
  ServerContext(ServerOptions server_options, Router server_router,
                std::function<void(const AccessEntry&)> access, ErrorLog error);

  const ServerOptions options;
  const Router router;
  const std::function<void(const AccessEntry&)> access_log;
  const ErrorLog error_log;
  const HeadWriter head_writer;
  const TrustedProxies proxies;
  const std::chrono::milliseconds
      handler_grace;  // past its deadline, before the server answers for a handler
  const std::chrono::milliseconds sweep_interval;
  ConnectionLimits limits;
  const std::shared_ptr<MemoryBudget> memory;  // null: nothing is counted
  Aside aside;
};

class IoThread {
 public:
  explicit IoThread(ServerContext& context);
  ~IoThread();

  void start();
  void keep_to(int processor);  // best effort; after start()
  void join();
  bool wait_until(Clock::time_point deadline);  // true when the loop has ended

  // From any thread.
  boost::asio::io_context& loop() { return loop_; }
  void adopt(Socket socket, const boost::asio::ip::address& address, ConnectionLimits::Place place);
  void drain();      // idle connections are closed; the loop ends with the last one
  void make_room();  // closes those that have been idle for longest: connections are nearly all taken
  std::uint64_t requests() const { return requests_.load(std::memory_order_relaxed); }

  // After join() alone: closes what a handler that never answered has left open.
  void cut();

  // From this thread, by its sessions.
  void enlist(Session& session);
  void dismiss(Session& session);
  void count_request() { requests_.store(requests() + 1, std::memory_order_relaxed); }
  bool draining() const { return draining_; }
  std::string_view date() { return date_.now(); }
  void append_request_id(std::string& out);
  void append_traceparent(std::string& out);  // of a trace that begins here

 private:
  void append_hex(std::string& out, int digits, std::uint64_t& state);
  void arm();
  void sweep();
  void close_longest_idle();
  void finish_drain();

  ServerContext& context_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<bool> room_is_wanted_{false};
  std::vector<Session*> sessions_;
  DateCache date_;
  std::uint64_t id_state_[2];
  bool draining_ = false;
  bool armed_ = false;
  std::mutex ended_mutex_;
  std::condition_variable ended_signal_;
  bool ended_ = false;
  // Last: its destruction destroys sessions, which use what stands above.
  boost::asio::io_context loop_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::optional<boost::asio::steady_timer> timer_;
  std::thread thread_;
};

}  // namespace groundtruth::http
