// Small files that are on disk when the call returns.
#include "journal/sqlite/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace groundtruth::journal {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* doing) {
  throw std::system_error(errno, std::generic_category(), file.string() + ": cannot " + doing);
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& file, int flags)
      : fd_(::open(file.c_str(), flags | O_CLOEXEC, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

void sync_directory_of(const std::filesystem::path& file) {
  const auto parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const Descriptor directory(parent, O_RDONLY | O_DIRECTORY);
  if (directory.get() < 0) fail(parent, "open");
  if (::fsync(directory.get()) != 0) fail(parent, "sync");
}

void write_durably(const std::filesystem::path& file, std::string_view content) {
  {
    const Descriptor out(file, O_WRONLY | O_CREAT | O_TRUNC);
    if (out.get() < 0) fail(file, "create");
    while (!content.empty()) {
      const auto written = ::write(out.get(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(file, "write");
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(out.get()) != 0) fail(file, "sync");
  }
  sync_directory_of(file);
}

void remove_durably(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, "remove");
  sync_directory_of(file);
}

void forget_cached(const std::filesystem::path& file) {
  const Descriptor in(file, O_RDONLY);
  if (in.get() >= 0) ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace groundtruth::journal
