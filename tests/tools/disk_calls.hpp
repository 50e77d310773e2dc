// What disk_shim.cpp does below the watched directory: each call is failed where a rule says so, or made and
// recorded. Everything else is made, and nothing more. All of these answer as the system does, with errno.
#pragma once

#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>

namespace disk {

int open_at(int directory, const char* path, int flags, mode_t mode);
// The last six characters before the suffix are chosen anew until there is no such file.
int make_temporary(char* pattern, int suffix_bytes, int flags);
int close(int descriptor);
// `at` < 0: where the descriptor stands.
ssize_t write_to(int descriptor, const iovec* data, int pieces, off_t at);
enum class Sync : std::uint8_t { all, data };
int sync(int descriptor, Sync what);
enum class Resize : std::uint8_t { set, at_least };
int resize(int descriptor, off_t bytes, Resize how);
int rename_at(int from_directory, const char* from, int to_directory, const char* to, unsigned flags);
int unlink_at(int directory, const char* path, int flags);
int mkdir_at(int directory, const char* path, mode_t mode);
int link_at(int from_directory, const char* from, int to_directory, const char* to, int flags);

bool is_watched(int directory, const char* path);
// Its number will be another file's.
void forget(int descriptor);

// Around a call that may write out what a stream has gathered: the C library does that without a call that
// could be stood before. What the call has added to the file is read back; streams here are written from
// front to back.
class StreamCall {
 public:
  explicit StreamCall(FILE* stream);
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;
  ~StreamCall();
  // The errno with which the call is to fail; what was gathered is gone then. 0: it is to be made.
  int fault();

 private:
  FILE* stream_;
  int descriptor_;  // -1: not watched
  int reader_ = -1;
  std::uint64_t before_ = 0;
};

}  // namespace disk
