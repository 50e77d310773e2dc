// Stands between a program and the file system, loaded by LD_PRELOAD: records in order what is done below one
// directory, for images of what a power loss leaves, and fails the calls that a test names. tests/e2e/disk.py
// is its other half and says what the records and the rules look like.
//
// Environment:
//   DISK_ROOT    absolute path; what lies below it is watched, and everything else is let through
//   DISK_TRACE   the file to which records are appended; none where it is unset
//   DISK_RULES   the file that names the calls to fail; read again at each call, so that a test can change it
//   DISK_BOOT    a file that stands in for the kernel's id of this start of the machine: after a power loss
//   it is
//                another one
//   DISK_NO_SYNC set: syncs are recorded and not made. The images do not depend on them, and tests run faster
//
// Every call below the root is made and recorded under one lock, so the records stand in the order of the
// calls. Only syncs run outside of it, and have two records: what is written meanwhile may be missing from
// the disk afterwards. System calls are made directly, and no memory is taken from the heap: allocators call
// `open` before the dynamic linker can look up what this library stands before.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

#include "tests/tools/disk_calls.hpp"

#define SHIM extern "C" __attribute__((visibility("default")))

namespace {

template <class Function>
Function next(Function, const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

const char* seen_as(const char* path) {
  if (strcmp(path, "/proc/sys/kernel/random/boot_id") != 0) return path;
  const char* boot = getenv("DISK_BOOT");
  return boot == nullptr ? path : boot;
}

mode_t mode_argument(int flags, va_list rest) {
  const bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return makes ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

}  // namespace

// What the C library offers under these names. Both names where a file's size may be 64 bits: they are one.

SHIM int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_argument(flags, rest);
  va_end(rest);
  return disk::open_at(AT_FDCWD, seen_as(path), flags, mode);
}
SHIM int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_argument(flags, rest);
  va_end(rest);
  return disk::open_at(AT_FDCWD, path, flags, mode);
}
SHIM int openat(int directory, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_argument(flags, rest);
  va_end(rest);
  return disk::open_at(directory, path, flags, mode);
}
SHIM int openat64(int directory, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_argument(flags, rest);
  va_end(rest);
  return disk::open_at(directory, path, flags, mode);
}
// The names of programs that were built to check that a mode is given.
SHIM int __open_2(const char* path, int flags) {
  return disk::open_at(AT_FDCWD, path, flags, 0);
}
SHIM int __open64_2(const char* path, int flags) {
  return disk::open_at(AT_FDCWD, path, flags, 0);
}
SHIM int __openat_2(int directory, const char* path, int flags) {
  return disk::open_at(directory, path, flags, 0);
}
SHIM int __openat64_2(int directory, const char* path, int flags) {
  return disk::open_at(directory, path, flags, 0);
}
SHIM int creat(const char* path, mode_t mode) {
  return disk::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

SHIM int mkstemp(char* pattern) {
  return disk::make_temporary(pattern, 0, 0);
}
SHIM int mkstemp64(char* pattern) {
  return disk::make_temporary(pattern, 0, 0);
}
SHIM int mkostemp(char* pattern, int flags) {
  return disk::make_temporary(pattern, 0, flags);
}
SHIM int mkostemp64(char* pattern, int flags) {
  return disk::make_temporary(pattern, 0, flags);
}
SHIM int mkstemps(char* pattern, int suffix_bytes) {
  return disk::make_temporary(pattern, suffix_bytes, 0);
}

SHIM int close(int descriptor) {
  return disk::close(descriptor);
}

SHIM ssize_t write(int descriptor, const void* data, std::size_t bytes) {
  const iovec piece{const_cast<void*>(data), bytes};
  return disk::write_to(descriptor, &piece, 1, -1);
}
SHIM ssize_t pwrite(int descriptor, const void* data, std::size_t bytes, off_t at) {
  const iovec piece{const_cast<void*>(data), bytes};
  return disk::write_to(descriptor, &piece, 1, at);
}
SHIM ssize_t pwrite64(int descriptor, const void* data, std::size_t bytes, off64_t at) {
  const iovec piece{const_cast<void*>(data), bytes};
  return disk::write_to(descriptor, &piece, 1, at);
}
SHIM ssize_t writev(int descriptor, const iovec* data, int pieces) {
  return disk::write_to(descriptor, data, pieces, -1);
}
SHIM ssize_t pwritev(int descriptor, const iovec* data, int pieces, off_t at) {
  return disk::write_to(descriptor, data, pieces, at);
}
SHIM ssize_t pwritev64(int descriptor, const iovec* data, int pieces, off64_t at) {
  return disk::write_to(descriptor, data, pieces, at);
}

SHIM int fsync(int descriptor) {
  return disk::sync(descriptor, disk::Sync::all);
}
SHIM int fdatasync(int descriptor) {
  return disk::sync(descriptor, disk::Sync::data);
}

SHIM int ftruncate(int descriptor, off_t bytes) noexcept {
  return disk::resize(descriptor, bytes, disk::Resize::set);
}
SHIM int ftruncate64(int descriptor, off64_t bytes) noexcept {
  return disk::resize(descriptor, bytes, disk::Resize::set);
}
SHIM int posix_fallocate(int descriptor, off_t offset, off_t bytes) {
  return disk::resize(descriptor, offset + bytes, disk::Resize::at_least) == 0 ? 0 : errno;
}
SHIM int posix_fallocate64(int descriptor, off64_t offset, off64_t bytes) {
  return disk::resize(descriptor, offset + bytes, disk::Resize::at_least) == 0 ? 0 : errno;
}
SHIM int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  if (mode != 0) return static_cast<int>(syscall(SYS_fallocate, descriptor, mode, offset, bytes));
  return disk::resize(descriptor, offset + bytes, disk::Resize::at_least);
}
SHIM int fallocate64(int descriptor, int mode, off64_t offset, off64_t bytes) {
  return fallocate(descriptor, mode, offset, bytes);
}
SHIM int truncate(const char* path, off_t bytes) noexcept {
  const int descriptor = disk::open_at(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int done = disk::resize(descriptor, bytes, disk::Resize::set);
  const int error = errno;
  close(descriptor);
  errno = error;
  return done;
}
SHIM int truncate64(const char* path, off64_t bytes) noexcept {
  return truncate(path, bytes);
}

SHIM int rename(const char* from, const char* to) noexcept {
  return disk::rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
SHIM int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  return disk::rename_at(from_directory, from, to_directory, to, 0);
}
SHIM int renameat2(int from_directory, const char* from, int to_directory, const char* to,
                   unsigned flags) noexcept {
  return disk::rename_at(from_directory, from, to_directory, to, flags);
}

SHIM int unlink(const char* path) noexcept {
  return disk::unlink_at(AT_FDCWD, path, 0);
}
SHIM int unlinkat(int directory, const char* path, int flags) noexcept {
  return disk::unlink_at(directory, path, flags);
}
SHIM int rmdir(const char* path) noexcept {
  return disk::unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
}
SHIM int remove(const char* path) noexcept {
  const int done = disk::unlink_at(AT_FDCWD, path, 0);
  return done != 0 && errno == EISDIR ? disk::unlink_at(AT_FDCWD, path, AT_REMOVEDIR) : done;
}

SHIM int mkdir(const char* path, mode_t mode) noexcept {
  return disk::mkdir_at(AT_FDCWD, path, mode);
}
SHIM int mkdirat(int directory, const char* path, mode_t mode) noexcept {
  return disk::mkdir_at(directory, path, mode);
}

SHIM int link(const char* from, const char* to) noexcept {
  return disk::link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
SHIM int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) noexcept {
  return disk::link_at(from_directory, from, to_directory, to, flags);
}

SHIM FILE* fopen(const char* path, const char* mode) {
  if (!disk::is_watched(AT_FDCWD, path)) return next(&fopen, "fopen")(seen_as(path), mode);
  const bool adds = strchr(mode, '+') != nullptr;
  int flags = mode[0] == 'r' ? (adds ? O_RDWR : O_RDONLY) : (adds ? O_RDWR : O_WRONLY) | O_CREAT;
  if (mode[0] == 'w') flags |= O_TRUNC;
  if (mode[0] == 'a') flags |= O_APPEND;
  if (strchr(mode, 'x') != nullptr) flags |= O_EXCL;
  if (strchr(mode, 'e') != nullptr) flags |= O_CLOEXEC;
  const int descriptor = disk::open_at(AT_FDCWD, path, flags, 0666);
  if (descriptor < 0) return nullptr;
  FILE* stream = fdopen(descriptor, mode);
  if (stream == nullptr) close(descriptor);
  return stream;
}
SHIM FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}
SHIM int fflush(FILE* stream) {
  disk::StreamCall call(stream);
  if (const int error = call.fault()) {
    errno = error;
    return EOF;
  }
  return next(&fflush, "fflush")(stream);
}
SHIM std::size_t fwrite(const void* data, std::size_t bytes, std::size_t count, FILE* stream) {
  const disk::StreamCall call(stream);  // fails when it is flushed
  return next(&fwrite, "fwrite")(data, bytes, count, stream);
}
SHIM int fclose(FILE* stream) {
  const int descriptor = fileno(stream);
  int error = 0, closed = 0;
  {
    disk::StreamCall call(stream);
    error = call.fault();
    closed = next(&fclose, "fclose")(stream);
  }
  disk::forget(descriptor);
  if (error == 0) return closed;
  errno = error;
  return EOF;
}
