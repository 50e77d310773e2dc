// The access log: one JSON line for each request, never a header value, a body or a query.
//
// Lines gather in memory and a thread of the log writes them every tenth of a second, so a request pays for
// its own line and not for a system call. When the disk is slower than the requests, lines are dropped and
// counted, never kept without bound and never waited for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "api/http/server.hpp"

namespace groundtruth::app {

class AccessLog {
 public:
  // Appends to `file`, "-" is stdout. The file may be moved away and truncated by a log rotation that copies.
  // Throws std::system_error when it cannot be opened.
  AccessLog(const std::filesystem::path& file, std::size_t queue_bytes);
  ~AccessLog();  // writes what is queued
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const http::AccessEntry& entry);  // from any thread; does not wait
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  void put(const std::string& lines);

  const std::size_t queue_bytes_;
  int descriptor_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable signal_;
  std::string queued_;
  bool ending_ = false;
  std::thread thread_;
};

// The line with its LF; `at_ms` is the time of the response.
void append_access_line(std::string& out, const http::AccessEntry& entry, std::int64_t at_ms);

}  // namespace groundtruth::app
