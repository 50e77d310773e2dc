// See child_media_probe.hpp.
#include "workers/adapters/child_media_probe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "workers/adapters/media_helper.hpp"
#include "workers/adapters/media_wire.hpp"
#include "workers/adapters/socket_io.hpp"
#include "workers/ports/media_kinds.hpp"

namespace groundtruth::adapters {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using wire::ChildSays;

constexpr milliseconds kStartTime{30'000};
constexpr std::chrono::seconds kWordTime{5};
constexpr std::int64_t kMaxDurationMs = std::int64_t{366} * 86'400'000;
constexpr std::uint64_t kLeastCharge = 4'096;  // what a read costs at least, so that their number has a bound

std::string why(const std::string& doing) {
  return doing + ": " + std::generic_category().message(errno);
}

std::pair<Fd, Fd> make_sockets(int type) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
    throw ports::MediaProbeAway(why("no socket for the media helper"));
  return {Fd(ends[0]), Fd(ends[1])};
}

// False: nothing came in time, or the other side has gone without a word.
bool wait_to_read(int fd, milliseconds& left) {
  const auto begin = steady_clock::now();
  pollfd source{fd, POLLIN, 0};
  int ready = 0;
  do {
    const auto passed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
    const auto wait = std::max(left - passed, milliseconds(0));
    ready = ::poll(&source, 1, static_cast<int>(wait.count()));
  } while (ready < 0 && errno == EINTR);
  left -= std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
  return ready > 0;
}

struct SpawnActions {
  SpawnActions() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
};

// Only what a sanitizer is told by: a build that ships has an empty environment there.
std::vector<char*> environment_of_sanitizers() {
  std::vector<char*> variables;
  for (char** variable = environ; !can_limit_memory() && *variable != nullptr; ++variable)
    if (std::string_view(*variable).substr(0, 20).find("SAN_OPTIONS=") != std::string_view::npos)
      variables.push_back(*variable);
  variables.push_back(nullptr);
  return variables;
}

// posix_spawn shares this process's memory until the program is loaded: it costs the same however large the
// server is, and copies no lock that another thread holds.
pid_t spawn(const std::filesystem::path& program, int control) {
  SpawnActions spawn;
  for (const int standard : {0, 1, 2})
    posix_spawn_file_actions_addopen(&spawn.files, standard, "/dev/null", O_RDWR, 0);
  // A descriptor that is put in its own place would stay closed to the program.
  if (control == wire::kControlFd) throw std::logic_error("the control socket stands in its target's place");
  posix_spawn_file_actions_adddup2(&spawn.files, control, wire::kControlFd);
  posix_spawn_file_actions_addclosefrom_np(&spawn.files, wire::kControlFd + 1);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &all);
  posix_spawnattr_setpgroup(&spawn.attributes, 0);
  posix_spawnattr_setflags(&spawn.attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string name = "groundtruth", command = kMediaHelperCommand;
  std::array<char*, 3> arguments{name.data(), command.data(), nullptr};
  auto environment = environment_of_sanitizers();
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), &spawn.files, &spawn.attributes, arguments.data(),
                                  environment.data());
  if (error != 0)
    throw std::runtime_error("the media helper cannot be started (" + program.string() +
                             "): " + std::generic_category().message(error));
  return child;
}

}  // namespace

