// SIGTERM and SIGINT as something to wait for: the first asks the server to stop in order, the second ends it
// at once. SIGHUP never ends it, also where a terminal was closed: it always means that log files are opened
// anew.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace groundtruth::app {

// Made before any other thread, so that all of them inherit the blocked signals. One a process. Ignores
// SIGPIPE.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const std::atomic<bool>& asked() const { return asked_; }
  void wait();  // until somebody asks to stop

  // What SIGHUP calls from now on, on the thread of signals; nullptr: nothing. Once this returns, the one
  // before is not running any more. It must not throw.
  void on_hangup(std::function<void()> call);

 private:
  void run();

  std::atomic<bool> asked_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::condition_variable signal_;
  std::mutex hangup_mutex_;
  std::function<void()> hangup_;
  std::thread thread_;
};

}  // namespace groundtruth::app
