// Where partitions start and end: what this process knows, and the thread that asks the leaders. Private to
// journal/kafka.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "journal/kafka/client.hpp"

namespace groundtruth::journal::kafka {

class Ends {
 public:
  using Done = std::function<void(std::uint64_t end)>;

  // The client must outlive it.
  Ends(const Client& control, const KafkaJournalOptions& options);
  ~Ends();

  void stop();  // no question is answered any more

  // Asks for all until everything is known. Throws JournalUnavailable at the deadline.
  void learn_all(std::chrono::steady_clock::time_point deadline);

  std::uint64_t start(Partition partition) const { return starts_[index_of(partition)]; }
  std::uint64_t end(Partition partition) const { return ends_[index_of(partition)]; }

  // A record before `end` was read or acknowledged.
  void at_least(Partition partition, std::uint64_t end);
  // The end at some instant after this call, whenever the leader gives it. `done` runs on this thread.
  void ask(Partition partition, Done done);
  // Asks for the starts of all partitions now. False: not all answered.
  bool learn_starts(std::chrono::milliseconds timeout);

  // False from the second question on that no leader has answered; something is asked every second.
  bool is_reachable() const { return silences_ < 2; }

  std::uint64_t asked() const { return asked_; }

 private:
  struct Question {
    std::vector<Done> waiting;
    // Since when the leader says less than is known here: believed once it says so for long enough.
    std::optional<std::chrono::steady_clock::time_point> lower_since;
  };

  void run();
  bool take_answer(Partition partition, std::uint64_t known_before, std::uint64_t answer, Question& question);

  const Client& client_;
  const KafkaJournalOptions& options_;
  std::array<std::atomic<std::uint64_t>, kPartitionTotal> starts_{};
  std::array<std::atomic<std::uint64_t>, kPartitionTotal> ends_{};
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<int> silences_{0};  // questions in a row without any answer

  std::mutex mutex_;
  std::condition_variable changed_;
  std::array<std::vector<Done>, kPartitionTotal> fresh_;  // since the last query was sent
  bool any_fresh_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace groundtruth::journal::kafka
