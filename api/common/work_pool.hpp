// Threads for what would hold up an I/O thread (hashing, disks), with a bounded queue.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "api/http/async.hpp"

namespace groundtruth::api {

// Thread-safe. The destructor waits for what runs; what still waits is destroyed without having run.
class WorkPool {
 public:
  WorkPool(unsigned threads, std::size_t max_waiting);  // at least one thread
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // False when the queue is full; `work` is then gone. What `work` throws is lost.
  bool try_run(std::function<void()> work);

 private:
  void serve();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Awaits what `work` gives on a thread of the pool; throws what it throws, and std::runtime_error when the
// queue is full. `work` must own what it touches: when the server stops, the awaiting handler may be gone
// while it still runs.
template <class T>
http::Async<T> run_on(WorkPool& pool, std::function<T()> work) {
  struct Outcome {
    std::exception_ptr error;
    std::optional<T> value;
  };
  auto begin = [&pool, &work](auto done) {
    auto job = [work = std::move(work), done] {
      Outcome outcome;
      try {
        outcome.value = work();
      } catch (...) {
        outcome.error = std::current_exception();
      }
      done(std::move(outcome));
    };
    if (!pool.try_run(std::move(job))) throw std::runtime_error("too much work is waiting for a thread");
  };
  Outcome outcome = co_await http::await_callback<Outcome>(begin);
  if (outcome.error) std::rethrow_exception(outcome.error);
  co_return std::move(*outcome.value);
}

}  // namespace groundtruth::api
