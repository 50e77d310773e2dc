// What tests of the journals share: a clock that stands still, a directory that goes away, chained records.
#pragma once

#include <stdlib.h>  // mkdtemp

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "journal/journal.hpp"
#include "journal/ports.hpp"

namespace groundtruth::journal::testing {

class FixedClock final : public Clock {
 public:
  domain::Timestamp now() const override { return {1'750'000'000'000 + moved_ms_.load()}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(moved_ms_.load()));
  }
  void advance(std::chrono::milliseconds by) { moved_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> moved_ms_{1'000'000};
};

class TempDirectory {
 public:
  TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "groundtruth_test_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline Bytes bytes(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

// The reports of the appends that were made through it, to wait for. Outlives what it gave callbacks to.
class Reports {
 public:
  std::function<void(AppendReport)> next() {
    const std::lock_guard lock(mutex_);
    const auto at = reports_.size();
    reports_.push_back({});
    ++missing_;
    return [this, at](AppendReport report) {
      const std::lock_guard inner(mutex_);
      reports_[at] = std::move(report);
      --missing_;
      changed_.notify_all();
    };
  }
  // All that were asked for, in the order of asking.
  std::vector<AppendReport> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return missing_ == 0; });
    return reports_;
  }
  std::size_t missing() {
    const std::lock_guard lock(mutex_);
    return missing_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<AppendReport> reports_;
  std::size_t missing_ = 0;
};

inline AppendReport append_and_wait(Producer& producer, Partition partition, std::vector<Bytes> batch) {
  Reports reports;
  producer.append(partition, std::move(batch), reports.next());
  return reports.wait().front();
}

// Waits for what comes by itself, at most `patience`.
template <class F>
bool eventually(F&& is_so, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

// Waits until everything before `end` can be read; at once on a journal that is no further away than a call.
inline void await_visible(const Journal& journal, Partition partition, std::uint64_t end) {
  if (!eventually([&] { return !journal.read(partition, end - 1, 1).empty(); }))
    throw std::runtime_error("not visible in time: " + to_string(partition) + " before offset " +
                             std::to_string(end));
}

inline std::vector<std::string> values(const Journal& journal, Partition partition) {
  std::vector<std::string> out;
  for (const auto& record : journal.read(partition, 0, SIZE_MAX)) out.push_back(*record.value);
  return out;
}

// Makes records that follow each other by the chain rule; what stands behind the prefix means nothing.
class ChainMaker {
 public:
  explicit ChainMaker(const Bytes& genesis) : head_{true, 0, id_of(*genesis)} {}
  Bytes next(const std::string& rest) {
    auto value = after(head_, rest);
    head_ = Head{true, head_.seq + 1, id_of(*value)};
    return value;
  }
  static Bytes after(const Head& head, const std::string& rest) {
    std::string value;
    append_prefix(value, head.next_seq(), head.id);
    return bytes(value + "\"rest\":\"" + rest + "\"}");
  }
  const Head& head() const { return head_; }

 private:
  Head head_;
};

}  // namespace groundtruth::journal::testing
