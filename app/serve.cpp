// See serve.hpp.
#include "app/serve.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>

#include "api/common/blob_keys.hpp"
#include "api/common/email_claim.hpp"
#include "api/ops/metrics.hpp"
#include "api/ops/surface.hpp"
#include "app/access_log.hpp"
#include "app/files.hpp"
#include "app/kafka_metrics.hpp"
#include "app/log.hpp"
#include "app/machine_limits.hpp"
#include "app/node_assembly.hpp"
#include "app/public_api.hpp"
#include "app/server_file.hpp"
#include "app/signals.hpp"
#include "app/terminal.hpp"
#include "journal/durable_file.hpp"

namespace groundtruth::app {
namespace {

constexpr std::size_t kMaxJobs = 8;
constexpr unsigned kOpsThreads = 1;
constexpr std::size_t kOpsConnections = 64;     // of kOwnFiles
constexpr std::chrono::minutes kOpsTimeout{2};  // a digest walks whole files
constexpr std::size_t kTokenBytes = 32;

enum class Phase : std::uint8_t { starting, serving, stopping };

// Why a token that is there is not taken; "" where it is.
std::string fault_of_token(const std::filesystem::path& file, const struct stat& found) {
  if (!S_ISREG(found.st_mode)) return "is no file of its own";
  if (found.st_uid != ::geteuid()) return "belongs to uid " + std::to_string(found.st_uid);
  if ((found.st_mode & 077) != 0) return "could be read or changed by others";
  if ((found.st_mode & S_IRUSR) == 0) return "could not be read";
  auto token = read_file(file).value_or("");
  while (!token.empty() && token.back() == '\n') token.pop_back();
  const bool is_text = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  return is_text && token.size() >= kTokenBytes ? "" : "was empty, cut or damaged";
}

// The operators' token: made once, kept over restarts. One that others may have read, or put there, is
// replaced: who knows it may do all that operators do.
std::string ops_token(const journal::DataDirectory& directory, spdlog::logger& log) {
  const auto file = directory.ops_token_file();
  struct stat found{};
  if (::lstat(file.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode))
      throw CommandError(ExitCode::failed,
                         file.string() + " is a directory; remove it, a token is made anew");
    const auto fault = fault_of_token(file, found);
    if (fault.empty()) {
      auto token = read_file(file).value();
      while (!token.empty() && token.back() == '\n') token.pop_back();
      return token;
    }
    log.warn("{} {}: there is a new operators' token in its place, and the old one is of no use any more",
             file.string(), fault);
  }
  std::array<std::uint8_t, kTokenBytes> bytes{};
  journal::system_randomness().fill(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string token;
  for (const auto byte : bytes) {
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  journal::replace_durably(file, token + "\n");
  return token;
}

void collect_journal_file(std::vector<prometheus::MetricFamily>& out, const journal::SqliteJournal& journal) {
  const auto counters = journal.counters();
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    ops::counter(out, name, help).add(static_cast<double>(value));
  };
  count("groundtruth_journal_commits_total", "Commits appended by this process", counters.records);
  count("groundtruth_journal_group_commits_total", "Transactions that held them", counters.commits);
  count("groundtruth_journal_bytes_total", "Bytes of appended commits", counters.bytes);
  count("groundtruth_journal_refused_batches_total", "Appends refused as not written",
        counters.refused_batches);
  count("groundtruth_journal_full_errors_total", "Times that the disk had no room", counters.full_errors);
  count("groundtruth_journal_checkpoints_total", "Times that the log was moved into the file",
        counters.checkpoints);
  ops::counter(out, "groundtruth_journal_commit_seconds_total", "Time spent in transactions")
      .add(static_cast<double>(counters.commit_us) / 1e6);
  ops::counter(out, "groundtruth_journal_checkpoint_seconds_total", "Time spent moving the log into the file")
      .add(static_cast<double>(counters.checkpoint_us) / 1e6);
  ops::counter(out, "groundtruth_journal_reads_total", "Reads by where they were answered from")
      .add(static_cast<double>(counters.reads_from_tail), {{"from", "tail"}})
      .add(static_cast<double>(counters.reads_from_file), {{"from", "file"}});
  ops::gauge(out, "groundtruth_journal_queued_bytes", "Bytes that wait to be appended")
      .add(static_cast<double>(counters.queued_bytes));
  ops::gauge(out, "groundtruth_journal_read_only", "1 while the journal takes nothing, the disk being full")
      .add(journal.status().state == journal::SqliteJournalStatus::State::ok ? 0 : 1);
}

void collect_mails(std::vector<prometheus::MetricFamily>& out, const workers::MailCounters& mails) {
  ops::counter(out, "groundtruth_mails_total", "Mails to workers by what became of them")
      .add(static_cast<double>(mails.sent), {{"fate", "sent"}})
      .add(static_cast<double>(mails.refused), {{"fate", "refused"}})
      .add(static_cast<double>(mails.undeliverable), {{"fate", "undeliverable"}});
  ops::counter(out, "groundtruth_mail_failures_total", "Tries that are repeated, by what was in the way")
      .add(static_cast<double>(mails.failed), {{"at", "recipient"}})
      .add(static_cast<double>(mails.server_failed), {{"at", "server"}});
  ops::gauge(out, "groundtruth_mails_waiting", "Mails to workers that wait to be sent")
      .add(static_cast<double>(mails.waiting));
}

void collect_memory(std::vector<prometheus::MetricFamily>& out, const http::MemoryBudget& memory) {
  const auto counters = memory.counters();
  ops::gauge(out, "groundtruth_message_memory_bytes", "Memory of messages that are on their way")
      .add(static_cast<double>(counters.used_bytes));
  ops::gauge(out, "groundtruth_message_memory_limit_bytes", "What there is of it (http.memory_bytes)")
      .add(static_cast<double>(counters.limit_bytes));
  ops::counter(out, "groundtruth_message_memory_refusals_total",
               "Requests for more of it that were refused, by whose part was spent")
      .add(static_cast<double>(counters.refused_total), {{"spent", "all"}})
      .add(static_cast<double>(counters.refused_account), {{"spent", "account"}})
      .add(static_cast<double>(counters.refused_address), {{"spent", "address"}});
}

// Everything of a running server, in the order in which it is built.
class RunningServer {
 public:
  RunningServer(const Settings& settings, StopSignals& signals, FileShares shares)
      : settings_(settings),
        signals_(signals),
        shares_(shares),
        log_(make_logger(settings.log)),
        node_(settings_, log_, [log = log_](const std::string& what) { end_broken(*log, what); }),
        hashing_({settings.bcrypt_threads, settings.bcrypt_max_waiting}),
        bcrypt_(hashing_, journal::system_randomness()),
        jobs_(kMaxJobs),
        outside_(settings_, node_.directory(), node_.master(),
                 [log = log_](const std::string& what) { end_broken(*log, what); }),
        public_api_(settings_, shares_.downloads, node_, outside_, bcrypt_, *log_),
        surfaces_(public_api_.surfaces()),
        ops_services_{node_.node(),
                      node_.journal(),
                      node_.codec(),
                      node_.projector(),
                      journal::system_clock(),
                      journal::system_randomness(),
                      bcrypt_,
                      http_metrics_,
                      jobs_,
                      node_.master().derive(api::kEmailHashPurpose),
                      ops_token(node_.directory(), *log_),
                      ops::list_routes(surfaces_)} {
    open_access_log();
    signals_.on_hangup([this] { reopen_logs(); });
    start_ops();
  }

