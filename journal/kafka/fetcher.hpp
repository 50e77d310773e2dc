// Fetches the followed partitions ahead into their windows. Private to journal/kafka.
//
// It uses librdkafka's legacy consumer, which needs no group: a partition is started at an offset and
// stopped, on one shared queue. (With `rd_kafka_assign` a client looks for a group's coordinator for ever,
// which makes the cluster create its offsets topic and needs rights on a group that is not used.) A full
// window stops its partition and a read one starts it again behind what it has.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "journal/kafka/client.hpp"
#include "journal/kafka/ends.hpp"
#include "journal/kafka/window.hpp"

namespace groundtruth::journal::kafka {

class Fetcher {
 public:
  Fetcher(const KafkaJournalOptions& options, Ends& ends);
  ~Fetcher();

  void follow(Partition partition, std::uint64_t from);
  void on_visible(std::function<void(Partition)> notify);
  void notify(Partition partition) const;

  Window& window(Partition partition) { return windows_[index_of(partition)]; }
  const Window& window(Partition partition) const { return windows_[index_of(partition)]; }
  // Fetches anew behind what the window has, where it seems to have been forgotten. Any thread.
  void restart(Partition partition);

  std::uint64_t fetched() const { return fetched_; }
  std::uint64_t pauses() const { return pauses_; }

 private:
  void run();
  void start(std::size_t index);
  void stop(std::size_t index);
  void failed(std::size_t index, bool out_of_range, const std::string& reason);
  void restart_at(std::size_t index, std::chrono::steady_clock::time_point when);
  void serve_requests();
  void wake_stalled();

  const KafkaJournalOptions& options_;
  Ends& ends_;
  const WindowBounds bounds_;
  ClientEvents events_;
  Client client_;
  Queue queue_;
  std::array<Window, kPartitionTotal> windows_;
  std::atomic<std::uint64_t> fetched_{0};
  std::atomic<std::uint64_t> pauses_{0};

  mutable std::mutex mutex_;
  std::function<void(Partition)> notify_;
  std::multimap<std::chrono::steady_clock::time_point, std::size_t> restarts_;  // when, which
  std::atomic<bool> stopping_{false};

  // Of the thread.
  struct Pace {
    std::uint64_t next = 0;
    std::chrono::steady_clock::time_point since{};  // when it moved last, or had nothing to fetch
  };
  std::array<bool, kPartitionTotal> started_{};
  std::array<Pace, kPartitionTotal> paces_{};
  std::chrono::steady_clock::time_point looked_{};
  std::thread thread_;
};

}  // namespace groundtruth::journal::kafka
