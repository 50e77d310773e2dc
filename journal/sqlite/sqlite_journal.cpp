// The embedded journal: queue, group commit, and what happens when the disk is full or fails (contract in
// sqlite_journal.hpp).
#include "journal/sqlite/sqlite_journal.hpp"

#include <bit>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

#include "journal/durable_file.hpp"
#include "journal/report_gate.hpp"
#include "journal/sqlite/log_file.hpp"
#include "journal/sqlite/partition_tail.hpp"

namespace groundtruth::journal {
namespace {

using State = SqliteJournalStatus::State;

struct Session {
  ReportGate gate;
  // Partitions in which an append of this producer was refused: none of its later ones may land there.
  // Touched by the journal's thread only.
  std::array<bool, kPartitionTotal> broken{};
};

struct Pending {
  std::shared_ptr<Session> session;
  Partition partition;
  std::vector<Bytes> batch;
  std::function<void(AppendReport)> done;
  std::size_t bytes = 0;
  AppendReport report;  // as it will be given
};

std::uint64_t microseconds_since(std::chrono::steady_clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start)
          .count());
}

constexpr const char* kMend =
    "Check the disk, then run `groundtruth journal verify --repair-marker`, which reads the whole file and "
    "lets "
    "it be used again if it is sound";

void refuse_marked(const SqliteJournalOptions& options) {
  const auto marker = SqliteJournal::marker_of(options.file);
  if (options.ignore_marker || !std::filesystem::exists(marker)) return;
  std::string reason;
  std::ifstream in(marker);
  std::getline(in, reason);
  throw std::runtime_error(options.file.string() + ": not trusted since a write or sync failed (" + reason +
                           "). " + kMend + "; until then " + marker.string() + " stands beside it");
}

}  // namespace

class SqliteJournal::Core {
 public:
  Core(SqliteJournalOptions options, const Clock& clock, LogFile::Absent absent)
      : options_(std::move(options)), clock_(&clock) {
    refuse_marked(options_);
    open_file(absent);
    for (std::size_t i = 0; i < kPartitionTotal; ++i) {
      const auto extent = file_->extent(partition_at(i));
      tails_[i].open_at(extent.start, extent.end);
    }
    thread_ = std::thread([this] { run(); });
  }