  ~RunningServer() {
    signals_.on_hangup(nullptr);
    stop();
  }

  ExitCode run() {
    const auto started = std::chrono::steady_clock::now();
    bool ready = false;
    {
      ProgressBar bar("starting");
      std::string phase;
      ready = node_.start(
          [&](const std::string& now, std::uint64_t done, std::uint64_t total) {
            if (phase != now) log_->debug("start: {}, {} of {} records", now, done, total);
            phase = now;
            bar.update(done, total, now);
          },
          signals_.asked());
    }
    if (ready) {
      start_public();
      say_ready(std::chrono::steady_clock::now() - started);
      signals_.wait();
    }
    log_->info("stopping: asked to");
    stop();
    log_->info("stopped");
    return ExitCode::ok;
  }

 private:
  [[noreturn]] static void end_broken(spdlog::logger& log, const std::string& what) {
    log.critical("{}. This process ends so that nothing is taken for written that is not", what);
    log.flush();
    std::_Exit(static_cast<int>(ExitCode::broken));
  }

  void open_access_log() {
    const auto file = settings_.access_log.value_or(node_.directory().access_log());
    if (!file.empty())
      access_log_ = std::make_unique<AccessLog>(file, settings_.log.limits, settings_.access_queue_bytes);
  }

  // A file that cannot be opened is no reason to end: the one before stays in use.
  void reopen_logs() {
    const auto attempt = [this](auto&& open) {
      try {
        open();
      } catch (const std::exception& failure) {
        log_->error("SIGHUP: {}; its lines go where they went before", failure.what());
      }
    };
    attempt([this] { reopen(*log_); });
    if (access_log_) attempt([this] { access_log_->reopen(); });
    log_->info("SIGHUP: log files were opened anew");
  }

