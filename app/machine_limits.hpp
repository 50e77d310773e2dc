// What the machine lets this process have, and how that is shared out.
#pragma once

#include <cstddef>
#include <optional>

namespace groundtruth::app {

// Raises the soft limit of open files to the hard one and says how many there may be now.
std::size_t raise_open_files();

// How many of the open files are for what strangers can cause. The rest is this process's own: the journal,
// keys, read models and their readers, logs, brokers, other nodes, operators.
struct FileShares {
  std::size_t connections;  // of the public listener
  std::size_t downloads;    // of media, at once
};
inline constexpr std::size_t kOwnFiles = 256;
inline constexpr std::size_t kUploadFiles = 64;
inline constexpr std::size_t kMaxDownloads = 1'024;
inline constexpr std::size_t kFewestFiles = kOwnFiles + 2 * kUploadFiles;

// nullopt: fewer than kFewestFiles, with which nothing could be promised.
std::optional<FileShares> share_files(std::size_t open_files, std::size_t wanted_connections);

// True when this process can have that many more threads at once. Tried before anything is made: a pool that
// gets only some of its threads could not be taken down again.
bool can_have_threads(std::size_t count);
inline constexpr std::size_t kFewestThreads = 96;  // 32 that wait for media, pools, I/O, workers and jobs

}  // namespace groundtruth::app
