// See durable_file.hpp.
#include "journal/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace groundtruth::journal {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, const char* doing, int error = errno) {
  throw std::system_error(error, std::generic_category(), file.string() + ": cannot " + doing);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// 0, or why it cannot be written.
int write_all(int out, std::string_view content) {
  while (!content.empty()) {
    const auto written = ::write(out, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// What is written aside: gone with this object unless it was moved into place.
class Aside {
 public:
  Aside(const fs::path& file, std::string_view content, mode_t mode) : path_(file.string() + ".new") {
    // What a crash left may have another mode, or be a link to somewhere else.
    if (::unlink(path_.c_str()) != 0 && errno != ENOENT) fail(path_, "remove");
    const Descriptor out(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.get() < 0) fail(path_, "create");
    try {
      if (const int error = write_all(out.get(), content); error != 0) fail(path_, "write", error);
      if (::fchmod(out.get(), mode) != 0) fail(path_, "set the mode of");
      if (::fsync(out.get()) != 0) fail(path_, "sync");
    } catch (...) {
      ::unlink(path_.c_str());
      throw;
    }
  }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  ~Aside() {
    if (!moved_) ::unlink(path_.c_str());
  }

  void move_over(const fs::path& file) {
    if (::rename(path_.c_str(), file.c_str()) != 0) fail(file, "move into place");
    moved_ = true;
  }

  // False: there is a file of that name.
  bool move_beside_none(const fs::path& file) {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) == 0) {
      moved_ = true;
      return true;
    }
    if (errno == EEXIST) return false;
    if (errno != EINVAL && errno != ENOSYS) fail(file, "move into place");
    // A file system that does not know this rename: a second name, which no file may have, and then one less.
    if (::link(path_.c_str(), file.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    fail(file, "move into place");
  }

 private:
  const fs::path path_;
  bool moved_ = false;
};

fs::path parent_of(const fs::path& path) {
  // "data/" names the directory "data", which lies in ".".
  const fs::path named = path.has_filename() ? path : path.parent_path();
  return named.has_parent_path() ? named.parent_path() : fs::path(".");
}

}  // namespace

void replace_durably(const fs::path& file, std::string_view content, mode_t mode) {
  Aside(file, content, mode).move_over(file);
  sync_directory_of(file);
}

bool create_durably(const fs::path& file, std::string_view content, mode_t mode) {
  {
    Aside aside(file, content, mode);
    if (!aside.move_beside_none(file)) return false;
  }
  sync_directory_of(file);
  return true;
}

void leave_marker(const fs::path& file, std::string_view reason) {
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (out.get() < 0) fail(file, "create");
  // Each of these is done, whatever became of the one before.
  const int write_error = write_all(out.get(), reason);
  const int sync_error = ::fsync(out.get()) == 0 ? 0 : errno;
  sync_directory_of(file);
  if (write_error != 0) fail(file, "write", write_error);
  if (sync_error != 0) fail(file, "sync", sync_error);
}

void remove_durably(const fs::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) fail(file, "remove");
  sync_directory_of(file);
}

void sync_directory(const fs::path& directory) {
  const Descriptor open(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (open.get() < 0) fail(directory, "open");
  if (::fsync(open.get()) != 0) fail(directory, "sync");
}

void sync_directory_of(const fs::path& file) {
  sync_directory(parent_of(file));
}

void make_directory_durably(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail(directory, "make the directory");
  const Descriptor made(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (made.get() < 0) fail(directory, "open the directory");
  // One that was there may have been made by a process that ended before it synced the name.
  const fs::path parent = parent_of(directory);
  const Descriptor above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (above.get() >= 0) {
    if (::fsync(above.get()) != 0) fail(parent, "sync");
  } else if (errno != EACCES) {
    fail(parent, "open");
  } else if (::syncfs(made.get()) != 0) {  // a directory that this process may not list
    fail(directory, "sync");
  }
}

bool is_no_room(const std::error_code& error) {
  return error == std::errc::no_space_on_device ||
         error == std::error_code(EDQUOT, std::generic_category()) ||
         error == std::error_code(EDQUOT, std::system_category());
}

void forget_cached(const fs::path& file) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() >= 0) ::posix_fadvise(in.get(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace groundtruth::journal
