// The production executor: a thread with a queue and timers (journal/executor.hpp).
#include "journal/executor.hpp"

#include <pthread.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace groundtruth::journal {
namespace {

class ThreadExecutor final : public Executor {
 public:
  explicit ThreadExecutor(const std::string& name) : thread_([this] { run(); }) {
    pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }

  ~ThreadExecutor() override { stop(); }

  void stop() override {
    decltype(timers_) dropped;  // what a task holds may post when it goes
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      dropped.swap(timers_);
    }
    wake_.notify_one();
    const std::lock_guard lock(joining_);
    if (thread_.joinable()) thread_.join();
  }

  void post(Task task) override {
    bool was_empty = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      was_empty = queue_.empty();
      queue_.push_back(std::move(task));
    }
    if (was_empty) wake_.notify_one();
  }

  void post_at(std::chrono::steady_clock::time_point when, Task task) override {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      timers_.emplace(when, std::move(task));
    }
    wake_.notify_one();
  }

 private:
  // Takes everything that is due at once: one lock for a whole round of work.
  void run() {
    std::vector<Task> round;
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto now = std::chrono::steady_clock::now();
      round.swap(queue_);
      while (!timers_.empty() && timers_.begin()->first <= now) {
        round.push_back(std::move(timers_.begin()->second));
        timers_.erase(timers_.begin());
      }
      if (round.empty()) {
        if (stopping_) return;
        if (timers_.empty())
          wake_.wait(lock);
        else
          wake_.wait_until(lock, timers_.begin()->first);
        continue;
      }
      lock.unlock();
      for (auto& task : round) task();
      round.clear();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Task> queue_;
  std::multimap<std::chrono::steady_clock::time_point, Task> timers_;
  bool stopping_ = false;
  std::mutex joining_;
  std::thread thread_;  // last: it runs on the members above
};

}  // namespace

std::unique_ptr<Executor> make_thread_executor(std::string name) {
  return std::make_unique<ThreadExecutor>(name);
}

}  // namespace groundtruth::journal
