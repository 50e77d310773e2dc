// See system_faults.hpp.
#include "tests/unit/system_faults.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <mutex>

namespace groundtruth::testing {
namespace {

struct State {
  std::mutex mutex;
  std::string below;
  std::function<int(SystemCall, const std::string&)> decision;
  std::vector<std::string> trace;
  std::string failed;
};

std::atomic<bool> active{false};

State& state() {
  static State* const one = new State;  // files are written until the very end of the process
  return *one;
}

std::string_view name_of(SystemCall call) {
  switch (call) {
    case SystemCall::create:
      return "create";
    case SystemCall::write:
      return "write";
    case SystemCall::sync:
      return "sync";
    case SystemCall::truncate:
      return "truncate";
    case SystemCall::rename:
      return "rename";
    case SystemCall::remove:
      return "remove";
  }
  return "?";
}

std::string path_of(int descriptor) {
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  std::array<char, 4096> path;
  const auto length = ::readlink(link.c_str(), path.data(), path.size());
  return length < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(length));
}

int decided(SystemCall call, const std::string& path) {
  auto& shared = state();
  const std::lock_guard lock(shared.mutex);
  if (!shared.decision || !path.starts_with(shared.below)) return 0;
  shared.trace.push_back(std::string(name_of(call)) + " of " + path.substr(shared.below.size()));
  const int error = shared.decision(call, path);
  if (error != 0 && shared.failed.empty()) shared.failed = shared.trace.back();
  return error;
}

// True: the call fails, and errno says how.
bool fails(SystemCall call, const char* path) {
  if (!active) return false;
  const int error = decided(call, path);
  if (error != 0) errno = error;
  return error != 0;
}

bool fails(SystemCall call, int descriptor) {
  if (!active) return false;
  const int error = decided(call, path_of(descriptor));
  if (error != 0) errno = error;
  return error != 0;
}

bool is_new(const char* path, int flags) {
  struct stat found{};
  return (flags & O_CREAT) != 0 && ::lstat(path, &found) != 0;
}

template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

mode_t mode_in(int flags, va_list rest) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

}  // namespace

SystemFaults::SystemFaults(const std::filesystem::path& below) {
  {
    const std::lock_guard lock(state().mutex);
    state().below = below.string();
  }
  active = true;
}

SystemFaults::~SystemFaults() {
  active = false;
  mend();
}

void SystemFaults::decide(std::function<int(SystemCall, const std::string&)> decision) {
  const std::lock_guard lock(state().mutex);
  state().decision = std::move(decision);
  state().trace.clear();
  state().failed.clear();
}

void SystemFaults::fail_at(std::size_t n, int error, Lasting lasting) {
  decide([n, error, lasting, at = std::size_t{0}](SystemCall, const std::string&) mutable {
    const auto now = at++;
    return now == n || (now > n && lasting == Lasting::from_then_on) ? error : 0;
  });
}

std::size_t SystemFaults::calls() const {
  const std::lock_guard lock(state().mutex);
  return state().trace.size();
}

std::vector<std::string> SystemFaults::trace() const {
  const std::lock_guard lock(state().mutex);
  return state().trace;
}

std::vector<std::size_t> telling_calls(const std::vector<std::string>& trace) {
  std::vector<std::size_t> telling;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const bool is_first = i == 0 || trace[i] != trace[i - 1];
    const bool is_last = i + 1 == trace.size() || trace[i] != trace[i + 1];
    if (is_first || is_last) telling.push_back(i);
  }
  return telling;
}

std::string SystemFaults::failed() const {
  const std::lock_guard lock(state().mutex);
  return state().failed;
}

}  // namespace groundtruth::testing

// The sanitizers have functions of their own in libc's place, which are asked first.
using namespace groundtruth::testing;
extern "C" {
ssize_t ___interceptor_write(int, const void*, size_t) __attribute__((weak));
ssize_t ___interceptor_pwrite64(int, const void*, size_t, off64_t) __attribute__((weak));

int open(const char* path, int flags, ...) {
  static auto* const real = next<int(const char*, int, mode_t)>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_in(flags, rest);
  va_end(rest);
  if (is_new(path, flags) && fails(SystemCall::create, path)) return -1;
  return real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static auto* const real = next<int(const char*, int, mode_t)>("open64");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_in(flags, rest);
  va_end(rest);
  if (is_new(path, flags) && fails(SystemCall::create, path)) return -1;
  return real(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return is_new(path, O_CREAT) && fails(SystemCall::create, path) ? -1 : real(path, mode);
}

ssize_t write(int descriptor, const void* from, size_t bytes) {
  static auto* const real = ___interceptor_write != nullptr
                                ? &___interceptor_write
                                : next<ssize_t(int, const void*, size_t)>("write");
  return fails(SystemCall::write, descriptor) ? -1 : real(descriptor, from, bytes);
}

ssize_t pwrite64(int descriptor, const void* from, size_t bytes, off64_t at) {
  static auto* const real = ___interceptor_pwrite64 != nullptr
                                ? &___interceptor_pwrite64
                                : next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  return fails(SystemCall::write, descriptor) ? -1 : real(descriptor, from, bytes, at);
}

int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  return fails(SystemCall::sync, descriptor) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
  static auto* const real = next<int(int)>("fdatasync");
  return fails(SystemCall::sync, descriptor) ? -1 : real(descriptor);
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  static auto* const real = next<int(int, off64_t)>("ftruncate64");
  return fails(SystemCall::truncate, descriptor) ? -1 : real(descriptor, size);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return fails(SystemCall::rename, to) ? -1 : real(from, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
  static auto* const real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return fails(SystemCall::rename, to) ? -1 : real(from_directory, from, to_directory, to, flags);
}

int unlink(const char* path) noexcept {
  static auto* const real = next<int(const char*)>("unlink");
  return fails(SystemCall::remove, path) ? -1 : real(path);
}
}
