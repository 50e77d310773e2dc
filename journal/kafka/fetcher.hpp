// Fetches the followed partitions ahead into their windows. Private to journal/kafka.
//
// It uses librdkafka's legacy consumer, which needs no group: a partition is started at an offset and
// stopped, on one shared queue. (With `rd_kafka_assign` a client looks for a group's coordinator for ever,
// which makes the cluster create its offsets topic and needs rights on a group that is not used.) A full
// window stops its partition and a read one starts it again behind what it has.
//
// A client has one request at a leader at a time, for all of its partitions; whatever comes for one answers
// it, and the next one names all of them again. Partitions without news therefore have a client of their own,
// whose requests wait long: else each record would cost the work for all partitions, here and at the broker.
// And so have those in which nearly all news is this process's own, which it has from their acknowledgements:
// its requests wait for many records, or for `fetch_wait`. Who writes there too is noticed by the place that
// an acknowledgement names.
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

  // What this process appended and was acknowledged, in order: it is there without being fetched where nobody
  // else's lies before it. The ends must be known. Any thread.
  void appended(Partition partition, std::vector<Record> records);

  Window& window(Partition partition) { return windows_[index_of(partition)]; }
  const Window& window(Partition partition) const { return windows_[index_of(partition)]; }
  // Fetches anew behind what the window has, where it seems to have been forgotten. Any thread.
  void restart(Partition partition);

  std::uint64_t fetched() const { return fetched_; }
  std::uint64_t pauses() const { return pauses_; }
  std::uint64_t own_partitions() const;

 private:
  // A client and the partitions that it fetches now.
  struct Lane {
    Lane(Role role, const KafkaJournalOptions& options);
    ClientEvents events;
    Client client;
    Queue queue;
    std::array<bool, kPartitionTotal> started{};
  };

  void run();
  bool take(Lane& lane, std::chrono::milliseconds wait);
  void start(Lane& lane, std::size_t index);
  void stop(Lane& lane, std::size_t index);
  void stop(std::size_t index);
  void see_whose_it_is(std::size_t index, std::chrono::steady_clock::time_point now);
  void failed(std::size_t index, bool out_of_range, const std::string& reason);
  void restart_at(std::size_t index, std::chrono::steady_clock::time_point when);
  void serve_requests();
  void look_around();

  const KafkaJournalOptions& options_;
  Ends& ends_;
  const WindowBounds bounds_;
  Lane busy_, quiet_, own_;
  std::array<Window, kPartitionTotal> windows_;
  std::atomic<std::uint64_t> fetched_{0};
  std::atomic<std::uint64_t> pauses_{0};
  std::array<std::atomic<bool>, kPartitionTotal> is_own_{};        // it is in that lane
  std::array<std::atomic<bool>, kPartitionTotal> others_write_{};  // seen since it was last looked at

  mutable std::mutex mutex_;
  std::function<void(Partition)> notify_;
  std::multimap<std::chrono::steady_clock::time_point, std::size_t> restarts_;  // when, which
  std::atomic<bool> stopping_{false};

  // Of the thread.
  struct Pace {
    std::uint64_t next = 0;
    std::chrono::steady_clock::time_point moved{};
    std::chrono::steady_clock::time_point since{};  // when it moved last, or had nothing to fetch
    std::chrono::steady_clock::time_point quiet{};  // since when the quiet lane has it, too
  };
  struct Count {  // of records, all and own ones
    std::chrono::steady_clock::time_point since{};
    std::uint64_t next = 0, own = 0;
  };
  std::array<Pace, kPartitionTotal> paces_{};
  std::array<Count, kPartitionTotal> counts_{};
  std::chrono::steady_clock::time_point looked_{};
  std::thread thread_;
};

}  // namespace groundtruth::journal::kafka
