// Time, chance and turns in the hands of a test, for workers that would otherwise have threads.
#pragma once

#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "journal/duties.hpp"
#include "journal/executor.hpp"
#include "journal/ports.hpp"

namespace groundtruth::workers::test {

// Of the environment's SEED, else a new one; what uses it prints it.
inline std::uint64_t seed_of_run() {
  const char* given = std::getenv("SEED");  // NOLINT(concurrency-mt-unsafe)
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

class FakeClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {wall_ms}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds(steady_ms)};
  }
  std::int64_t wall_ms = 1'750'000'000'000;
  std::int64_t steady_ms = 1'000;
};

class FakeRandomness final : public journal::Randomness {
 public:
  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
  }

 private:
  std::mutex mutex_;
  std::mt19937 random_{1};
};

// All partitions, until a test says otherwise.
class FakeDuties final : public journal::Duties {
 public:
  bool has(journal::Partition partition) const override {
    const std::lock_guard lock(mutex_);
    return ours_[journal::index_of(partition)];
  }
  void on_change(std::function<void(const journal::PartitionSet&)> changed) override {
    changed_.push_back(std::move(changed));
  }
  void start() override {
    for (const auto& changed : changed_) changed(ours_);
  }
  void leave() override {}
  void give(journal::Partition partition, bool is_ours) {
    {
      const std::lock_guard lock(mutex_);
      ours_[journal::index_of(partition)] = is_ours;
    }
    start();
  }

 private:
  mutable std::mutex mutex_;
  journal::PartitionSet ours_ = journal::PartitionSet().set();
  std::vector<std::function<void(const journal::PartitionSet&)>> changed_;
};

// Runs what is posted when it is told to, in the caller's thread.
class FakeExecutor final : public journal::Executor {
 public:
  void post(Task task) override { ready.push_back(std::move(task)); }
  void post_at(std::chrono::steady_clock::time_point when, Task task) override {
    timers.emplace(when, std::move(task));
  }
  void stop() override {}
  void run(std::chrono::steady_clock::time_point now) {
    for (;;) {
      while (!timers.empty() && timers.begin()->first <= now) {
        ready.push_back(std::move(timers.begin()->second));
        timers.erase(timers.begin());
      }
      if (ready.empty()) return;
      const auto task = std::move(ready.front());
      ready.pop_front();
      task();
    }
  }
  // One task; false: there is none.
  bool run_one() {
    if (ready.empty()) return false;
    const auto task = std::move(ready.front());
    ready.pop_front();
    task();
    return true;
  }
  std::deque<Task> ready;
  std::multimap<std::chrono::steady_clock::time_point, Task> timers;
};

}  // namespace groundtruth::workers::test
