// See files.hpp.
#include "app/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace groundtruth::app {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file) {
  throw std::system_error(errno, std::generic_category(), file.string());
}

struct Descriptor {
  int number;
  explicit Descriptor(int n) : number(n) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

std::optional<std::string> read_file(const std::filesystem::path& file) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.number < 0) {
    if (errno == ENOENT) return std::nullopt;
    fail(file);
  }
  std::string content;
  char block[16 * 1024];
  for (;;) {
    const auto got = ::read(in.number, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(file);
    if (got == 0) return content;
    content.append(block, static_cast<std::size_t>(got));
  }
}

void replace_file(const std::filesystem::path& file, std::string_view content, mode_t mode) {
  auto temporary = file;
  temporary += "." + std::to_string(::getpid()) + ".new";
  {
    const Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (out.number < 0 || ::fchmod(out.number, mode) != 0) fail(temporary);
    while (!content.empty()) {
      const auto put = ::write(out.number, content.data(), content.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail(temporary);
      content.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fsync(out.number) != 0) fail(temporary);
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) fail(file);
}

}  // namespace groundtruth::app
