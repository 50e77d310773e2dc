// Loaded before libc (LD_PRELOAD): the wall clock of the process is GT_CLOCK_OFFSET_S seconds from that of
// the machine, so that a test may have a clock that is ahead, or a deadline that has passed. Clocks that only
// grow are left alone.
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

#include <cstdlib>

namespace {

time_t offset() {
  static const time_t seconds = [] {
    const char* text = std::getenv("GT_CLOCK_OFFSET_S");  // NOLINT(concurrency-mt-unsafe): before any thread
    return text == nullptr ? time_t{0} : static_cast<time_t>(std::strtoll(text, nullptr, 10));
  }();
  return seconds;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, struct timespec* now) {
  using Real = int (*)(clockid_t, struct timespec*);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
  return result;
}

int gettimeofday(struct timeval* now, void* zone) {
  using Real = int (*)(struct timeval*, void*);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "gettimeofday"));
  const int result = real(now, zone);
  if (result == 0) now->tv_sec += offset();
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}
}
