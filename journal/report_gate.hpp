// Between a journal's thread and a producer that may be destroyed at any instant: once closed, nothing
// passes.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace groundtruth::journal {

// Shared by the producer and everything that still has to be reported to it. Thread-safe. The mutex is
// recursive so that a report may destroy the producer that it is for.
class ReportGate {
 public:
  template <class F>
  void pass(F&& report) {
    const std::lock_guard lock(mutex_);
    if (!closed_) std::forward<F>(report)();
  }
  // Waits for a report that is running on another thread; after it returned none runs any more.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::recursive_mutex mutex_;
  bool closed_ = false;
};

}  // namespace groundtruth::journal
