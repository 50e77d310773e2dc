// A process's membership in a consumer group of Kafka that shares out the journal's partitions: each of them
// is one member's. The group is used for nothing else: no record is fetched by it, no offset is committed or
// read.
//
// Members that come and go move only the partitions that have to move (cooperative-sticky). A member that
// leaves gives its partitions to others at once; one that is gone without a word loses them after the
// session's time-out. So does one that cannot be heard: it gives its partitions up by itself after the same
// time, and joins again when brokers answer. A client that failed for good is replaced by a new one.
//
// Threads: one of its own, on which changes are told; `leave` waits for it, for the session's time-out at
// most where no broker answers. Errors: the constructor throws std::runtime_error for a property that is
// wrong; brokers that are away are no error.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "journal/duties.hpp"
#include "journal/kafka/kafka_journal.hpp"

namespace groundtruth::journal {

struct GroupTimes {
  // After it others have what a silent member had. Brokers take none below 6 s
  // (group.min.session.timeout.ms).
  std::chrono::milliseconds session_timeout{6'000};
  std::chrono::milliseconds heartbeat{2'000};
};

class GroupMember final : public Duties {
 public:
  // Of the options it uses brokers, prefix, properties, pauses, log and statistics. The group's id is the
  // topics' prefix and `group`.
  GroupMember(KafkaJournalOptions options, const std::string& group, GroupTimes times = {});
  // Without `leave` before it, it goes without a word, as a process that is killed.
  ~GroupMember() override;
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;

  bool has(Partition partition) const override { return has_[index_of(partition)]; }
  void on_change(std::function<void(const PartitionSet&)> changed) override;
  void start() override;
  void leave() override;

 private:
  class Session;  // of one client
  enum class End : std::uint8_t { none, vanish, leave };

  void run();
  void stop(End end);
  void hold(const PartitionSet& now);

  const KafkaJournalOptions options_;
  const std::string group_id_;
  const GroupTimes times_;
  std::vector<std::function<void(const PartitionSet&)>> changed_;
  std::array<std::atomic<bool>, kPartitionTotal> has_{};
  std::atomic<End> end_{End::none};
  PartitionSet held_;                 // of the thread
  std::unique_ptr<Session> session_;  // of the thread, but for the first one; null: to be made
  std::thread thread_;
};

}  // namespace groundtruth::journal
