// See media_sandbox.hpp.
#include "workers/adapters/media_sandbox.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <system_error>

namespace groundtruth::adapters {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GT_SANITIZED_ADDRESS_SPACE 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GT_SANITIZED_ADDRESS_SPACE 1
#endif

#ifdef GT_SANITIZED_ADDRESS_SPACE
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

void limit(int resource, std::uint64_t soft, std::uint64_t hard) {
  const rlimit wanted{soft, hard};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) != 0)
    throw std::runtime_error("a limit cannot be set: " + std::generic_category().message(errno));
}

std::uint64_t address_space_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long pages = 0;
  const bool is_read = file != nullptr && std::fscanf(file, "%lu", &pages) == 1;
  if (file != nullptr) std::fclose(file);
  if (!is_read) throw std::runtime_error("/proc/self/statm cannot be read");
  return std::uint64_t{pages} * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

struct Filter {
  scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  Filter() = default;
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context != nullptr) seccomp_release(context);
  }
};

// Memory without code in it, the sockets that are open, clocks, and an end. What is not listed fails as if
// not permitted: a library that would like to know its locale goes on without.
bool filter_system_calls() {
  const Filter filter;
  if (filter.context == nullptr) return false;
  for (const int call : {SCMP_SYS(read),         SCMP_SYS(readv),           SCMP_SYS(write),
                         SCMP_SYS(writev),       SCMP_SYS(recvfrom),        SCMP_SYS(sendto),
                         SCMP_SYS(brk),          SCMP_SYS(munmap),          SCMP_SYS(mremap),
                         SCMP_SYS(madvise),      SCMP_SYS(futex),           SCMP_SYS(clock_gettime),
                         SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),       SCMP_SYS(sched_yield),
                         SCMP_SYS(nanosleep),    SCMP_SYS(clock_nanosleep), SCMP_SYS(getpid),
                         SCMP_SYS(gettid),       SCMP_SYS(rt_sigreturn),    SCMP_SYS(rt_sigprocmask),
                         SCMP_SYS(sigaltstack),  SCMP_SYS(close),           SCMP_SYS(exit),
                         SCMP_SYS(exit_group),   SCMP_SYS(rt_sigaction)})
    if (seccomp_rule_add(filter.context, SCMP_ACT_ALLOW, call, 0) != 0) return false;
  // An abort is a signal to oneself.
  const scmp_arg_cmp to_itself{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0};
  if (seccomp_rule_add_array(filter.context, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &to_itself) != 0)
    return false;
  const scmp_arg_cmp without_code{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)})
    if (seccomp_rule_add_array(filter.context, SCMP_ACT_ALLOW, call, 1, &without_code) != 0) return false;
  return seccomp_load(filter.context) == 0;
}

}  // namespace

bool has_seccomp() {
  // Asked with no filter the kernel answers EFAULT where it knows the call, and whoever forbids it EPERM.
  errno = 0;
  return ::prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, nullptr, 0, 0) != 0 && errno == EFAULT;
}

bool can_limit_memory() {
  return !kIsSanitized;
}

void enter_sandbox(const SandboxLimits& limits, bool with_seccomp) {
  if (can_limit_memory()) {
    const std::uint64_t bytes = address_space_bytes() + limits.memory_bytes;
    limit(RLIMIT_AS, bytes, bytes);
  }
  limit(RLIMIT_CPU, limits.processor_seconds, limits.processor_seconds + 1);
  for (const int none : {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_MEMLOCK})
    limit(none, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw std::runtime_error("no_new_privs cannot be set: " + std::generic_category().message(errno));
  if (with_seccomp && !filter_system_calls()) throw std::runtime_error("seccomp cannot be used");
}

}  // namespace groundtruth::adapters
