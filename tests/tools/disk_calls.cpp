// What is done below the watched directory (disk_calls.hpp; what it is all for, disk_shim.cpp).
#include "tests/tools/disk_calls.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace disk {
namespace {

constexpr int kMaxDescriptors = 65536;
constexpr std::size_t kMaxName = 512;     // of a path below the root
constexpr std::size_t kMaxRules = 16384;  // bytes of the file of rules
constexpr int kTraceDescriptor = 900;     // out of the way of programs that expect small numbers

enum class Kind : std::uint8_t {
  create = 1,
  write,
  truncate,
  sync_begin,
  sync_end,
  sync_failed,
  rename,
  unlink,
  mkdir,
  rmdir,
  link,
  fault,
  mark,  // written by tests only
  open,  // of a file that was there
};

struct Head {
  std::uint32_t bytes;  // of the whole record
  Kind kind;
  std::uint8_t reserved = 0;
  std::uint16_t name_bytes;
  std::uint32_t other_bytes;  // of a second name
  std::int32_t number;        // errno of a fault, mode of what is made
  std::uint64_t inode;
  std::uint64_t offset;  // of a write; the number of a sync
  std::uint64_t length;  // after a truncation
};
static_assert(sizeof(Head) == 40);

struct Watched {
  bool on;
  std::uint64_t device, inode;
  char name[kMaxName];
};

char root[kMaxName];
std::size_t root_bytes = 0;
std::uint64_t root_device = 0;
int trace = -1;
char rules_file[kMaxName];
bool makes_syncs = true;
std::atomic<std::uint64_t> next_sync{1};
Watched watched[kMaxDescriptors];  // by descriptor; what is never opened costs no memory
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// The rules as they were read last, and how often each has matched since they became these.
char rules[kMaxRules];
constexpr int kMaxRuleLines = 64;
long matched[kMaxRuleLines];

class Lock {
 public:
  Lock() { pthread_mutex_lock(&mutex); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { pthread_mutex_unlock(&mutex); }
};

template <class... Arguments>
long call(long number, Arguments... arguments) {
  return syscall(number, arguments...);  // NOLINT(cppcoreguidelines-pro-type-vararg)
}

void copy_text(char* to, std::size_t room, const char* from) {
  const std::size_t bytes = strnlen(from, room - 1);
  memcpy(to, from, bytes);
  to[bytes] = '\0';
}

__attribute__((constructor)) void begin() {
  const char* where = getenv("DISK_ROOT");
  if (where == nullptr) return;
  const char* file = getenv("DISK_TRACE");
  if (file != nullptr) {
    const auto opened =
        static_cast<int>(call(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    if (opened >= 0) {
      trace = static_cast<int>(call(SYS_fcntl, opened, F_DUPFD_CLOEXEC, kTraceDescriptor));
      if (trace < 0) trace = opened;
      if (trace != opened) call(SYS_close, opened);
    }
  }
  if (const char* from = getenv("DISK_RULES")) copy_text(rules_file, sizeof rules_file, from);
  makes_syncs = getenv("DISK_NO_SYNC") == nullptr;
  struct stat found{};
  if (stat(where, &found) == 0) root_device = found.st_dev;
  pthread_atfork(nullptr, nullptr, [] { mutex = PTHREAD_MUTEX_INITIALIZER; });
  copy_text(root, sizeof root, where);
  root_bytes = strlen(root);
}

// Paths

// The absolute path of `path` as the call means it; false where it does not lie below the root. `out` has the
// part below the root then.
bool below_root(int directory, const char* path, char (&out)[kMaxName]) {
  if (root_bytes == 0 || path == nullptr) return false;
  char whole[2 * kMaxName];
  if (path[0] == '/') {
    copy_text(whole, sizeof whole, path);
  } else {
    char link_name[64];
    copy_text(link_name, sizeof link_name, "/proc/self/cwd");
    if (directory != AT_FDCWD) snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", directory);
    const long bytes = call(SYS_readlinkat, AT_FDCWD, link_name, whole, kMaxName - 1);
    if (bytes <= 0) return false;
    auto at = static_cast<std::size_t>(bytes);
    whole[at++] = '/';
    copy_text(whole + at, sizeof whole - at, path);
  }
  if (strncmp(whole, root, root_bytes) != 0) return false;
  if (whole[root_bytes] != '/' && whole[root_bytes] != '\0') return false;
  const char* rest = whole + root_bytes;
  while (*rest == '/') ++rest;
  std::size_t bytes = strnlen(rest, kMaxName);
  while (bytes > 0 &&
         (rest[bytes - 1] == '/' || (rest[bytes - 1] == '.' && bytes > 1 && rest[bytes - 2] == '/')))
    --bytes;
  if (bytes >= kMaxName) return false;
  memmove(out, rest, bytes);
  out[bytes] = '\0';
  return true;
}

bool find(int directory, const char* path, struct stat& found) {
  return call(SYS_newfstatat, directory, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

std::uint64_t inode_of(int directory, const char* path) {
  const int before = errno;
  struct stat found{};
  const bool there = find(directory, path, found);
  errno = before;
  return there ? found.st_ino : 0;
}

// Records

void record(Kind kind, const char* name, std::uint64_t inode, std::uint64_t offset = 0,
            std::uint64_t length = 0, std::int32_t number = 0, const char* other = "",
            const iovec* data = nullptr, int pieces = 0) {
  if (trace < 0) return;
  constexpr int kMost = 1024;
  iovec all[kMost + 3];
  Head head{};
  head.kind = kind;
  head.name_bytes = static_cast<std::uint16_t>(strlen(name));
  head.other_bytes = static_cast<std::uint32_t>(strlen(other));
  head.number = number;
  head.inode = inode;
  head.offset = offset;
  head.length = length;
  std::size_t bytes = sizeof head + head.name_bytes + head.other_bytes;
  all[0] = {&head, sizeof head};
  all[1] = {const_cast<char*>(name), head.name_bytes};
  all[2] = {const_cast<char*>(other), head.other_bytes};
  int count = 3;
  for (int i = 0; i < pieces && i < kMost; ++i) {
    all[count++] = data[i];
    bytes += data[i].iov_len;
  }
  head.bytes = static_cast<std::uint32_t>(bytes);
  const int before = errno;
  if (call(SYS_writev, trace, all, count) != static_cast<long>(bytes))
    abort();  // a trace with a hole is a lie
  errno = before;
}

// Rules: a line each, `CALL PATTERN ERROR SKIP COUNT`: of the calls that match, the first SKIP are let
// through, then COUNT fail (0: all) with that number of errno. CALL is a name or `*`. The error -1 is another
// thing: the call is made after all room of the file system has been taken.

bool read_rules() {
  if (rules_file[0] == '\0') return false;
  char fresh[kMaxRules];
  const auto file = static_cast<int>(call(SYS_openat, AT_FDCWD, rules_file, O_RDONLY | O_CLOEXEC, 0));
  if (file < 0) return false;
  const long bytes = call(SYS_read, file, fresh, sizeof fresh - 1);
  call(SYS_close, file);
  fresh[bytes > 0 ? bytes : 0] = '\0';
  if (strcmp(fresh, rules) != 0) {
    copy_text(rules, sizeof rules, fresh);
    memset(matched, 0, sizeof matched);
  }
  return rules[0] != '\0';
}

void take_all_room() {
  char ballast[kMaxName + 16];
  snprintf(ballast, sizeof ballast, "%s/ballast", root);
  const auto file =
      static_cast<int>(call(SYS_openat, AT_FDCWD, ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (file < 0) return;
  struct stat found{};
  call(SYS_fstat, file, &found);
  off_t end = found.st_size;
  for (off_t piece = 64 * 1024 * 1024; piece >= 4096;) {
    if (call(SYS_fallocate, file, 0, end, piece) == 0)
      end += piece;
    else
      piece /= 2;
  }
  call(SYS_close, file);
}

// The errno with which the call is to fail; 0: it is made. With the lock held.
int fault_of(const char* what, const char* name) {
  const int before = errno;
  const bool any = read_rules();
  errno = before;
  if (!any) return 0;
  const char* line = rules;
  for (int number = 0; *line != '\0' && number < kMaxRuleLines; ++number) {
    char verb[32], pattern[kMaxName];
    int error = 0;
    long skip = 0, count = 0;
    if (sscanf(line, "%31s %511s %d %ld %ld", verb, pattern, &error, &skip, &count) == 5 &&
        (strcmp(verb, "*") == 0 || strcmp(verb, what) == 0) && fnmatch(pattern, name, 0) == 0) {
      const long nth = matched[number]++;
      if (nth >= skip && (count == 0 || nth < skip + count)) {
        record(Kind::fault, name, 0, 0, 0, error, what);
        if (error > 0) return error;
        take_all_room();
      }
    }
    const char* end = strchr(line, '\n');
    if (end == nullptr) break;
    line = end + 1;
  }
  errno = before;
  return 0;
}

// Descriptors

void watch(int descriptor, const char* name) {
  if (descriptor < 0 || descriptor >= kMaxDescriptors) return;
  struct stat found{};
  if (call(SYS_fstat, descriptor, &found) != 0) return;
  Watched& entry = watched[descriptor];
  entry.device = found.st_dev;
  entry.inode = found.st_ino;
  copy_text(entry.name, sizeof entry.name, name);
  entry.on = true;
}

// nullptr: not below the root, or the number has become another file's without a word to this library.
const Watched* watched_at(int descriptor) {
  if (descriptor < 0 || descriptor >= kMaxDescriptors || !watched[descriptor].on) return nullptr;
  Watched& entry = watched[descriptor];
  const int before = errno;
  struct stat found{};
  const bool same =
      call(SYS_fstat, descriptor, &found) == 0 && found.st_dev == entry.device && found.st_ino == entry.inode;
  errno = before;
  if (!same) entry.on = false;
  return same ? &entry : nullptr;
}

std::uint64_t size_of(int descriptor) {
  struct stat found{};
  return call(SYS_fstat, descriptor, &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

}  // namespace

// Calls

int open_at(int directory, const char* path, int flags, mode_t mode) {
  char name[kMaxName];
  if (!below_root(directory, path, name))
    return static_cast<int>(call(SYS_openat, directory, path, flags, mode));
  const Lock lock;
  struct stat found{};
  const int before = errno;
  const bool was_there = find(directory, path, found);
  errno = before;
  const bool makes = (flags & O_CREAT) != 0 && !was_there;
  if (const int error = fault_of(makes ? "create" : "open", name)) {
    errno = error;
    return -1;
  }
  const auto descriptor = static_cast<int>(call(SYS_openat, directory, path, flags, mode));
  if (descriptor < 0) return descriptor;
  watch(descriptor, name);
  const auto inode = watched[descriptor].inode;
  if (makes) {
    record(Kind::create, name, inode, 0, 0, static_cast<std::int32_t>(mode));
  } else {
    record(Kind::open, name, inode, 0, 0, flags);
    if ((flags & O_TRUNC) != 0 && S_ISREG(found.st_mode) && found.st_size > 0)
      record(Kind::truncate, name, inode, 0, 0);
  }
  return descriptor;
}

ssize_t write_to(int descriptor, const iovec* data, int pieces, off_t at) {
  const auto make = [&]() -> ssize_t {
    if (at < 0) return call(SYS_writev, descriptor, data, pieces);
    return call(SYS_pwritev, descriptor, data, pieces, at, 0L);
  };
  if (root_bytes == 0 || descriptor < 0 || descriptor >= kMaxDescriptors || !watched[descriptor].on)
    return make();
  const Lock lock;
  const Watched* file = watched_at(descriptor);
  if (file == nullptr) return make();
  if (const int error = fault_of("write", file->name)) {
    errno = error;
    return -1;
  }
  const ssize_t written = make();
  if (written <= 0) return written;
  const auto offset = at >= 0
                          ? static_cast<std::uint64_t>(at)
                          : static_cast<std::uint64_t>(call(SYS_lseek, descriptor, 0L, SEEK_CUR) - written);
  iovec kept[1024];
  int count = 0;
  auto left = static_cast<std::size_t>(written);
  for (int i = 0; i < pieces && left > 0; ++i) {
    kept[count] = {data[i].iov_base, data[i].iov_len < left ? data[i].iov_len : left};
    left -= kept[count++].iov_len;
  }
  record(Kind::write, file->name, file->inode, offset, 0, 0, "", kept, count);
  return written;
}

int sync(int descriptor, Sync what) {
  const long number = what == Sync::all ? SYS_fsync : SYS_fdatasync;
  std::uint64_t id = 0, inode = 0;
  char name[kMaxName];
  {
    const Lock lock;
    const Watched* file = watched_at(descriptor);
    if (file == nullptr) return static_cast<int>(call(number, descriptor));
    inode = file->inode;
    copy_text(name, sizeof name, file->name);
    if (const int error = fault_of("sync", name)) {
      record(Kind::sync_failed, name, inode);
      errno = error;
      return -1;
    }
    id = next_sync++;
    record(Kind::sync_begin, name, inode, id);
  }
  const int done = makes_syncs ? static_cast<int>(call(number, descriptor)) : 0;
  const Lock lock;
  record(done == 0 ? Kind::sync_end : Kind::sync_failed, name, inode, id);
  return done;
}

int resize(int descriptor, off_t bytes, Resize how) {
  const auto make = [&] {
    return static_cast<int>(how == Resize::set ? call(SYS_ftruncate, descriptor, bytes)
                                               : call(SYS_fallocate, descriptor, 0, 0L, bytes));
  };
  const Lock lock;
  const Watched* file = watched_at(descriptor);
  if (file == nullptr) return make();
  if (const int error = fault_of("truncate", file->name)) {
    errno = error;
    return -1;
  }
  const auto old = size_of(descriptor);
  const int done = make();
  if (done == 0 && size_of(descriptor) != old)
    record(Kind::truncate, file->name, file->inode, 0, size_of(descriptor));
  return done;
}

int rename_at(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  char old_name[kMaxName], new_name[kMaxName];
  const auto make = [&] {
    return static_cast<int>(call(SYS_renameat2, from_directory, from, to_directory, to, flags));
  };
  if (!below_root(from_directory, from, old_name) || !below_root(to_directory, to, new_name)) return make();
  const Lock lock;
  if (const int error = fault_of("rename", new_name)) {
    errno = error;
    return -1;
  }
  const auto inode = inode_of(from_directory, from);
  const int done = make();
  if (done == 0) record(Kind::rename, old_name, inode, 0, 0, 0, new_name);
  return done;
}

int unlink_at(int directory, const char* path, int flags) {
  char name[kMaxName];
  const auto make = [&] { return static_cast<int>(call(SYS_unlinkat, directory, path, flags)); };
  if (!below_root(directory, path, name)) return make();
  const Lock lock;
  const auto inode = inode_of(directory, path);
  if (inode != 0)
    if (const int error = fault_of("unlink", name)) {
      errno = error;
      return -1;
    }
  const int done = make();
  if (done == 0) record((flags & AT_REMOVEDIR) != 0 ? Kind::rmdir : Kind::unlink, name, inode);
  return done;
}

int mkdir_at(int directory, const char* path, mode_t mode) {
  char name[kMaxName];
  const auto make = [&] { return static_cast<int>(call(SYS_mkdirat, directory, path, mode)); };
  if (!below_root(directory, path, name)) return make();
  const Lock lock;
  if (inode_of(directory, path) == 0)
    if (const int error = fault_of("mkdir", name)) {
      errno = error;
      return -1;
    }
  const int done = make();
  if (done == 0) record(Kind::mkdir, name, inode_of(directory, path), 0, 0, static_cast<std::int32_t>(mode));
  return done;
}

int link_at(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  char old_name[kMaxName], new_name[kMaxName];
  const auto make = [&] {
    return static_cast<int>(call(SYS_linkat, from_directory, from, to_directory, to, flags));
  };
  if (!below_root(from_directory, from, old_name) || !below_root(to_directory, to, new_name)) return make();
  const Lock lock;
  if (const int error = fault_of("link", new_name)) {
    errno = error;
    return -1;
  }
  const int done = make();
  if (done == 0) record(Kind::link, old_name, inode_of(to_directory, to), 0, 0, 0, new_name);
  return done;
}

int make_temporary(char* pattern, int suffix_bytes, int flags) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  const std::size_t bytes = strlen(pattern);
  if (bytes < 6U + static_cast<std::size_t>(suffix_bytes)) {
    errno = EINVAL;
    return -1;
  }
  char* place = pattern + bytes - suffix_bytes - 6;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::uint8_t random[6] = {};
    call(SYS_getrandom, random, sizeof random, 0);
    for (int i = 0; i < 6; ++i) place[i] = kLetters[random[i] % (sizeof kLetters - 1)];
    const int descriptor = open_at(AT_FDCWD, pattern, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

int close(int descriptor) {
  forget(descriptor);
  return static_cast<int>(call(SYS_close, descriptor));
}

bool is_watched(int directory, const char* path) {
  char name[kMaxName];
  return below_root(directory, path, name);
}

void forget(int descriptor) {
  if (descriptor >= 0 && descriptor < kMaxDescriptors) watched[descriptor].on = false;
}

StreamCall::StreamCall(FILE* stream) : stream_(stream), descriptor_(stream == nullptr ? -1 : fileno(stream)) {
  if (descriptor_ < 0 || root_bytes == 0 || descriptor_ >= kMaxDescriptors || !watched[descriptor_].on) {
    descriptor_ = -1;
    return;
  }
  pthread_mutex_lock(&mutex);
  if (watched_at(descriptor_) == nullptr) {
    pthread_mutex_unlock(&mutex);
    descriptor_ = -1;
    return;
  }
  reader_ = dup(descriptor_);  // the call may close it
  before_ = static_cast<std::uint64_t>(call(SYS_lseek, descriptor_, 0L, SEEK_CUR));
}

int StreamCall::fault() {
  if (descriptor_ < 0 || __fpending(stream_) == 0) return 0;
  const int error = fault_of("write", watched[descriptor_].name);
  if (error != 0) __fpurge(stream_);
  return error;
}

StreamCall::~StreamCall() {
  if (descriptor_ < 0) return;
  const int saved = errno;
  const Watched& file = watched[descriptor_];
  const auto after = static_cast<std::uint64_t>(call(SYS_lseek, reader_, 0L, SEEK_CUR));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", reader_);
  // Opened again: a stream may be for writing only.
  const auto readable = static_cast<int>(call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
  char block[64 * 1024];
  for (auto at = before_; at < after && readable >= 0;) {
    const auto want = after - at < sizeof block ? after - at : sizeof block;
    const long got = call(SYS_pread64, readable, block, want, static_cast<off_t>(at));
    if (got <= 0) break;
    const iovec piece{block, static_cast<std::size_t>(got)};
    record(Kind::write, file.name, file.inode, at, 0, 0, "", &piece, 1);
    at += static_cast<std::uint64_t>(got);
  }
  if (readable >= 0) call(SYS_close, readable);
  call(SYS_close, reader_);
  pthread_mutex_unlock(&mutex);
  errno = saved;
}

}  // namespace disk
