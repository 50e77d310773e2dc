// The last records of a partition in memory: what followers at the end are fed from without touching the
// file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "journal/journal.hpp"

namespace groundtruth::journal {

// Thread-safe. Also says where the partition starts and ends for readers.
class PartitionTail {
 public:
  void open_at(std::uint64_t start, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    start_ = start;
    end_ = end;
  }

  void push(Record record, std::size_t max_records, std::size_t max_bytes) {
    const std::lock_guard lock(mutex_);
    end_ = record.offset + 1;
    bytes_ += record.value->size();
    records_.push_back(std::move(record));
    while (!records_.empty() && (records_.size() > max_records || bytes_ > max_bytes)) {
      bytes_ -= records_.front().value->size();
      records_.pop_front();
    }
  }

  std::uint64_t start() const {
    const std::lock_guard lock(mutex_);
    return start_;
  }
  std::uint64_t end() const {
    const std::lock_guard lock(mutex_);
    return end_;
  }

  // nullopt: `from` is older than what is kept here, and `end` says how far the file may be read instead.
  std::optional<std::vector<Record>> read(std::uint64_t from, std::size_t max_records, std::size_t max_bytes,
                                          std::uint64_t& end) const {
    const std::lock_guard lock(mutex_);
    end = end_;
    std::vector<Record> out;
    if (from >= end_ || max_records == 0) return out;
    const std::uint64_t first = end_ - records_.size();
    if (from < first) return std::nullopt;
    const std::size_t skipped = from - first;
    out.reserve(std::min(max_records, records_.size() - skipped));
    std::size_t bytes = 0;
    for (std::size_t i = skipped; i < records_.size() && out.size() < max_records; ++i) {
      bytes += records_[i].value->size();
      if (!out.empty() && bytes > max_bytes) break;
      out.push_back(records_[i]);
    }
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t start_ = 0;
  std::uint64_t end_ = 0;
  std::deque<Record> records_;
  std::size_t bytes_ = 0;
};

}  // namespace groundtruth::journal
