// Threads for what must not run on an I/O thread: expensive calculations, calls that block.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace groundtruth::api {

struct WorkPoolOptions {
  unsigned threads = 2;           // at least one is started
  std::size_t max_waiting = 256;  // one more is refused: answer 503
};

// Thread-safe. Jobs run in the order of their coming, each on one thread of the pool. A pool of its own for
// each kind of work keeps what is slow for one reason from holding up what is slow for another. The
// destructor waits for the jobs that run and destroys those that wait uncalled.
class WorkPool {
 public:
  explicit WorkPool(WorkPoolOptions options);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // False when the queue is full; the job then never runs. A job that throws is destroyed, with whatever
  // callback it holds, and whoever awaits that learns of it (api/http/async.hpp).
  bool try_run(std::function<void()> job);

 private:
  void work();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace groundtruth::api