  void append(const std::shared_ptr<Session>& session, Partition partition, std::vector<Bytes> batch,
              std::function<void(AppendReport)> done) {
    if (batch.empty() || index_of(partition) >= kPartitionTotal)
      throw std::invalid_argument("append: no records or no such partition");
    Pending pending{session, partition, std::move(batch), std::move(done), 0, {}};
    for (const auto& value : pending.batch) pending.bytes += value->size();
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        if (counters_.queued_bytes > 0 &&
            counters_.queued_bytes + pending.bytes > options_.max_queued_bytes) {
          // Reported in its turn, so that a producer gets its reports in the order of its calls.
          pending.report = {AppendOutcome::not_written, 0, "the journal's queue is full"};
          pending.batch.clear();
          pending.bytes = 0;
        }
        counters_.queued_bytes += pending.bytes;
        counters_.queued_batches += 1;
        queue_.push_back(std::move(pending));
        if (queue_.size() == 1) work_.notify_one();
        return;
      }
    }
    session->gate.pass([&] { pending.done({AppendOutcome::not_written, 0, "the journal is closed"}); });
  }

  std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                           std::size_t max_bytes) {
    std::uint64_t end = 0;
    auto found = tails_.at(index_of(partition)).read(from, max_records, max_bytes, end);
    const bool from_tail = found.has_value();
    if (!from_tail)
      found = with_file([&] { return file_->read(partition, from, end, max_records, max_bytes); });
    const std::lock_guard lock(mutex_);
    (from_tail ? counters_.reads_from_tail : counters_.reads_from_file) += 1;
    return std::move(*found);
  }

  const PartitionTail& tail(Partition partition) const { return tails_.at(index_of(partition)); }

  void on_visible(std::function<void(Partition)> notify) {
    const std::lock_guard lock(mutex_);
    notify_ = std::move(notify);
  }

  SqliteJournalStatus status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  SqliteJournalCounters counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_.notify_one();
    thread_.join();
    if (status().state != State::failed) {
      try {
        file_->checkpoint_truncate();
      } catch (const sqlite::Error& error) {
        if (!error.is_full()) fail(error.what());  // full: the next start does it
      }
    }
    file_.reset();
  }

 private:
  // What a killed process left is moved into the file here. Where that fails, the next start would find it in
  // the kernel's memory and call it safe.
  void open_file(LogFile::Absent absent) {
    std::string reason;
    try {
      file_.emplace(options_.file, absent, options_.page_bytes, options_.vfs);
      return;
    } catch (const sqlite::Error& error) {
      if (!error.is_lost()) throw;
      reason = error.what();
    } catch (const std::system_error& error) {
      if (is_no_room(error.code())) throw;
      reason = error.what();
    }
    throw std::runtime_error("the journal cannot be opened: " + reason + mark(reason));
  }

  // A reader that waits gets the file after the transaction that it waits for, however busy the writer is.
  template <class F>
  auto with_file(F&& use) -> decltype(use()) {
    std::unique_lock turn(turn_mutex_);
    const std::lock_guard lock(file_mutex_);
    turn.unlock();
    return use();
  }

  void run() {
    while (true) {
      std::vector<Pending> group;
      {
        std::unique_lock lock(mutex_);
        const auto ready = [&] { return stopping_ || !queue_.empty(); };
        if (status_.state == State::read_only) {
          work_.wait_for(lock, options_.full_retry, ready);
        } else {
          work_.wait(lock, ready);
        }
        if (queue_.empty() && stopping_) return;
        take_group(group);
      }
      if (group.empty()) {
        try_again();
      } else {
        write(group);
        finish(group);
      }
      if (status().state == State::ok && file_->wal_pages() >= options_.checkpoint_pages) checkpoint();
    }
  }

  void take_group(std::vector<Pending>& group) {  // with mutex_ held
    std::size_t records = 0;
    std::size_t bytes = 0;
    while (!queue_.empty()) {
      const auto& next = queue_.front();
      if (!group.empty() && (records + next.batch.size() > options_.max_group_records ||
                             bytes + next.bytes > options_.max_group_bytes))
        break;
      records += next.batch.size();
      bytes += next.bytes;
      group.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    counters_.queued_bytes -= bytes;
    counters_.queued_batches -= group.size();
  }

  bool may_write() {
    const auto now = status();
    return now.state == State::ok || (now.state == State::read_only && clock_->steady() >= next_try_);
  }

  static void refuse(Pending& pending, std::string reason) {
    pending.session->broken[index_of(pending.partition)] = true;
    pending.report = {AppendOutcome::not_written, 0, std::move(reason)};
  }

  void write(std::vector<Pending>& group) {
    const bool open = may_write();
    const auto closed_reason = open ? std::string() : status().reason;
    std::vector<LogFile::Row> rows;
    std::array<std::uint64_t, kPartitionTotal> next{};
    for (auto& pending : group) {
      const auto at = index_of(pending.partition);
      if (pending.batch.empty()) {
        refuse(pending, std::move(pending.report.reason));
      } else if (pending.session->broken[at]) {
        refuse(pending, "an earlier append of this producer failed");
      } else if (!open) {
        refuse(pending, closed_reason);
      } else {
        if (next[at] == 0) next[at] = tails_[at].end();
        pending.report = {AppendOutcome::written, next[at], {}};
        for (const auto& value : pending.batch) rows.push_back({pending.partition, next[at]++, value.get()});
      }
    }
    if (rows.empty()) return;

    const auto now = clock_->now();
    const auto started = std::chrono::steady_clock::now();
    try {
      with_file([&] { file_->write(rows, now); });
    } catch (const sqlite::Error& error) {
      const bool full = error.is_full();
      if (full) {
        become_read_only(error.what());
      } else {
        fail(error.what());
      }
      for (auto& pending : group) {
        if (pending.report.outcome != AppendOutcome::written) continue;
        refuse(pending, error.what());
        if (!full) pending.report.outcome = AppendOutcome::unknown;
      }
      return;
    }
    become_ok();
    const auto spent_us = microseconds_since(started);
    for (const auto& pending : group) {
      if (pending.report.outcome != AppendOutcome::written) continue;
      auto offset = pending.report.first_offset;
      for (const auto& value : pending.batch)
        tails_[index_of(pending.partition)].push({offset++, value, now}, options_.tail_records,
                                                 options_.tail_bytes);
    }
    const std::lock_guard lock(mutex_);
    counters_.commits += 1;
    counters_.commit_us += spent_us;
    counters_.records += rows.size();
    for (const auto& row : rows) counters_.bytes += row.value->size();
    const auto bin = static_cast<std::size_t>(std::bit_width(rows.size()) - 1);
    counters_.group_records[std::min(bin, counters_.group_records.size() - 1)] += 1;
  }

  void finish(std::vector<Pending>& group) {
    std::array<bool, kPartitionTotal> touched{};
    std::function<void(Partition)> notify;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& pending : group) {
        const bool written = pending.report.outcome == AppendOutcome::written;
        touched[index_of(pending.partition)] |= written;
        (written ? counters_.batches : counters_.refused_batches) += 1;
      }
      notify = notify_;
    }
    if (notify)
      for (std::size_t i = 0; i < kPartitionTotal; ++i)
        if (touched[i]) notify(partition_at(i));
    for (auto& pending : group) pending.session->gate.pass([&] { pending.done(std::move(pending.report)); });
  }

  void checkpoint() {
    const auto started = std::chrono::steady_clock::now();
    try {
      with_file([&] { file_->checkpoint(); });
    } catch (const sqlite::Error& error) {
      // What is in the write-ahead log is safe there, but it must not grow for ever.
      if (error.is_full()) {
        become_read_only(error.what());
      } else {
        fail(error.what());
      }
    }
    const std::lock_guard lock(mutex_);
    counters_.checkpoints += 1;
    counters_.checkpoint_us += microseconds_since(started);
  }

  void try_again() {
    if (status().state != State::read_only || !may_write()) return;
    try {
      with_file([&] { file_->probe_room(); });
      become_ok();
    } catch (const sqlite::Error& error) {
      if (error.is_full()) {
        become_read_only(error.what());
      } else {
        fail(error.what());
      }
    }
  }

  void become_ok() {
    const std::lock_guard lock(mutex_);
    status_ = {};
  }

  void become_read_only(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    next_try_ = clock_->steady() + options_.full_retry;
    status_ = {State::read_only, "the disk is full; nothing was written: " + reason};
    counters_.full_errors += 1;
  }

  // What the kernel did with the pages of a failed write or sync is unknown, and a second sync would report
  // success without having written them: so nothing is tried again, here or by the next process.
  void fail(const std::string& reason) {
    const std::string message = "journal failed: " + reason + mark(reason);
    {
      const std::lock_guard lock(mutex_);
      status_ = {State::failed, message};
    }
    if (!options_.fatal) std::abort();
    options_.fatal(message);
  }

  // What a person is told besides the reason.
  std::string mark(const std::string& reason) const {
    try {
      leave_marker(marker_of(options_.file), reason + "\n");
      return std::string(". ") + kMend;
    } catch (const std::exception& error) {
      return std::string("; and no marker could be left: ") + error.what() + ". " + kMend;
    }
  }

  const SqliteJournalOptions options_;
  const Clock* clock_;
  std::array<PartitionTail, kPartitionTotal> tails_;

  mutable std::mutex mutex_;  // queue, status, counters, notify; never held during I/O or a callback
  std::condition_variable work_;
  std::deque<Pending> queue_;
  SqliteJournalStatus status_;
  SqliteJournalCounters counters_;
  std::function<void(Partition)> notify_;
  bool stopping_ = false;

  std::mutex turn_mutex_;  // before file_mutex_
  std::mutex file_mutex_;
  std::optional<LogFile> file_;

  std::chrono::steady_clock::time_point next_try_{};  // of the journal's thread
  std::thread thread_;
};

