// Threads for requests with large bodies: decoding them takes long, so their handlers run here and not on
// the I/O thread, whose other connections would wait. Callers take turns, and all of it is bounded.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/http/fair_queue.hpp"
#include "api/http/message.hpp"
#include "api/http/router.hpp"

namespace groundtruth::http {

struct AsideOptions {
  unsigned threads = 2;
  std::size_t max_running = 8;    // handlers at once, those that wait for something included
  std::size_t max_waiting = 256;  // what each holds is counted by the memory budget
  std::size_t max_waiting_of_caller = 32;
};

// Thread-safe. Destroy it after the threads whose sessions call it; a handler that never answered is then
// destroyed where it stands.
class Aside {
 public:
  // A body larger than this is large.
  static constexpr std::size_t kLargeBodyBytes = 64 * 1024;

  // `away`: what the handler needs is (http::Unavailable). `no_turn`: it did not begin, for too much is
  // waiting or nobody waits for it any more.
  struct Outcome {
    std::optional<Response> response;
    std::string failure;                                                           // why there is none
    enum class Kind : std::uint8_t { broken, away, no_turn } kind = Kind::broken;  // of that failure
  };
  using Done = std::function<void(Outcome)>;

  explicit Aside(AsideOptions options);
  ~Aside();
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  // Runs the route's handler with the request, which it keeps for as long as the handler lives. `done` is
  // called once, from any thread, also before this returns. A request whose client has gone is dropped before
  // it starts.
  void handle(const Route& route, Request request, std::string_view caller, Done done);

 private:
  struct Job;
  struct Loop;

  static Async<void> serve(Aside& self, std::shared_ptr<Job> job);
  void start(std::shared_ptr<Job> job);  // with the mutex held; it has a place among those that run
  void finished();

  const AsideOptions options_;
  std::mutex mutex_;
  FairQueue<std::shared_ptr<Job>> waiting_;
  std::size_t running_ = 0;
  std::size_t next_loop_ = 0;
  std::vector<std::unique_ptr<Loop>> loops_;  // made when they are first needed
};

}  // namespace groundtruth::http
