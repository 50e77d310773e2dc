// The data directory of one node (contract in data_directory.hpp).
#include "journal/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "journal/durable_file.hpp"

namespace groundtruth::journal {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what, int error) {
  std::string why = std::generic_category().message(error);
  if (error == EACCES || error == EPERM)
    why += "; check that uid " + std::to_string(::geteuid()) + " owns the data directory";
  if (error == ELOOP) why += "; it is a symbolic link: remove it";
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

std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path());
  return out;
}

// The logs of a database that is gone would be taken for those of the next one.
void remove_beside(const std::filesystem::path& file) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) std::filesystem::remove(file.string() + suffix);
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

void DataDirectory::keep_private(const Say& say) const {
  const auto is_ours = [](std::string_view name) {
    constexpr std::string_view kExact[] = {"lock",      "master.key",   "ops.token",   "server.json",
                                           "demo.json", "access.log",   "read_models", "mail",
                                           "media",     "erasure.json", "kafka"};
    constexpr std::string_view kFamilies[] = {
        "journal.db", "keys.db",      "keys-of-kafka.db", "relay-", "erasure.json", "collector.json",
        "ops.token.", "server.json.", "master.key.",      "demo.",  "access.log."};
    return std::find(std::begin(kExact), std::end(kExact), name) != std::end(kExact) ||
           std::any_of(std::begin(kFamilies), std::end(kFamilies),
                       [&](std::string_view family) { return name.starts_with(family); });
  };
  const auto any = [](std::string_view) { return true; };
  keep_directory_private(root_, is_ours, say);
  for (const auto& directory : {read_models(), mail()}) keep_directory_private(directory, any, say);
  keep_media_private(media(), say);
  for (const auto& file : entries(root_)) {
    const auto name = file.filename().string();
    const bool is_directory = name == "read_models" || name == "mail" || name == "media" || name == "kafka";
    const bool is_checked_elsewhere =
        file == master_key_file() || file == ops_token_file() || file == access_log();
    if (is_directory || is_checked_elsewhere || !is_ours(name)) continue;
    const bool comes_back = name.starts_with("server.json") || name.starts_with("erasure.json") ||
                            name.starts_with("collector.json") || name.starts_with("relay-") ||
                            name.starts_with(key_table().filename().string());
    if (!comes_back)
      journal::keep_private(file, say);
    else if (keep_private_or_remove(file, say))
      remove_beside(file);
  }
  for (const auto& file : entries(read_models())) {
    const bool went_with_another = !std::filesystem::exists(std::filesystem::symlink_status(file));
    if (went_with_another || !keep_private_or_remove(file, say)) continue;
    // A read model without its log is another one: both go.
    auto database = file.string();
    for (const std::string_view suffix : {"-wal", "-shm"})
      if (database.ends_with(suffix)) database.resize(database.size() - suffix.size());
    std::filesystem::remove(database);
    remove_beside(database);
  }
}

void DataDirectory::take_lock(const Clock& clock) {
  // The file is never removed: a lock on a file that another process can no longer find would be no lock.
  lock_fd_ = ::open(lock_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
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
