// The journal of one machine: an embedded SQLite file with one connection, one writing thread and group
// commit (JOURNAL, "SQLite").
//
// Everything that all producers queued while one transaction was on its way goes into the next one, in the
// order of the calls. A record can be read after the COMMIT that holds it returned, so what was read once
// survives a crash of the machine.
//
// Ownership: producers may outlive the journal; their appends then report `not_written`, in the calling
// thread. Threads: as in journal.hpp. Reports and notifications run on the journal's thread, one at a time.
// Destroying a producer waits for its report that is running on that thread, so hold no lock then that a
// report takes. Errors: `open` and `create` throw std::runtime_error (sqlite::Error where SQLite refused);
// `read` throws sqlite::Error when the file cannot be read.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "journal/journal.hpp"
#include "journal/ports.hpp"

namespace groundtruth::journal {

struct SqliteJournalOptions {
  std::filesystem::path file;
  std::size_t max_group_records = 4096;
  std::size_t max_group_bytes = 8 * 1024 * 1024;
  std::size_t max_queued_bytes = 64 * 1024 * 1024;  // beyond it appends are refused as `not_written`
  // What followers at the end are fed from without touching the file; of each partition, whichever ends
  // first.
  std::size_t tail_records = 1024;
  std::size_t tail_bytes = 1024 * 1024;
  // Pages that the write-ahead log may hold before they are moved into the file, on the journal's thread.
  std::size_t checkpoint_pages = 1000;
  int page_bytes =
      8192;  // of a new file: some nine commits of usual length, and half the writes of SQLite's own 4096
  // How often a full disk is tried again, at most.
  std::chrono::milliseconds full_retry{1000};
  // A write or sync failed: nothing is known of the file any more. Called once, on the journal's thread,
  // after the marker file was left; production ends the process in it. Empty: std::abort. While the file is
  // being opened the constructor throws instead, the marker being left as well.
  std::function<void(std::string)> fatal;
  // `journal verify --repair-marker` only: opens in spite of the marker of an earlier failure.
  bool ignore_marker = false;
  std::string vfs;  // tests inject failures by it
};

struct SqliteJournalStatus {
  enum class State : std::uint8_t {
    ok,
    read_only,  // disk full; appends report `not_written` until there is room
    failed,     // fatal was called
  };
  State state = State::ok;
  std::string reason;  // for people, where it is not ok
};

struct SqliteJournalCounters {
  std::uint64_t commits = 0;  // transactions with records: the groups
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // of record values
  // Groups by number of records: bin i counts those of 2^i … 2^(i+1)-1, the last one all larger.
  std::array<std::uint64_t, 14> group_records{};
  std::uint64_t checkpoints = 0;
  std::uint64_t commit_us = 0;      // spent in transactions
  std::uint64_t checkpoint_us = 0;  // spent moving pages into the file
  std::uint64_t refused_batches = 0;
  std::uint64_t full_errors = 0;
  std::uint64_t reads_from_tail = 0;
  std::uint64_t reads_from_file = 0;
  std::uint64_t queued_batches = 0;  // now
  std::uint64_t queued_bytes = 0;    // now
};

class SqliteJournal final : public Journal {
 public:
  // The file must exist and be a journal.
  static std::unique_ptr<SqliteJournal> open(SqliteJournalOptions options, const Clock& clock);
  // Makes the file when it is absent; one that exists is opened.
  static std::unique_ptr<SqliteJournal> create(SqliteJournalOptions options, const Clock& clock);
  // Writes what is queued, moves everything into the file, closes it.
  ~SqliteJournal() override;

  JournalInfo info() const override;
  std::unique_ptr<Producer> open_producer() override;
  std::uint64_t start_offset(Partition partition) const override;
  std::uint64_t end_offset(Partition partition) const override;
  std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                           std::size_t max_bytes = 4 * 1024 * 1024) const override;
  void on_visible(std::function<void(Partition)> notify) override;

  SqliteJournalStatus status() const;
  SqliteJournalCounters counters() const;

  // What a failed write or sync leaves beside the file, so that no later process trusts it unread.
  static std::filesystem::path marker_of(const std::filesystem::path& file);

 private:
  class Core;
  class SqliteProducer;
  explicit SqliteJournal(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace groundtruth::journal
