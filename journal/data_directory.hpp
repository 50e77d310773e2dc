// The data directory of one node: who may use it, and where everything in it lies.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "journal/ports.hpp"
#include "journal/private_files.hpp"

namespace groundtruth::journal {

// Another process holds the directory; the message says which and since when.
struct DataDirectoryInUse : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Holds an exclusive lock on the directory for as long as it lives; the kernel lets it go when the process
// dies, however it dies. One object a process; not copied or moved because the lock is the object.
class DataDirectory {
 public:
  enum class Absent : std::uint8_t { refuse, create };  // create: with mode 0700, as everything in it

  // Throws DataDirectoryInUse, and std::runtime_error with the mend when the directory is missing or may not
  // be written.
  DataDirectory(std::filesystem::path root, Absent absent, const Clock& clock);
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;
  ~DataDirectory();

  // Sees to it that all of it is this user's alone (private_files.hpp): `say` tells what was changed. The
  // operators' token and the master key are checked by those who read them; the access log may be led
  // elsewhere by a link.
  void keep_private(const Say& say) const;

  const std::filesystem::path& root() const { return root_; }
  // Irreplaceable: these, and blobs, are what a backup holds.
  std::filesystem::path journal_file() const { return root_ / "journal.db"; }
  std::filesystem::path keys_file() const { return root_ / "keys.db"; }
  std::filesystem::path master_key_file() const { return root_ / "master.key"; }
  // Disposable: comes back from the journal.
  std::filesystem::path read_models() const { return root_ / "read_models"; }
  std::filesystem::path key_table() const { return root_ / "keys-of-kafka.db"; }
  std::filesystem::path server_file() const { return root_ / "server.json"; }
  std::filesystem::path ops_token_file() const { return root_ / "ops.token"; }
  std::filesystem::path mail() const { return root_ / "mail"; }
  std::filesystem::path media() const { return root_ / "media"; }
  std::filesystem::path lock_file() const { return root_ / "lock"; }
  std::filesystem::path access_log() const { return root_ / "access.log"; }

 private:
  void take_lock(const Clock& clock);

  std::filesystem::path root_;
  int lock_fd_ = -1;
};

}  // namespace groundtruth::journal
