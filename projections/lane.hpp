// A thread of its own for work that must be done one piece after the other, beside other such work.
//
// Threads: `run` and `wait` from one. Errors: what a piece throws comes out of the next call of either.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace groundtruth::projections {

class Lane {
 public:
  Lane();
  ~Lane();  // waits for the piece at work
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Begins `work` once what came before is done; waits for that, so that nothing piles up.
  void run(std::function<void()> work);
  void wait();

 private:
  void work();
  void wait_until_free(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;  // empty: free
  std::exception_ptr failure_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace groundtruth::projections
