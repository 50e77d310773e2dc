// One idempotent producer of Kafka, shared by all who append in this process, from its making to its first
// failure. Private to journal/kafka.
//
// librdkafka keeps the order and leaves no gaps (enable.gapless.guarantee): what fails makes its producer
// fatal. So a session ends at its first failure: what is in flight is purged and reported as `unknown`, and
// so is all that is appended to it later. The next one who opens a producer gets a new session. Time-outs are
// outside of that guarantee, so records have none in librdkafka. The session ends when a partition has had
// something to acknowledge, and nothing was, for `message_timeout`; a purge takes what waits away before
// anything else can be sent.
//
// What comes while records of the same partition are out waits here, and goes when all those are
// acknowledged: in one request, or in two where librdkafka's thread was quicker than this one. That thread
// spins where it has something that must not go yet, so it is given nothing before.
//
// What makes gaps impossible is that the leader knows a producer's last sequence number and refuses any but
// the next. Of a producer that it has never seen, or not for a day, it takes any. So the first record of a
// partition goes alone.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/kafka/client.hpp"
#include "journal/kafka/ends.hpp"
#include "journal/report_gate.hpp"

namespace groundtruth::journal::kafka {

// One who appends: what is open in it closes for it alone.
struct Appender {
  ReportGate gate;
  // Partitions in which an append of it was refused here: none of its later ones may land there. What it had
  // appended before may, unless librdkafka refused it, when it came to it. Under the partition's order.
  std::array<bool, kPartitionTotal> refused{}, refused_late{};
};

class ProducerSession {
 public:
  // Records of one partition that were acknowledged, in order; some may be left out. On the session's thread,
  // before their reports.
  using Landed = std::function<void(Partition, std::vector<Record>)>;
  // Options, ends, clock and what `landed` touches must outlive `close`.
  ProducerSession(const KafkaJournalOptions& options, Ends& ends, const Clock& clock, Landed landed);
  ~ProducerSession();

  // Never blocks. Reports come on the session's thread, or on the caller's once the session was closed.
  void append(const std::shared_ptr<Appender>& appender, Partition partition, std::vector<Bytes> batch,
              std::function<void(AppendReport)> done);

  bool is_broken() const { return broken_; }
  bool is_over() const { return over_; }  // its thread has ended or ends now; `close` does not wait
  // Abandons what is in flight: it is reported as `unknown` before this returns.
  void close();

 private:
  struct Batch;

  void run();
  using Batches = std::vector<std::unique_ptr<Batch>>;
  bool make_room(Batch& batch);
  void hand_on(Batch& batch, std::size_t end);
  Batches hand_on_held(std::size_t at);
  void fail_held();
  void break_off(const std::string& reason);
  void await_appends();
  void watch_time();
  void delivered(Batch& batch, std::int64_t offset, const std::string& error);
  static AppendReport report_of(const Batch& batch);
  void finish(std::unique_ptr<Batch> batch);
  void report_soon(const std::shared_ptr<Appender>& appender, std::function<void(AppendReport)> done,
                   AppendReport report);
  void run_reports();

  const KafkaJournalOptions& options_;
  Ends& ends_;
  const Clock& clock_;
  const Landed landed_;
  ClientEvents events_;
  std::unique_ptr<Client> client_;
  Queue main_queue_;  // yielded to wake the thread

  std::array<std::mutex, kPartitionTotal> orders_;  // the order of calls is the order in librdkafka's queue
  struct Line {
    bool is_known = false;       // to the leader
    std::size_t out = 0;         // records handed on and not reported
    std::vector<Record> landed;  // of those that were out together with them
    std::deque<Batch*> held;     // owned; what is behind them
  };
  std::array<Line, kPartitionTotal> lines_;  // each under its order
  struct Progress {
    std::atomic<std::size_t> pending{0};  // records taken and not reported
    std::atomic<std::int64_t> at_ms{0};   // steady; when one was reported last, or the first was taken
  };
  std::array<Progress, kPartitionTotal> progress_;
  std::atomic<std::size_t> queued_records_{0}, queued_bytes_{0};  // of all batches that are not reported
  std::atomic<bool> broken_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::string reason_;                         // why it broke
  std::deque<std::function<void()>> reports_;  // of what never went to librdkafka
  std::thread thread_;
};

}  // namespace groundtruth::journal::kafka
