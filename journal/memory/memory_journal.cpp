// A journal in memory for tests and simulation (contract in memory_journal.hpp).
#include "journal/memory/memory_journal.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "journal/report_gate.hpp"

namespace groundtruth::journal {
namespace {

using Kind = AppendFault::Kind;

enum class Line : std::uint8_t { open, broken, silent };  // a producer's standing with a partition

struct Append {
  std::uint64_t number = 0;
  Partition partition;
  std::vector<Bytes> batch;
  std::function<void(AppendReport)> done;
  AppendFault fault;
  bool reported = false;
};

// Outlives its producer for as long as appends of it may land.
struct Session {
  std::uint64_t number = 0;
  bool alive = true;
  ReportGate gate;
  std::array<Line, kPartitionTotal> lines{};
  std::array<std::deque<Append>, kPartitionTotal> waiting;  // the first one is held
};

struct Log {
  std::uint64_t start = 0;
  std::vector<Record> records;
  std::size_t visible = 0;  // of `records`
};

AppendReport failure(AppendOutcome outcome, std::string reason) {
  return {outcome, 0, std::move(reason)};
}

}  // namespace

struct MemoryJournal::Core {
  explicit Core(MemoryJournalOptions given) : options(std::move(given)) {}

  MemoryJournalOptions options;
  mutable std::mutex mutex;
  std::condition_variable report_queued;
  std::array<Log, kPartitionTotal> logs;
  std::vector<std::shared_ptr<Session>> sessions;  // those that live or have held appends
  std::deque<std::function<void()>> reports;
  std::function<void(Partition)> notify;
  std::uint64_t appends = 0;
  std::uint64_t producers = 0;
  bool reporting = false;
  bool stopping = false;
  std::thread reporter;

  // Everything below is called with `mutex` held, except where it says otherwise.

  void post(std::function<void()> report) {
    reports.push_back(std::move(report));
    report_queued.notify_one();
  }

  void report(const std::shared_ptr<Session>& session, Append& append, AppendReport outcome) {
    if (std::exchange(append.reported, true)) return;
    post([session, done = std::move(append.done), outcome = std::move(outcome)]() mutable {
      session->gate.pass([&] { done(std::move(outcome)); });
    });
  }

  void announce(Partition partition) {
    if (notify) post([notify = notify, partition] { notify(partition); });
  }

  std::uint64_t land(Partition partition, const std::vector<Bytes>& batch, std::size_t count) {
    auto& log = logs[index_of(partition)];
    const std::uint64_t first = log.start + log.records.size();
    const auto now = options.clock != nullptr ? options.clock->now() : domain::Timestamp{};
    for (std::size_t i = 0; i < count; ++i)
      log.records.push_back({log.start + log.records.size(), batch[i], now});
    if (!options.delay_visibility && count > 0) {
      log.visible = log.records.size();
      announce(partition);
    }
    return first;
  }

  // An append whose turn has come and that is not held (any more).
  void settle(const std::shared_ptr<Session>& session, Append& append) {
    auto& line = session->lines[index_of(append.partition)];
    if (line != Line::open && !append.reported) {
      if (line == Line::broken)
        report(session, append, failure(AppendOutcome::unknown, "an earlier append failed"));
      return;
    }
    const auto all = append.batch.size();
    switch (append.fault.kind) {
      case Kind::deliver:
      case Kind::hold:
      case Kind::hold_report_failure:
      case Kind::deliver_twice: {
        const auto first = land(append.partition, append.batch, all);
        if (append.fault.kind == Kind::deliver_twice) land(append.partition, append.batch, all);
        report(session, append, {AppendOutcome::written, first, {}});
        break;
      }
      case Kind::lose:
        line = Line::silent;
        break;
      case Kind::lose_report_failure:
        line = Line::broken;
        report(session, append, failure(AppendOutcome::unknown, "lost"));
        break;
      case Kind::refuse:
        line = Line::broken;
        report(session, append, failure(AppendOutcome::not_written, "refused"));
        break;
      case Kind::deliver_report_failure:
        line = Line::broken;
        land(append.partition, append.batch, all);
        report(session, append, failure(AppendOutcome::unknown, "delivered, reported as failed"));
        break;
      case Kind::deliver_prefix:
        line = Line::broken;
        land(append.partition, append.batch, std::min(append.fault.prefix, all));
        report(session, append, failure(AppendOutcome::unknown, "delivered in part"));
        break;
    }
  }

  static bool is_hold(const Append& append) {
    return append.fault.kind == Kind::hold || append.fault.kind == Kind::hold_report_failure;
  }

  void admit(const std::shared_ptr<Session>& session, Append append) {
    const auto at = index_of(append.partition);
    auto& waiting = session->waiting[at];
    if (!waiting.empty() || (is_hold(append) && session->lines[at] == Line::open)) {
      waiting.push_back(std::move(append));
      if (waiting.size() == 1) hold_first(session, at);
    } else {
      settle(session, append);
    }
  }

