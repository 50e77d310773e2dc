// Threads for what must not run on an I/O thread: expensive calculations, calls that block.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/http/fair_queue.hpp"

namespace groundtruth::api {

struct WorkPoolOptions {
  unsigned threads = 2;                     // at least one is started
  std::size_t max_waiting = 256;            // one more is refused: answer 503
  std::size_t max_waiting_of_subject = 64;  // of each subject that has a name
};

// A job, and for whom it is done.
struct Work {
  std::function<void()> run;
  // Who waits for it: an address, an account. Subjects take turns, so that none waits behind all the work of
  // another one. "": nobody in particular.
  std::string subject = {};
  // Asked before it begins: does anybody still want it?
  std::function<bool()> is_wanted = {};
  // Called instead of `run`, on any thread, where nobody wants it or it had to make room for somebody whose
  // line is shorter. Must be short. Without it the job is destroyed.
  std::function<void()> dropped = {};
};

// For whom a calculation is done: what Work says of it, less the calculation.
struct WorkFor {
  std::string subject = {};
  std::function<bool()> is_wanted = {};
  std::function<void()> dropped = {};
};

// Thread-safe. Jobs of one subject run in the order of their coming, each on one thread of the pool. A pool
// of its own for each kind of work keeps what is slow for one reason from holding up what is slow for
// another. The destructor waits for the jobs that run and destroys those that wait uncalled.
class WorkPool {
 public:
  explicit WorkPool(WorkPoolOptions options);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // False when there is no room; the job then never runs, nor is it called `dropped`. A job that throws is
  // destroyed, with whatever callback it holds, and whoever awaits that learns of it (api/http/async.hpp).
  bool try_run(Work work);
  bool try_run(std::function<void()> job) { return try_run(Work{std::move(job)}); }
  bool try_run(WorkFor whom, std::function<void()> job) {
    return try_run(
        Work{std::move(job), std::move(whom.subject), std::move(whom.is_wanted), std::move(whom.dropped)});
  }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  http::FairQueue<Work> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace groundtruth::api
