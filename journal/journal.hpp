// The log under the chain. It orders records within a partition and keeps them; what they mean it does not
// know.
//
// Contract, proved by one conformance suite for every implementation:
// - Offsets of a partition start at 0, are contiguous and never change their record.
// - A producer's appends to a partition land in the order of the calls and without gaps: once one failed,
// nothing that
//   the same producer appended later to that partition lands.
// - A report of success means that the record is durable as configured. Any other outcome than `not_written`
// leaves
//   open whether the record is there or still comes; reading on tells.
// - Records become visible in order; a record that was read once is there for good.
// Threads: everything may be called from any thread. Callbacks run on the journal's thread and must not block
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "journal/position.hpp"
#include "journal/record.hpp"

namespace groundtruth::journal {

enum class AppendOutcome : std::uint8_t {
  written,      // all records of the batch are durable
  unknown,      // some, all or none may be there or may still come
  not_written,  // surely none of the batch is there or will come, e.g. the disk is full
};

struct AppendReport {
  AppendOutcome outcome = AppendOutcome::written;
  std::uint64_t first_offset = 0;  // of the batch, where the outcome is `written`
  std::string reason;              // for people, where it is not
};

// One writer's session with the log. Destroying it abandons what is in flight: reports stop, but records may
// still land.
class Producer {
 public:
  virtual ~Producer() = default;
  // Appends the batch to one partition, contiguously unless another producer interleaves. `done` is called
  // once.
  virtual void append(Partition partition, std::vector<Bytes> batch,
                      std::function<void(AppendReport)> done) = 0;
};

struct JournalInfo {
  std::string kind;              // "memory", "sqlite"
  std::string durability;        // for people: what an acknowledged record survives
  bool read_is_durable = false;  // true where nothing can be read that a crash could still take back
};

class Journal {
 public:
  virtual ~Journal() = default;
  virtual JournalInfo info() const = 0;
  virtual std::unique_ptr<Producer> open_producer() = 0;

  // Offset of the first record that the log still has (0 unless history was cut), and the one after the last
  // visible.
  virtual std::uint64_t start_offset(Partition partition) const = 0;
  virtual std::uint64_t end_offset(Partition partition) const = 0;
  // Records from `from` on, in order, at most `max_records` and about `max_bytes` (at least one when there is
  // one).
  virtual std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                                   std::size_t max_bytes = 4 * 1024 * 1024) const = 0;

  // `notify` is called after new records became visible in a partition; one subscriber, set before the first
  // append.
  virtual void on_visible(std::function<void(Partition)> notify) = 0;
};

}  // namespace groundtruth::journal
