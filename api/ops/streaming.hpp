// Long work behind a streamed answer: it runs on a thread of its own, and what it reports leaves as lines of
// NDJSON while it runs. The last line is {"result":…} or {"error":{…}}.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/http/message.hpp"

namespace groundtruth::ops {

// What the work sees of its stream. Thread-safe.
class Report {
 public:
  // A newer line takes the place of one that has not left yet: a slow reader sees fewer steps, not a growing
  // queue.
  void progress(std::string_view phase, std::uint64_t done, std::uint64_t total);
  void result(std::string json);  // the last line, {"result":json}
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  const std::atomic<bool>& cancel_flag() const { return cancelled_; }

 private:
  friend class Jobs;
  void fail(std::string line);
  bool take(std::string& out);  // false: that was the last line

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::string progress_, last_;
  bool ended_ = false;
};

// Runs at most `max_running` pieces of work at once. Thread-safe. The destructor cancels all and waits for
// them.
class Jobs {
 public:
  explicit Jobs(std::size_t max_running) : max_running_(max_running) {}
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // The streamed response of the work, or 503 when too much is running. An exception of the work becomes the
  // error line. A client that goes away cancels its work.
  http::Response stream(std::function<void(Report&)> work);

  // Cancels all and waits for them; what comes later is refused. Idempotent.
  void close();

  // Work whose answer is not streamed. False, and `work` is not called, when too much is running.
  bool run(std::function<void()> work);

 private:
  struct Running {
    std::shared_ptr<Report> report;
    std::shared_ptr<std::atomic<bool>> done;
    std::thread thread;
  };
  bool start(std::shared_ptr<Report> report, std::function<void()> work);

  const std::size_t max_running_;
  std::mutex mutex_;
  std::vector<Running> running_;
  bool closed_ = false;
};

}  // namespace groundtruth::ops
