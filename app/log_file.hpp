// A log's file: bounded in size by turning over to numbered old files, and opened anew when somebody else has
// renamed it.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>

namespace groundtruth::app {

struct LogFileLimits {
  std::uint64_t max_bytes = 64 * 1024 * 1024;  // of one file
  unsigned old_files = 4;                      // FILE.1, the latest, to FILE.N; 0 keeps none
};

// Thread-safe. All files together hold at most max_bytes * (1 + old_files). What is no regular file (a pipe,
// a terminal, a device) is written to and neither turned over nor bounded.
class LogFile {
 public:
  // "-" is stdout. Throws std::system_error when it cannot be opened.
  LogFile(std::filesystem::path file, LogFileLimits limits);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Appends whole lines. False where some of it is lost: a full disk, or a file that cannot be turned over.
  // Then `written` says how many bytes are in.
  bool append(std::string_view lines, std::size_t& written);

  // The next line goes to a file of the same name that is opened now, and made where there is none. Where
  // that fails the open file stays in use and the reason is thrown (std::system_error).
  void reopen();

 private:
  bool make_room(std::size_t bytes);
  bool turn_over();
  int open_file() const;
  int open_without_waiting() const;

  const std::filesystem::path file_;  // "-": stdout
  const LogFileLimits limits_;
  std::mutex mutex_;
  int descriptor_;
};

}  // namespace groundtruth::app
