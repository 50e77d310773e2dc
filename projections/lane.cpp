// See lane.hpp.
#include "projections/lane.hpp"

#include <utility>

namespace groundtruth::projections {

Lane::Lane() : thread_([this] { work(); }) {}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Lane::run(std::function<void()> work) {
  std::unique_lock lock(mutex_);
  wait_until_free(lock);
  work_ = std::move(work);
  changed_.notify_all();
}

void Lane::wait() {
  std::unique_lock lock(mutex_);
  wait_until_free(lock);
}

void Lane::wait_until_free(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return !work_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Lane::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return work_ || ended_; });
    if (!work_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      work_();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    work_ = nullptr;
    failure_ = failure;
    changed_.notify_all();
  }
}

}  // namespace groundtruth::projections
