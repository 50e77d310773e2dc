// See machine_limits.hpp.
#include "app/machine_limits.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

namespace groundtruth::app {

std::size_t raise_open_files() {
  constexpr rlim_t enough = 1'048'576;  // what the kernel itself allows a process by default
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFewestFiles;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, enough));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return static_cast<std::size_t>(std::min(limit.rlim_cur, enough));
}

std::optional<FileShares> share_files(std::size_t open_files, std::size_t wanted_connections) {
  if (open_files < kFewestFiles) return std::nullopt;
  const std::size_t left = open_files - kOwnFiles - kUploadFiles;
  const std::size_t downloads = std::min(left / 4, kMaxDownloads);
  return FileShares{std::min(left - downloads, wanted_connections), downloads};
}

bool can_have_threads(std::size_t count) {
  std::latch is_over(1);
  std::vector<std::jthread> threads;
  threads.reserve(count);
  bool had_all = true;
  try {
    while (threads.size() < count) threads.emplace_back([&is_over] { is_over.wait(); });
  } catch (const std::system_error&) {
    had_all = false;
  }
  is_over.count_down();
  threads.clear();
  return had_all;
}

}  // namespace groundtruth::app
