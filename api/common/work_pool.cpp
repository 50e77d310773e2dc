// The queue and its threads (api/common/work_pool.hpp).
#include "api/common/work_pool.hpp"

#include <algorithm>
#include <exception>

namespace groundtruth::api {

WorkPool::WorkPool(WorkPoolOptions options) : max_waiting_(options.max_waiting) {
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) threads_.emplace_back([this] { work(); });
}

WorkPool::~WorkPool() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);  // destroyed outside of the lock: a callback's end may wake who calls us
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool WorkPool::try_run(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= max_waiting_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void WorkPool::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    try {
      job();
    } catch (const std::exception&) {
      // The job's callback dies uncalled with it.
    }
  }
}

}  // namespace groundtruth::api
