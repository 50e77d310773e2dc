// Reads what lies before the windows, from the brokers: rebuilds, answers from history, workers that are
// behind. Private to journal/kafka.
//
// A few clients, each with at most one cursor a partition. A read that goes on where another one ended takes
// its cursor, which has fetched ahead; others begin anew with the cursor that was used least lately.
// A cursor is started for one request's worth at a time and stopped when that has come. One that stayed would
// ask for ever for what is behind the end, and a client takes in no further partition before its request is
// answered; and one whose queue was full once goes on only after a second.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "journal/kafka/client.hpp"

namespace groundtruth::journal::kafka {

class ColdReader {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `out_of_range`: the leader does not have what it is known to have had.
  ColdReader(const KafkaJournalOptions& options, std::size_t clients,
             std::function<void(Partition)> out_of_range);
  ~ColdReader();

  // Records from `from` on, all below `end`, which the log is known to have. Blocks until there is as much as
  // was asked for, or until the deadline when there is at least one; throws JournalUnavailable when there is
  // none. `fresh`: from the brokers, not from what was fetched ahead.
  std::vector<Record> read(Partition partition, std::uint64_t from, std::uint64_t end,
                           std::size_t max_records, std::size_t max_bytes, TimePoint deadline, bool fresh);
  // Lets its clients call back; about every second (`Client::serve`).
  void serve();
  // Gives up cursors that nobody has used for a while, with what they have fetched ahead.
  void forget_idle();

  std::uint64_t reads() const { return reads_; }
  std::uint64_t seeks() const { return seeks_; }

 private:
  struct Cursor;
  struct Slot;  // a client and its cursors

  Cursor* claim(std::unique_lock<std::mutex>& lock, Partition partition, std::uint64_t from,
                TimePoint deadline);
  void seek(Cursor& cursor, Partition partition, std::uint64_t from);
  static void start(Cursor& cursor, Partition partition);
  static void stop(Cursor& cursor, Partition partition);

  const KafkaJournalOptions& options_;
  const std::size_t clients_;
  const std::function<void(Partition)> out_of_range_;
  ClientEvents events_;
  std::atomic<std::uint64_t> reads_{0};
  std::atomic<std::uint64_t> seeks_{0};
  std::atomic<std::int64_t> silent_until_ms_{0};  // the brokers did not answer: no long waits until then

  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<Slot>> slots_;  // made as they are needed
};

}  // namespace groundtruth::journal::kafka
