// The queue and its threads (api/common/work_pool.hpp).
#include "api/common/work_pool.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace groundtruth::api {
namespace {

// What a job does may throw; its callback then dies uncalled with it.
void call(const std::function<void()>& what) {
  if (!what) return;
  try {
    what();
  } catch (const std::exception&) {
  }
}

}  // namespace

WorkPool::WorkPool(WorkPoolOptions options) : waiting_(options.max_waiting, options.max_waiting_of_subject) {
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) threads_.emplace_back([this] { work(); });
}

WorkPool::~WorkPool() {
  std::vector<Work> destroyed;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    // Outside of the lock: a callback's end may wake who calls us.
    while (auto work = waiting_.pop()) destroyed.push_back(std::move(*work));
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool WorkPool::try_run(Work work) {
  http::FairQueue<Work>::Pushed pushed;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    const std::string subject = work.subject;
    pushed = waiting_.push(subject, std::move(work));
  }
  if (!pushed.is_taken) return false;
  wake_.notify_one();
  if (pushed.gone) call(pushed.gone->dropped);
  return true;
}

void WorkPool::work() {
  for (;;) {
    std::optional<Work> next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      next = waiting_.pop();
    }
    const bool is_wanted = !next->is_wanted || next->is_wanted();
    call(is_wanted ? next->run : next->dropped);
  }
}

}  // namespace groundtruth::api
