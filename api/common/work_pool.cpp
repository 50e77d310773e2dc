// See work_pool.hpp.
#include "api/common/work_pool.hpp"

#include <algorithm>

namespace groundtruth::api {

WorkPool::WorkPool(unsigned threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) threads_.emplace_back([this] { serve(); });
}

WorkPool::~WorkPool() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);  // destroyed outside of the lock: a callback's end may wake who calls us
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool WorkPool::try_run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting_) return false;
    waiting_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void WorkPool::serve() {
  for (;;) {
    std::function<void()> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      work = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      work();
    } catch (const std::exception&) {
      // A callback dies uncalled with the work, and whoever awaits it learns that (api/http/async.hpp).
    }
  }
}

}  // namespace groundtruth::api
