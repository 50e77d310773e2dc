// See signals.hpp.
#include "app/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace groundtruth::app {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t watched_set() {
  sigset_t set = stop_set();
  sigaddset(&set, SIGHUP);
  return set;
}

// The person means it. The journal holds everything that was acknowledged, so nothing is finished or flushed.
[[noreturn]] void die_of(int number) {
  ::signal(number, SIG_DFL);
  const auto set = stop_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(number);
  ::_exit(128 + number);
}

}  // namespace

StopSignals::StopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  // Under nohup SIGHUP comes ignored; Linux hands a blocked one to sigwait all the same, other systems would
  // not.
  ::signal(SIGHUP, SIG_DFL);
  const auto set = watched_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { run(); });
}

StopSignals::~StopSignals() {
  ending_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void StopSignals::run() {
  const auto set = watched_set();
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (ending_) return;
    if (number == SIGHUP) {
      const std::lock_guard lock(hangup_mutex_);
      if (hangup_) hangup_();
      continue;
    }
    if (asked_) die_of(number);
    {
      const std::lock_guard lock(mutex_);
      asked_ = true;
    }
    signal_.notify_all();
  }
}

void StopSignals::on_hangup(std::function<void()> call) {
  const std::lock_guard lock(hangup_mutex_);
  hangup_ = std::move(call);
}

void StopSignals::wait() {
  std::unique_lock lock(mutex_);
  signal_.wait(lock, [this] { return asked_.load(); });
}

}  // namespace groundtruth::app
