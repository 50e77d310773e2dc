// The log under the chain. It orders records within a partition and keeps them; what they mean it does not
// know.
//
// Contract, proved by one conformance suite for every implementation:
// - Offsets of a partition start at 0, are contiguous and never change their record.
// - A producer's appends to a partition land in the order of the calls and without gaps: once one failed,
//   nothing that the same producer appended later to that partition lands.
// - A report of success means that the record is durable as configured. Any other outcome than `not_written`
//   leaves open whether the record is there or still comes; reading on tells.
// - Records become visible in order; a record that was read once is there for good.
// A log on other machines (Kafka) is fetched ahead where it is followed, and what it has may be away:
// - `start_offset` and `end_offset` say what this process knows, without asking; `ask_end` asks.
// - `read` gives nothing for what the log has but what has not been fetched yet where it is followed;
// `notify`
//   tells when it is there. It blocks only for what lies before the part that is kept in memory, and throws
//   JournalUnavailable where the log does not answer in time.
// Threads: everything may be called from any thread. Callbacks run on a thread of the journal and must not
// block it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
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
  // Of the batch's first record, where the outcome is `written`. Record i stands at first_offset + i or,
  // where another producer's records came in between, before that; never behind.
  std::uint64_t first_offset = 0;
  std::string reason;  // for people, where it is not
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
  std::string kind;        // "memory", "sqlite", "kafka"
  std::string durability;  // for people: what an acknowledged record survives
  // True where nothing can be read that a crash could still take back, and no other process writes: then what
  // is visible here is all that there is (JOURNAL, writer 6 and 7).
  bool read_is_durable = false;
};

// The log does not answer now; asking again later may do. The message is for people.
struct JournalUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Journal {
 public:
  virtual ~Journal() = default;
  virtual JournalInfo info() const = 0;
  // False while it is known that nothing which is appended now would be acknowledged soon, because the log is
  // elsewhere and does not answer. Who asks to write is told so, instead of being made to wait.
  virtual bool is_reachable() const { return true; }
  virtual std::unique_ptr<Producer> open_producer() = 0;

  // Offset of the first record that the log still has (0 unless history was cut), and the one after the last
  // visible.
  virtual std::uint64_t start_offset(Partition partition) const = 0;
  virtual std::uint64_t end_offset(Partition partition) const = 0;
  // Records from `from` on, in order, at most `max_records` and about `max_bytes` (at least one when there is
  // one).
  virtual std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                                   std::size_t max_bytes = 4 * 1024 * 1024) const = 0;
  // The same as the log has them stored now, never from what was kept of them here: for who looks whether
  // they changed. Blocks where the log is far; throws JournalUnavailable.
  virtual std::vector<Record> read_stored(Partition partition, std::uint64_t from, std::size_t max_records,
                                          std::size_t max_bytes = 4 * 1024 * 1024) const {
    return read(partition, from, max_records, max_bytes);
  }

  // This process follows the partition and has no more need of what lies before `from`: a log that is far
  // fetches ahead from there on, and keeps a little of what lies before. Called again as the follower moves.
  // Never blocks.
  virtual void follow(Partition, std::uint64_t /*from*/) {}
  // Calls `done` with the end that the log has at some instant after this call, once it has answered, if that
  // takes for ever; never when the journal is destroyed before. Answers for a partition come in the order of
  // the questions.
  virtual void ask_end(Partition partition, std::function<void(std::uint64_t end)> done) {
    done(end_offset(partition));
  }

  // `notify` is called after new records became visible in a partition (where the log is far: in one that is
  // followed), or were found to be others than before; one subscriber, set before the first append.
  virtual void on_visible(std::function<void(Partition)> notify) = 0;
};

// `read` for those who read history in bulk and may wait: while a log that is far does not answer, or has not
// fetched what it is known to have, it is asked again. Throws JournalUnavailable after `patience`.
std::vector<Record> read_patiently(const Journal& journal, Partition partition, std::uint64_t from,
                                   std::size_t max_records, std::size_t max_bytes = 4 * 1024 * 1024,
                                   std::chrono::milliseconds patience = std::chrono::seconds(60));

}  // namespace groundtruth::journal
