// See log_file.hpp.
#include "app/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace groundtruth::app {
namespace {

std::filesystem::path numbered(const std::filesystem::path& file, unsigned number) {
  auto name = file;
  name += '.' + std::to_string(number);
  return name;
}

}  // namespace

LogFile::LogFile(std::filesystem::path file, LogFileLimits limits)
    : file_(std::move(file)),
      limits_(limits),
      descriptor_(file_ == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open_file()) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "log " + file_.string());
}

LogFile::~LogFile() {
  ::close(descriptor_);
}

int LogFile::open_file() const {
  return ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
}

// Opening a pipe without a reader fails here. Waiting for a reader would block every thread that logs.
int LogFile::open_without_waiting() const {
  const int opened =
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
  if (opened >= 0) ::fcntl(opened, F_SETFL, ::fcntl(opened, F_GETFL) & ~O_NONBLOCK);
  return opened;
}

bool LogFile::append(std::string_view lines, std::size_t& written) {
  const std::lock_guard lock(mutex_);
  written = 0;
  while (written < lines.size()) {
    // A file takes whole lines only, as many as fit; a single line that is longer than a file has one alone.
    std::size_t piece = lines.size() - written;
    if (piece > limits_.max_bytes) {
      const auto end = lines.rfind('\n', written + limits_.max_bytes - 1);
      const auto next = end == std::string_view::npos || end < written ? lines.find('\n', written) : end;
      piece = (next == std::string_view::npos ? lines.size() : next + 1) - written;
    }
    if (!make_room(piece)) return false;
    for (const std::size_t end = written + piece; written < end;) {
      const auto count = ::write(descriptor_, lines.data() + written, end - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      written += static_cast<std::size_t>(count);
    }
  }
  return true;
}

// The size is asked of the file each time: a rotation that copies and truncates changes it under us.
bool LogFile::make_room(std::size_t bytes) {
  if (file_ == "-") return true;
  struct stat now{};
  if (::fstat(descriptor_, &now) != 0 || !S_ISREG(now.st_mode) || now.st_size == 0) return true;
  if (static_cast<std::uint64_t>(now.st_size) + bytes <= limits_.max_bytes) return true;
  return turn_over();
}

// The new file is there before any old one is touched: without room for it, all stay as they are.
bool LogFile::turn_over() {
  auto made = file_;
  made += ".new";
  const int opened = ::open(made.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
  if (opened < 0) return false;
  std::error_code failed;
  if (limits_.old_files == 0) {
    std::filesystem::remove(file_, failed);
  } else {
    for (unsigned number = limits_.old_files; number > 1; --number) {
      std::error_code missing;
      std::filesystem::rename(numbered(file_, number - 1), numbered(file_, number), missing);
    }
    std::filesystem::rename(file_, numbered(file_, 1), failed);
    if (failed == std::errc::no_such_file_or_directory) failed.clear();  // somebody has moved it away
  }
  if (!failed) std::filesystem::rename(made, file_, failed);
  if (failed) {
    ::close(opened);
    return false;
  }
  ::close(std::exchange(descriptor_, opened));
  return true;
}

void LogFile::reopen() {
  if (file_ == "-") return;
  const int opened = open_without_waiting();
  if (opened < 0) throw std::system_error(errno, std::generic_category(), "log " + file_.string());
  const std::lock_guard lock(mutex_);
  ::close(std::exchange(descriptor_, opened));
}

}  // namespace groundtruth::app