  // The append at the front is held now; one that is to fail tells so at once and ends the line for the
  // others.
  void hold_first(const std::shared_ptr<Session>& session, std::size_t at) {
    auto& first = session->waiting[at].front();
    if (first.fault.kind != Kind::hold_report_failure) return;
    session->lines[at] = Line::broken;
    report(session, first, failure(AppendOutcome::unknown, "timed out, may still land"));
  }

  void advance(const std::shared_ptr<Session>& session, std::size_t at) {
    auto& waiting = session->waiting[at];
    while (!waiting.empty()) {
      if (is_hold(waiting.front()) && session->lines[at] == Line::open) {
        hold_first(session, at);
        return;
      }
      settle(session, waiting.front());
      waiting.pop_front();
    }
    forget_finished();
  }

  void forget_finished() {
    std::erase_if(sessions, [](const auto& session) {
      return !session->alive && std::ranges::all_of(session->waiting, [](auto& q) { return q.empty(); });
    });
  }

  std::pair<std::shared_ptr<Session>, std::size_t> find_held(std::uint64_t number) {
    for (const auto& session : sessions)
      for (std::size_t at = 0; at < kPartitionTotal; ++at)
        if (!session->waiting[at].empty() && session->waiting[at].front().number == number)
          return {session, at};
    return {nullptr, 0};
  }

  // Without `mutex`: calls what is queued, one at a time over all threads.
  std::size_t drain(std::size_t at_most) {
    std::size_t count = 0;
    std::unique_lock lock(mutex);
    if (reporting) return 0;  // that thread, or the frame above this one, goes on with ours
    reporting = true;
    while (count < at_most && !reports.empty()) {
      auto report = std::move(reports.front());
      reports.pop_front();
      lock.unlock();
      report();
      report = nullptr;
      lock.lock();
      ++count;
    }
    reporting = false;
    return count;
  }

  void drain_if_immediate() {
    if (options.reports == ReportMode::immediate) drain(SIZE_MAX);
  }

  void run_reporter() {
    std::unique_lock lock(mutex);
    while (true) {
      report_queued.wait(lock, [&] { return stopping || !reports.empty(); });
      if (reports.empty()) return;
      lock.unlock();
      drain(SIZE_MAX);
      lock.lock();
    }
  }
};

class MemoryJournal::MemoryProducer final : public Producer {
 public:
  MemoryProducer(std::shared_ptr<Core> core, std::shared_ptr<Session> session)
      : core_(std::move(core)), session_(std::move(session)) {}

  ~MemoryProducer() override {
    session_->gate.close();
    const std::lock_guard lock(core_->mutex);
    session_->alive = false;
    core_->forget_finished();
  }

