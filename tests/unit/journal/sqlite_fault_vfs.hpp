// A SQLite VFS over the system's one that fails on demand and knows what would survive a loss of power.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace groundtruth::journal::testing {

enum class FileCall : std::uint8_t { read, write, sync };

// Registers the VFS for as long as it lives; one at a time. Connections must be closed before it goes.
// Thread-safe.
class FaultVfs {
 public:
  FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs();

  static std::string name() { return "groundtruth_faults"; }

  // What a call returns instead of being done: an SQLite result code, 0 does it. Null lifts it.
  void decide(std::function<int(FileCall, const std::string& file)> decision);

  // From now on each sync of a file also keeps its content as `<file>.synced`.
  void keep_synced_images(bool keep);
  static std::filesystem::path synced_image(const std::filesystem::path& file);
};

}  // namespace groundtruth::journal::testing