  void log_access(const http::AccessEntry& entry) {
    http_metrics_.record(entry);
    if (access_log_) access_log_->write(entry);
  }

  std::unique_ptr<http::Server> listen(http::ServerOptions options, std::vector<http::Surface> surfaces,
                                       const Address& address, std::string_view setting) {
    options.address = address.host;
    options.port = address.port;
    try {
      return std::make_unique<http::Server>(
          std::move(options), http::Router(std::move(surfaces)),
          [this](const http::AccessEntry& entry) { log_access(entry); },
          [this](std::string_view request, std::string_view traceparent, std::string_view what) {
            log_of_request(*log_, {request, traceparent}, what);
          });
    } catch (const std::system_error& error) {
      throw CommandError(ExitCode::failed, "cannot listen on " + to_string(address) + " (" +
                                               std::string(setting) + "): " + error.code().message() +
                                               ".\nStop what holds the port, or choose another address.");
    }
  }

  void start_ops() {
    ops_services_.not_ready = [this] { return reasons_not_ready(); };
    ops_services_.is_stopping = [this] { return phase_ == Phase::stopping; };
    ops_services_.limits_of = [this](const std::string& id) { return public_api_.limits_of(id); };
    ops_services_.media_url = [this](const std::string& key) {
      return outside_.media().sign_download(key, journal::system_clock().now(), api::kMediaLinkLifetime);
    };
    ops_services_.connections = [this] {
      const http::Server* server = public_ready_.load();
      return server != nullptr ? server->counters() : http::Server::Counters{};
    };
    ops_services_.more_metrics = [this](std::vector<prometheus::MetricFamily>& out) {
      collect_memory(out, *memory_);
      if (const auto* embedded = node_.embedded()) collect_journal_file(out, *embedded);
      if (const auto* kafka = node_.kafka()) {
        collect_kafka(out, *kafka);
        node_.kafka_statistics().collect(out);
        if (const auto* writers = node_.preferred_writers()) collect_peers(out, writers->counters());
      }
      const auto probes = outside_.probe->counters();
      ops::counter(out, "groundtruth_media_probes_total",
                   "Objects that were looked at; `broken`: the process that looked crashed or passed a limit")
          .add(static_cast<double>(probes.found), {{"outcome", "found"}})
          .add(static_cast<double>(probes.refused), {{"outcome", "refused"}})
          .add(static_cast<double>(probes.broken), {{"outcome", "broken"}})
          .add(static_cast<double>(probes.stopped), {{"outcome", "stopped"}});
      ops::gauge(out, "groundtruth_media_probes_running", "Processes that look at media at the moment")
          .add(static_cast<double>(probes.running));
      ops::counter(out, "groundtruth_access_log_dropped_total", "Lines that the access log had no room for")
          .add(access_log_ ? static_cast<double>(access_log_->dropped()) : 0);
      ops::counter(out, "groundtruth_journal_budget_refused_total",
                   "Requests refused because their sender had written as much as they may in a day")
          .add(static_cast<double>(public_api_.over_budget()));
      ops::counter(out, "groundtruth_erased_keys_total", "Data keys destroyed after an erasure")
          .add(static_cast<double>(node_.erasure().destroyed()));
      ops::counter(out, "groundtruth_expired_tasks_total", "Tasks that this process ended at their deadline")
          .add(static_cast<double>(node_.deadlines().acted()));
      ops::counter(out, "groundtruth_passed_leases_total",
                   "Leases and reviews that this process ended by time")
          .add(static_cast<double>(node_.leases().acted()));
      ops::counter(out, "groundtruth_settled_work_total",
                   "Outcomes of work that workers' chains have; read models may be some milliseconds behind")
          .add(static_cast<double>(node_.settling().carried()));
      ops::gauge(out, "groundtruth_settling", "Commits whose outcomes are on their way to workers' chains")
          .add(static_cast<double>(node_.settling().waiting()));
      if (const auto mails = public_api_.mails()) collect_mails(out, *mails);
    };
    http::ServerOptions options;
    options.io_threads = kOpsThreads;
    options.max_connections = options.max_connections_per_address = kOpsConnections;
    options.handler_timeout = kOpsTimeout;
    options.drain_timeout = settings_.http.drain_timeout;
    std::vector<http::Surface> only;
    only.push_back(ops::make_ops_surface(ops_services_));
    ops_server_ = listen(options, std::move(only), settings_.ops, "--ops");
    ops_server_->start();
  }