// A helper's process and the socket to it.
class ChildMediaProbe::Helper {
 public:
  explicit Helper(const std::filesystem::path& program) {
    auto [ours, theirs] = make_sockets(SOCK_SEQPACKET);
    // Above the number that it gets there.
    Fd high(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, wire::kControlFd + 1));
    if (!high) throw std::runtime_error(why("the media helper cannot be started"));
    process_ = spawn(program, high.get());
    theirs.reset();
    high.reset();
    control_ = std::move(ours);
    Fd nothing;
    milliseconds left = kStartTime;
    if (!wait_to_read(control_.get(), left) || !receive_message(control_.get(), ready_, nothing)) {
      end();
      throw std::runtime_error("the media helper does not start (" + program.string() + " " +
                               kMediaHelperCommand + ")");
    }
  }
  ~Helper() { end(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  bool has_seccomp() const { return ready_.has_seccomp != 0; }
  bool start(std::uint64_t job, int socket) {
    return send_message(control_.get(), wire::HelperOrder{wire::HelperOrder::Kind::start, 0, job}, socket);
  }
  void kill(std::uint64_t job) {
    send_message(control_.get(), wire::HelperOrder{wire::HelperOrder::Kind::kill, 0, job});
  }

 private:
  void end() {
    control_.reset();
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
  }

  pid_t process_ = -1;
  Fd control_;
  wire::HelperReady ready_;
};

// One child, and the socket to it. Destroyed, it is killed, whatever it said.
class ChildMediaProbe::Job {
 public:
  Job(std::shared_ptr<Helper> helper, std::uint64_t number) : helper_(std::move(helper)), number_(number) {
    auto [ours, theirs] = make_sockets(SOCK_STREAM);
    socket_ = std::move(ours);
    // A child that says half a word must not hold up who listens.
    const timeval patience{kWordTime.count(), 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!helper_->start(number_, theirs.get())) throw ports::MediaProbeAway("the media helper has ended");
  }
  ~Job() { helper_->kill(number_); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  int socket() const { return socket_.get(); }
  // Wakes whoever waits for the child. From any thread.
  void interrupt() {
    is_interrupted_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
  }
  bool is_interrupted() const { return is_interrupted_; }

 private:
  std::shared_ptr<Helper> helper_;
  const std::uint64_t number_;
  Fd socket_;
  std::atomic<bool> is_interrupted_{false};
};

// One of the children that may run at a time.
class ChildMediaProbe::Place {
 public:
  Place(ChildMediaProbe& probe, const std::stop_token& stop) : probe_(probe) {
    std::unique_lock lock(probe_.mutex_);
    const bool is_free = probe_.free_.wait(
        lock, stop, [this] { return probe_.is_stopping_ || probe_.running_ < probe_.options_.max_running; });
    if (!is_free || probe_.is_stopping_) {
      ++probe_.counters_.stopped;
      throw ports::MediaProbeAway("nobody waits for it any more");
    }
    ++probe_.running_;
  }
  ~Place() {
    {
      const std::lock_guard lock(probe_.mutex_);
      --probe_.running_;
    }
    probe_.free_.notify_one();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  ChildMediaProbe& probe_;
};

ChildMediaProbe::ChildMediaProbe(ChildMediaProbeOptions options)
    : options_(std::move(options)), helper_(std::make_shared<Helper>(options_.program)) {
  has_seccomp_ = helper_->has_seccomp();
}

ChildMediaProbe::~ChildMediaProbe() {
  stop();
}

void ChildMediaProbe::stop() {
  std::shared_ptr<Helper> last;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (Job* job : jobs_) job->interrupt();
    last = std::move(helper_);
  }
  free_.notify_all();
}

ChildMediaProbe::Counters ChildMediaProbe::counters() const {
  const std::lock_guard lock(mutex_);
  Counters counters = counters_;
  counters.running = running_;
  return counters;
}

// Starts one anew where the last one has ended: it holds nothing that could be lost.
std::shared_ptr<ChildMediaProbe::Helper> ChildMediaProbe::helper() {
  const std::lock_guard lock(mutex_);
  if (is_stopping_) throw ports::MediaProbeAway("the server stops");
  if (!helper_) {
    try {
      helper_ = std::make_shared<Helper>(options_.program);
    } catch (const std::runtime_error& failure) {
      throw ports::MediaProbeAway(failure.what());
    }
  }
  return helper_;
}

std::optional<ports::MediaFacts> ChildMediaProbe::probe(ports::BlobStore& store, std::string_view key,
                                                        std::stop_token stop) {
  const auto spec = store.find(key);
  if (!spec) throw ports::BlobStoreError("there is no object " + std::string(key));
  if (spec->bytes == 0) return std::nullopt;
  const Place place(*this, stop);
  for (bool is_second = false;; is_second = true) {
    const auto with = helper();
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = next_job_++;
    }
    try {
      Job job(with, number);
      {
        const std::lock_guard lock(mutex_);
        jobs_.insert(&job);
        if (is_stopping_) job.interrupt();
      }
      struct Forget {
        ~Forget() {
          const std::lock_guard lock(probe.mutex_);
          probe.jobs_.erase(&job);
        }
        ChildMediaProbe& probe;
        Job& job;
      } const forget{*this, job};
      const std::stop_callback when_stopped(stop, [&job] { job.interrupt(); });
      return serve(job, store, *spec);
    } catch (const ports::MediaProbeAway&) {
      if (is_second || stop.stop_requested()) throw;
      const std::lock_guard lock(mutex_);
      if (is_stopping_) throw;
      if (helper_ == with) helper_.reset();  // others' children go on with it to their end
    }
  }
}

// Throws MediaProbeAway where the child never began, or was ended by us: neither is the object's fault.
std::optional<ports::MediaFacts> ChildMediaProbe::serve(Job& job, ports::BlobStore& store,
                                                        const ports::BlobSpec& spec) {
  const wire::Job order{spec.bytes, options_.limits.max_fetched_bytes, options_.limits.max_text_bytes};
  milliseconds left = options_.time;
  std::uint64_t allowance = options_.limits.max_fetched_bytes + (std::uint64_t{1} << 20);
  bool has_started = false;
  const auto without_verdict = [&]() -> std::optional<ports::MediaFacts> {
    const bool is_stopped = job.is_interrupted();
    const std::lock_guard lock(mutex_);
    ++(is_stopped ? counters_.stopped : counters_.broken);
    if (is_stopped) throw ports::MediaProbeAway("nobody waits for it any more");
    if (!has_started) throw ports::MediaProbeAway("the media helper could not start a child");
    return std::nullopt;
  };
  if (!send_all(job.socket(), &order, sizeof order)) return without_verdict();
  for (;;) {
    ChildSays said;
    if (!wait_to_read(job.socket(), left) || !receive_all(job.socket(), &said, sizeof said))
      return without_verdict();
    switch (said.kind) {
      case ChildSays::Kind::started:
        has_started = true;
        break;
      case ChildSays::Kind::read: {
        const bool is_good = said.bytes > 0 && said.bytes <= BlobReader::kPieceBytes &&
                             said.offset < spec.bytes && said.bytes <= spec.bytes - said.offset;
        const std::uint64_t charge = std::max<std::uint64_t>(said.bytes, kLeastCharge);
        if (!is_good || charge > allowance) return without_verdict();
        allowance -= charge;
        const std::string piece = store.read(spec.key, said.offset, said.bytes);
        if (piece.size() != said.bytes)
          throw ports::BlobStoreError("object " + spec.key + " is shorter than the store says");
        if (!send_all(job.socket(), piece.data(), piece.size())) return without_verdict();
        break;
      }
      case ChildSays::Kind::nothing: {
        const std::lock_guard lock(mutex_);
        ++counters_.refused;
        return std::nullopt;
      }
      case ChildSays::Kind::found: {
        said.type.back() = '\0';
        const std::string type = said.type.data();
        const auto* kind = ports::find_media_kind(type);
        if (kind == nullptr || kind->type != type || said.duration_ms > kMaxDurationMs)
          return without_verdict();
        const std::lock_guard lock(mutex_);
        ++counters_.found;
        ports::MediaFacts facts{type, std::nullopt};
        if (said.duration_ms > 0) facts.duration_ms = said.duration_ms;
        return facts;
      }
      default:  // a number that no child of ours says
        return without_verdict();
    }
  }
}

}  // namespace groundtruth::adapters
