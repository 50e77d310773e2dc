// See media_helper.hpp.
#include "workers/adapters/media_helper.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>

#include "workers/adapters/media_container.hpp"
#include "workers/adapters/media_wire.hpp"
#include "workers/adapters/socket_io.hpp"

namespace groundtruth::adapters {
namespace {

using wire::ChildSays;
using wire::HelperOrder;

constexpr int kNiceness = 10;  // a server that answers comes before a file that is looked at

struct Ended : std::runtime_error {
  using std::runtime_error::runtime_error;
};

ChildSays verdict_of(const std::optional<ports::MediaFacts>& facts) {
  ChildSays verdict;
  verdict.kind = facts ? ChildSays::Kind::found : ChildSays::Kind::nothing;
  if (!facts) return verdict;
  verdict.duration_ms = facts->duration_ms.value_or(-1);
  std::copy_n(facts->content_type.begin(), std::min(facts->content_type.size(), verdict.type.size() - 1),
              verdict.type.begin());
  return verdict;
}

void say(int socket, const ChildSays& message) {
  if (!send_all(socket, &message, sizeof message)) throw Ended("the server has gone");
}

void do_job(int socket, const SandboxLimits& limits, bool with_seccomp, const InspectMedia& inspect) {
  wire::Job job;
  if (!receive_all(socket, &job, sizeof job)) return;
  enter_sandbox(limits, with_seccomp);
  say(socket, ChildSays{});
  const auto fetch = [socket](std::uint64_t offset, std::size_t bytes) {
    ChildSays read;
    read.kind = ChildSays::Kind::read;
    read.offset = offset;
    read.bytes = static_cast<std::uint32_t>(bytes);
    say(socket, read);
    std::string piece(bytes, '\0');
    if (!receive_all(socket, piece.data(), bytes)) throw Ended("the server has gone");
    return piece;
  };
  BlobReader reader(fetch, job.size_bytes, job.max_fetched_bytes);
  say(socket, verdict_of(inspect(reader, job.max_text_bytes)));
}

// Nothing that the child throws is the server's business: without a verdict the file is none.
[[noreturn]] void be_child(Fd socket, pid_t helper, const SandboxLimits& limits, bool with_seccomp,
                           const InspectMedia& inspect) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != helper) ::_exit(1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  try {
    do_job(socket.get(), limits, with_seccomp, inspect);
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// The helper's loop: it starts children, ends them when told to, and buries them.
class Helper {
 public:
  Helper(const SandboxLimits& limits, const InspectMedia& inspect)
      : limits_(limits), inspect_(inspect), with_seccomp_(has_seccomp()) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, nullptr);
    ended_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int run() {
    const wire::HelperReady ready{with_seccomp_, can_limit_memory()};
    if (!ended_ || !send_message(wire::kControlFd, ready)) return 1;
    for (;;) {
      std::array<pollfd, 2> sources{pollfd{wire::kControlFd, POLLIN, 0}, pollfd{ended_.get(), POLLIN, 0}};
      if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return 1;
      if (sources[1].revents != 0) bury();
      if (sources[0].revents != 0 && !obey()) return 0;
    }
  }

 private:
  // False: the server has gone; whatever still runs is killed with this process.
  bool obey() {
    HelperOrder order;
    Fd socket;
    if (!receive_message(wire::kControlFd, order, socket)) return false;
    if (order.kind == HelperOrder::Kind::start) {
      if (socket) start(order.job, std::move(socket));
    } else if (const auto found = running_.find(order.job); found != running_.end()) {
      ::kill(found->second, SIGKILL);  // not buried yet, so the number is still its own
    }
    return true;
  }

  void start(std::uint64_t job, Fd socket) {
    const pid_t helper = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(wire::kControlFd);
      ended_.reset();
      be_child(std::move(socket), helper, limits_, with_seccomp_, inspect_);
    }
    // Without a child the socket is closed here, which tells the server.
    if (child > 0) running_.emplace(job, child);
  }

  void bury() {
    std::array<signalfd_siginfo, 8> ignored{};
    while (::read(ended_.get(), ignored.data(), sizeof ignored) > 0) {
    }
    for (pid_t child = 0; (child = ::waitpid(-1, nullptr, WNOHANG)) > 0;)
      std::erase_if(running_, [&](const auto& each) { return each.second == child; });
  }

  const SandboxLimits limits_;
  const InspectMedia& inspect_;
  const bool with_seccomp_;
  Fd ended_;
  std::map<std::uint64_t, pid_t> running_;  // by job; as many as the server lets run
};

}  // namespace

int run_media_helper(const SandboxLimits& limits, const InspectMedia& inspect) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // A terminal's Ctrl-C, and a supervisor that asks all processes to end, are for the server, which may still
  // need this one while it finishes what it has.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::setpriority(PRIO_PROCESS, 0, kNiceness);
  // Before there is no file to be had: dates in headers make the C library look for its time zone.
  ::setenv("TZ", "UTC0", 1);
  ::tzset();
  init_libav();
  return Helper(limits, inspect).run();
}

}  // namespace groundtruth::adapters