  void start_public() {
    Address bound = settings_.listen;
    if (settings_.roles.is_public()) {
      http::ServerOptions options = settings_.http;
      options.memory = memory_;
      options.max_connections = shares_.connections;
      public_server_ = listen(std::move(options), std::move(surfaces_), settings_.listen, "--listen");
      bound.port = public_server_->port();
    }
    public_api_.start(settings_.public_url.empty() ? "http://" + to_string(reachable(bound))
                                                   : settings_.public_url);
    if (public_server_) public_server_->start();
    public_ready_ = public_server_.get();
    Address ops = settings_.ops;
    ops.port = ops_server_->port();
    phase_ = Phase::serving;
    const auto listening = public_server_ ? to_string(bound) : std::string();
    write_server_file(node_.directory().root(), {::getpid(), listening, to_string(ops)});
    listening_ = public_server_ ? listening + ", operators on " + to_string(ops)
                                : to_string(ops) + ", for operators only";
  }

  void say_ready(std::chrono::steady_clock::duration took) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    log_->info("ready after {} ms: listening on {}{}", ms, listening_, settings_.dev ? ", with --dev" : "");
    if (!settings_.dev && settings_.payments_provider.empty())
      log_->warn("payments.provider is not set: POST /api/v1/tasks answers 503");
    if (!public_server_ && outside_.mailer && settings_.public_url.empty())
      log_->warn("public_url is not set: links in mails lead to {}", to_string(settings_.listen));
    if (settings_.roles.reads) log_->info("this node serves only reads and answers commands with 503");
    if (!outside_.probe->has_seccomp())
      log_->warn("no seccomp here: media is looked at in processes that only resource limits confine");
    if (shares_.connections < settings_.http.max_connections)
      log_->warn(
          "the limit of open files leaves {} connections at once, not the {} of http.max_connections: raise "
          "the hard limit (ulimit -Hn, LimitNOFILE)",
          shares_.connections, settings_.http.max_connections);
    if (!settings_.enforce_rate_limits)
      log_->warn("rate limits are counted, not enforced (--no-rate-limits)");
    const auto status = node_.status();
    if (!status.ready) log_->error("not ready: {}", status.why_not);
  }