class SqliteJournal::SqliteProducer final : public Producer {
 public:
  explicit SqliteProducer(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~SqliteProducer() override { session_->gate.close(); }
  void append(Partition partition, std::vector<Bytes> batch,
              std::function<void(AppendReport)> done) override {
    core_->append(session_, partition, std::move(batch), std::move(done));
  }

 private:
  std::shared_ptr<Core> core_;
  std::shared_ptr<Session> session_ = std::make_shared<Session>();
};

SqliteJournal::SqliteJournal(std::shared_ptr<Core> core) : core_(std::move(core)) {}

std::unique_ptr<SqliteJournal> SqliteJournal::open(SqliteJournalOptions options, const Clock& clock) {
  return std::unique_ptr<SqliteJournal>(
      new SqliteJournal(std::make_shared<Core>(std::move(options), clock, LogFile::Absent::refuse)));
}

std::unique_ptr<SqliteJournal> SqliteJournal::create(SqliteJournalOptions options, const Clock& clock) {
  return std::unique_ptr<SqliteJournal>(
      new SqliteJournal(std::make_shared<Core>(std::move(options), clock, LogFile::Absent::create)));
}

SqliteJournal::~SqliteJournal() {
  core_->stop();
}

JournalInfo SqliteJournal::info() const {
  return {"sqlite", "synced to this machine's disk before it is acknowledged", true};
}

std::unique_ptr<Producer> SqliteJournal::open_producer() {
  return std::make_unique<SqliteProducer>(core_);
}

std::uint64_t SqliteJournal::start_offset(Partition partition) const {
  return core_->tail(partition).start();
}
std::uint64_t SqliteJournal::end_offset(Partition partition) const {
  return core_->tail(partition).end();
}

std::vector<Record> SqliteJournal::read(Partition partition, std::uint64_t from, std::size_t max_records,
                                        std::size_t max_bytes) const {
  return core_->read(partition, from, max_records, max_bytes);
}

void SqliteJournal::on_visible(std::function<void(Partition)> notify) {
  core_->on_visible(std::move(notify));
}

SqliteJournalStatus SqliteJournal::status() const {
  return core_->status();
}
SqliteJournalCounters SqliteJournal::counters() const {
  return core_->counters();
}

std::filesystem::path SqliteJournal::marker_of(const std::filesystem::path& file) {
  auto marker = file;
  marker += ".failed";
  return marker;
}

}  // namespace groundtruth::journal