  void append(Partition partition, std::vector<Bytes> batch,
              std::function<void(AppendReport)> done) override {
    if (batch.empty() || index_of(partition) >= kPartitionTotal)
      throw std::invalid_argument("append: no records or no such partition");
    // A report on another thread may destroy this producer while this call still runs.
    const auto core = core_;
    {
      const std::lock_guard lock(core->mutex);
      Append append{core->appends++, partition, std::move(batch), std::move(done), {}, false};
      if (core->options.faults)
        append.fault =
            core->options.faults({append.number, session_->number, append.partition, append.batch});
      core->admit(session_, std::move(append));
    }
    core->drain_if_immediate();
  }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<Session> session_;
};

MemoryJournal::MemoryJournal(MemoryJournalOptions options)
    : core_(std::make_shared<Core>(std::move(options))) {
  if (core_->options.reports == ReportMode::threaded)
    core_->reporter = std::thread([core = core_.get()] { core->run_reporter(); });
}

MemoryJournal::~MemoryJournal() {
  {
    const std::lock_guard lock(core_->mutex);
    core_->stopping = true;
    core_->report_queued.notify_all();
  }
  if (core_->reporter.joinable()) core_->reporter.join();
  // Reports may own producers, which own the core: break the circle.
  std::deque<std::function<void()>> dropped;
  const std::lock_guard lock(core_->mutex);
  dropped.swap(core_->reports);
}

JournalInfo MemoryJournal::info() const {
  return {"memory", "nothing survives the process", core_->options.read_is_durable};
}

std::unique_ptr<Producer> MemoryJournal::open_producer() {
  const std::lock_guard lock(core_->mutex);
  auto session = std::make_shared<Session>();
  session->number = core_->producers++;
  core_->sessions.push_back(session);
  return std::make_unique<MemoryProducer>(core_, std::move(session));
}

std::uint64_t MemoryJournal::start_offset(Partition partition) const {
  const std::lock_guard lock(core_->mutex);
  return core_->logs.at(index_of(partition)).start;
}

std::uint64_t MemoryJournal::end_offset(Partition partition) const {
  const std::lock_guard lock(core_->mutex);
  const auto& log = core_->logs.at(index_of(partition));
  return log.start + log.visible;
}

std::vector<Record> MemoryJournal::read(Partition partition, std::uint64_t from, std::size_t max_records,
                                        std::size_t max_bytes) const {
  const std::lock_guard lock(core_->mutex);
  const auto& log = core_->logs.at(index_of(partition));
  std::vector<Record> out;
  std::size_t bytes = 0;
  for (std::size_t i = from > log.start ? from - log.start : 0; i < log.visible; ++i) {
    bytes += log.records[i].value->size();
    if (out.size() == max_records || (!out.empty() && bytes > max_bytes)) break;
    out.push_back(log.records[i]);
  }
  return out;
}

void MemoryJournal::on_visible(std::function<void(Partition)> notify) {
  const std::lock_guard lock(core_->mutex);
  core_->notify = std::move(notify);
}

std::vector<MemoryJournal::Held> MemoryJournal::held() const {
  const std::lock_guard lock(core_->mutex);
  std::vector<Held> out;
  for (const auto& session : core_->sessions)
    for (const auto& waiting : session->waiting)
      if (!waiting.empty())
        out.push_back({waiting.front().number, session->number, waiting.front().partition,
                       waiting.front().batch.size(), session->alive});
  return out;
}

bool MemoryJournal::release(std::uint64_t number) {
  {
    const std::lock_guard lock(core_->mutex);
    const auto [session, at] = core_->find_held(number);
    if (session == nullptr) return false;
    core_->settle(session, session->waiting[at].front());
    session->waiting[at].pop_front();
    core_->advance(session, at);
  }
  core_->drain_if_immediate();
  return true;
}

bool MemoryJournal::drop(std::uint64_t number) {
  {
    const std::lock_guard lock(core_->mutex);
    const auto [session, at] = core_->find_held(number);
    if (session == nullptr) return false;
    auto& first = session->waiting[at].front();
    session->lines[at] = Line::broken;
    core_->report(session, first, failure(AppendOutcome::unknown, "lost"));
    session->waiting[at].pop_front();
    core_->advance(session, at);
  }
  core_->drain_if_immediate();
  return true;
}

std::size_t MemoryJournal::release_all() {
  std::size_t count = 0;
  for (auto now = held(); !now.empty(); now = held())
    for (const auto& append : now) count += release(append.number) ? 1 : 0;
  return count;
}

std::size_t MemoryJournal::hidden(Partition partition) const {
  const std::lock_guard lock(core_->mutex);
  const auto& log = core_->logs.at(index_of(partition));
  return log.records.size() - log.visible;
}

void MemoryJournal::reveal(Partition partition, std::size_t records) {
  {
    const std::lock_guard lock(core_->mutex);
    auto& log = core_->logs.at(index_of(partition));
    const auto count = std::min(records, log.records.size() - log.visible);
    log.visible += count;
    if (count > 0) core_->announce(partition);
  }
  core_->drain_if_immediate();
}

void MemoryJournal::reveal_all() {
  for (std::size_t i = 0; i < kPartitionTotal; ++i) reveal(partition_at(i));
}

std::size_t MemoryJournal::pending_reports() const {
  const std::lock_guard lock(core_->mutex);
  return core_->reports.size();
}

std::size_t MemoryJournal::run_reports(std::size_t at_most) {
  return core_->drain(at_most);
}

void MemoryJournal::truncate_tail(Partition partition, std::uint64_t new_end) {
  const std::lock_guard lock(core_->mutex);
  auto& log = core_->logs.at(index_of(partition));
  const auto keep = new_end > log.start ? new_end - log.start : 0;
  if (keep < log.records.size()) log.records.resize(keep);
  log.visible = std::min(log.visible, log.records.size());
}

void MemoryJournal::truncate_head(Partition partition, std::uint64_t new_start) {
  const std::lock_guard lock(core_->mutex);
  auto& log = core_->logs.at(index_of(partition));
  if (new_start <= log.start) return;
  const auto cut = std::min<std::size_t>(new_start - log.start, log.records.size());
  log.records.erase(log.records.begin(), log.records.begin() + static_cast<std::ptrdiff_t>(cut));
  log.visible -= std::min(log.visible, cut);
  log.start += cut;
}

void MemoryJournal::swap_record(Partition partition, std::uint64_t offset, Bytes value) {
  const std::lock_guard lock(core_->mutex);
  auto& log = core_->logs.at(index_of(partition));
  log.records.at(offset - log.start).value = std::move(value);
}

}  // namespace groundtruth::journal