  std::vector<std::string> reasons_not_ready() const {
    std::vector<std::string> reasons;
    const Phase phase = phase_;
    if (phase == Phase::starting) reasons.emplace_back("starting");
    if (phase == Phase::stopping) reasons.emplace_back("stopping");
    if (const auto* embedded = node_.embedded()) {
      const auto journal = embedded->status();
      if (journal.state != journal::SqliteJournalStatus::State::ok)
        reasons.push_back("the journal refuses writes: " + journal.reason);
    }
    if (const auto* kafka = node_.kafka())
      for (auto& problem : kafka->problems()) reasons.push_back(std::move(problem));
    return reasons;
  }

  // Everything that was taken is answered before what answers it goes.
  void stop() {
    if (phase_.exchange(Phase::stopping) == Phase::stopping) return;
    try {
      remove_server_file(node_.directory().root(), ::getpid());
      const auto until = std::chrono::steady_clock::now() + settings_.drain_delay;
      node_.leave();
      if (public_server_) {
        std::this_thread::sleep_until(until);
        public_server_->stop();
      }
      outside_.probe->stop();  // what nobody waits for any more
      public_api_.stop();
      jobs_.close();
      if (ops_server_) ops_server_->stop();
      node_.stop();
    } catch (const std::exception& failure) {
      log_->error("stopping: {}", failure.what());
    }
  }

  const Settings settings_;
  StopSignals& signals_;
  const FileShares shares_;
  std::shared_ptr<spdlog::logger> log_;
  std::atomic<Phase> phase_{Phase::starting};
  ops::HttpMetrics http_metrics_;
  // Of the public listener; what operators ask for must come through when it is spent.
  std::shared_ptr<http::MemoryBudget> memory_ = std::make_shared<http::MemoryBudget>(settings_.memory);
  std::unique_ptr<AccessLog> access_log_;
  NodeAssembly node_;
  api::WorkPool hashing_;
  api::Bcrypt bcrypt_;
  ops::Jobs jobs_;
  Outside outside_;
  PublicApi public_api_;
  std::vector<http::Surface> surfaces_;
  ops::Services ops_services_;
  std::unique_ptr<http::Server> ops_server_;
  std::unique_ptr<http::Server> public_server_;
  std::atomic<const http::Server*> public_ready_{nullptr};
  std::string listening_;
};

// What strangers can open, by the limit that is raised here.
FileShares shares_of(std::size_t wanted_connections) {
  const std::size_t open_files = raise_open_files();
  const auto shares = share_files(open_files, wanted_connections);
  if (!shares)
    throw CommandError(ExitCode::failed, "this process may have " + std::to_string(open_files) +
                                             " files open, and needs " + std::to_string(kFewestFiles) +
                                             " at least.\nRaise the hard limit (ulimit -Hn, LimitNOFILE).");
  return *shares;
}

}  // namespace

ExitCode serve(const Settings& settings) {
  refuse_what_is_missing(settings);
  if (!can_have_threads(kFewestThreads))
    throw CommandError(ExitCode::failed, "this process cannot have " + std::to_string(kFewestThreads) +
                                             " threads.\nRaise the limit (ulimit -u, TasksMax, pids.max).");
  StopSignals signals;  // before every other thread
  journal::init_crypto();
  RunningServer server(settings, signals, shares_of(settings.http.max_connections));
  return server.run();
}

}  // namespace groundtruth::app
