// A journal in memory for tests and simulation: it keeps journal.hpp's contract and fails on demand, always
// in the same way for the same decisions.
//
// Ownership: producers may outlive the journal's owner; they share its state. Threads: as in journal.hpp.
// Callbacks run one at a time, never nested and never under the journal's lock: inside the call that caused
// them (`immediate`), inside `run_reports` (`driven`), or on a thread of the journal (`threaded`). Destroying
// a producer waits for a report that is running on another thread, so hold no lock then that a report takes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "journal/ports.hpp"

namespace groundtruth::journal {

// What becomes of one append. Whatever reports a failure or loses a record ends the producer's session with
// that partition, as the contract demands: nothing it appends there later lands, each reports `unknown` (and
// nothing at all after a silent loss).
struct AppendFault {
  enum class Kind : std::uint8_t {
    deliver,
    hold,                 // lands and reports when the driver releases it; later appends queue behind it
    hold_report_failure,  // reports `unknown` at once, may still be released
    lose,                 // neither lands nor reports
    lose_report_failure,  // reports `unknown`
    refuse,               // reports `not_written`
    deliver_report_failure,
    deliver_prefix,  // the first `prefix` records land; reports `unknown`
    deliver_twice,   // the whole batch, and then once more
  };
  Kind kind = Kind::deliver;
  std::size_t prefix = 0;
};

// What the fault decision may look at. `number` counts the journal's appends from 0.
struct AppendAttempt {
  std::uint64_t number = 0;
  std::uint64_t producer = 0;  // counts the journal's producers from 0
  Partition partition;
  const std::vector<Bytes>& batch;
};

enum class ReportMode : std::uint8_t { immediate, driven, threaded };

struct MemoryJournalOptions {
  const Clock* clock = nullptr;  // of Record::appended_at; null stamps 0
  bool read_is_durable = true;
  bool delay_visibility = false;  // what landed is not read before `reveal`
  ReportMode reports = ReportMode::immediate;
  std::function<AppendFault(const AppendAttempt&)> faults;  // called under the journal's lock; empty: deliver
};

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(MemoryJournalOptions options = {});
  ~MemoryJournal() override;

  JournalInfo info() const override;
  std::unique_ptr<Producer> open_producer() override;
  std::uint64_t start_offset(Partition partition) const override;
  std::uint64_t end_offset(Partition partition) const override;
  std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                           std::size_t max_bytes = 4 * 1024 * 1024) const override;
  void on_visible(std::function<void(Partition)> notify) override;

  // --- For the driver of a test.

  // Held appends that can move now: the first of each producer and partition. Those behind follow by
  // themselves as far as their own faults let them.
  struct Held {
    std::uint64_t number = 0;  // the attempt's
    std::uint64_t producer = 0;
    Partition partition;
    std::size_t records = 0;
    bool producer_alive = true;
  };
  std::vector<Held> held() const;
  bool release(std::uint64_t number);  // false: not in held()
  bool drop(std::uint64_t number);     // it never lands; reports `unknown` unless it already did
  std::size_t release_all();           // how many appends landed

  std::size_t hidden(Partition partition) const;  // landed, not yet visible
  void reveal(Partition partition, std::size_t records = SIZE_MAX);
  void reveal_all();

  std::size_t pending_reports() const;  // reports and notifications not yet called (`driven`)
  std::size_t run_reports(std::size_t at_most = SIZE_MAX);

  // What must never happen to a log, for those who are to notice it.
  void truncate_tail(Partition partition, std::uint64_t new_end);
  void truncate_head(Partition partition, std::uint64_t new_start);
  void swap_record(Partition partition, std::uint64_t offset, Bytes value);

 private:
  struct Core;
  class MemoryProducer;
  std::shared_ptr<Core> core_;
};

}  // namespace groundtruth::journal
