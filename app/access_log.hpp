// The access log: one JSON line for each request, never a header value, a body or a query.
//
// Lines gather in memory and a thread of the log writes them every tenth of a second, so a request pays for
// its own line and not for a system call. When the disk is slower than the requests, lines are dropped and
// counted, never kept without bound and never waited for. A line has a bound (kMaxLineBytes), and so have its
// files (log_file.hpp).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "api/http/server.hpp"
#include "app/log_file.hpp"

namespace groundtruth::app {

class AccessLog {
 public:
  static constexpr std::size_t kMaxFieldBytes = 512;      // of a field that the client chose, before escapes
  static constexpr std::size_t kMaxLineBytes = 8 * 1024;  // follows: see access_log_test.cpp

  // Appends to `file`, "-" is stdout. The file may be renamed by a log rotation that calls reopen() then, and
  // truncated by one that copies. Throws std::system_error when it cannot be opened.
  AccessLog(const std::filesystem::path& file, LogFileLimits limits, std::size_t queue_bytes);
  ~AccessLog();  // writes what is queued
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void write(const http::AccessEntry& entry);  // from any thread; does not wait
  void reopen() { file_.reopen(); }            // as LogFile's
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  void put(const std::string& lines);

  const std::size_t queue_bytes_;
  LogFile file_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable signal_;
  std::string queued_;
  bool ending_ = false;
  std::thread thread_;
};

// The line with its LF; `at_ms` is the time of the response.
void append_access_line(std::string& out, const http::AccessEntry& entry, std::int64_t at_ms);

// At most `max_bytes` of a text in UTF-8, with "…" for what is cut off. Never ends within a character.
std::string shortened(std::string_view text, std::size_t max_bytes);

}  // namespace groundtruth::app
