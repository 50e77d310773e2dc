// The data directory of one node (contract in data_directory.hpp).
#include "journal/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "journal/durable_file.hpp"

namespace groundtruth::journal {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what, int error) {
  std::string why = std::generic_category().message(error);
  if (error == EACCES || error == EPERM)
    why += "; check that uid " + std::to_string(::geteuid()) + " owns the data directory";
  if (error == EROFS) why += "; the data directory must be on a file system mounted for writing";
  throw std::runtime_error(path.string() + ": " + what + ": " + why);
}

void make_directory(const std::filesystem::path& path) {
  try {
    make_directory_durably(path);
  } catch (const std::system_error& error) {
    const int code = error.code().value();
    refuse(path, code == ENOTDIR ? "is not a directory" : "cannot create the directory", code);
  }
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string first;
  std::getline(in, first);
  return first.empty() ? "a process that has not written its id yet" : first;
}

}  // namespace

DataDirectory::DataDirectory(std::filesystem::path root, Absent absent, const Clock& clock)
    : root_(std::move(root)) {
  if (absent == Absent::refuse && !std::filesystem::exists(root_))
    throw std::runtime_error(root_.string() +
                             ": there is no data directory; `groundtruth journal init` makes one");
  if (absent == Absent::create) make_directory(root_);
  take_lock(clock);
  try {
    for (const auto& directory : {read_models(), mail(), media()}) make_directory(directory);
  } catch (...) {
    ::close(lock_fd_);
    throw;
  }
}

DataDirectory::~DataDirectory() {
  ::close(lock_fd_);
}

void DataDirectory::take_lock(const Clock& clock) {
  // The file is never removed: a lock on a file that another process can no longer find would be no lock.
  lock_fd_ = ::open(lock_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) refuse(lock_file(), "cannot open the lock", errno);
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(lock_fd_);
    if (error != EWOULDBLOCK) refuse(lock_file(), "cannot lock", error);
    throw DataDirectoryInUse(root_.string() + ": in use by " + content_of(lock_file()) +
                             "; stop it, or give this one another data directory");
  }
  const auto holder =
      "pid " + std::to_string(::getpid()) + ", started " + domain::to_rfc3339_s(clock.now()) + "\n";
  if (::ftruncate(lock_fd_, 0) != 0 ||
      ::pwrite(lock_fd_, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    const int error = errno;
    ::close(lock_fd_);
    refuse(lock_file(), "cannot write who holds it", error);
  }
}

}  // namespace groundtruth::journal
