// What is kept in memory of one followed partition: what came and was not read yet, and a little of what lies
// before. Private to journal/kafka.
//
// Records come from fetching, or from this process's own appends, whose places the brokers have told:
// whatever comes first is taken.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "journal/record.hpp"

namespace groundtruth::journal::kafka {

struct WindowBounds {
  std::size_t ahead_bytes = 0;  // of values
  std::size_t behind_records = 0;
  std::size_t behind_bytes = 0;
};

// Thread-safe; one thread fetches.
class Window {
 public:
  // True the first time: fetching starts at `from`. Later the reader has moved there.
  // `wants_more`: a window that was full has room again.
  bool follow(std::uint64_t from, const WindowBounds& bounds, bool& wants_more) {
    const std::lock_guard lock(mutex_);
    wants_more = false;
    if (!active_) {
      active_ = true;
      reader_ = next_ = from;
      return true;
    }
    if (from <= reader_) return false;
    reader_ = from;
    while (behind_ < records_.size() && records_[behind_].offset < reader_) {
      const auto size = records_[behind_++].value->size();
      ahead_bytes_ -= size;
      behind_bytes_ += size;
    }
    trim(bounds);
    if (full_ && ahead_bytes_ <= bounds.ahead_bytes / 2) {
      full_ = false;
      wants_more = true;
    }
    return false;
  }

  enum class Pushed : std::uint8_t { known, added, differs };
  // `known`: it was there already, or it lies before what is kept. `differs`: another record was there, of
  // this process and acknowledged; the log's is there now, and what came behind the other is forgotten.
  // `is_full` becomes true once, when the bound is passed; nothing more should be pushed then until `follow`
  // wants more.
  Pushed push(Record record, const WindowBounds& bounds, bool& is_full) {
    const std::lock_guard lock(mutex_);
    is_full = false;
    if (!active_) return Pushed::known;
    auto result = Pushed::added;
    if (record.offset < next_) {
      const auto at = index_of(record.offset);
      const bool is_kept = at < records_.size() && records_[at].offset == record.offset;
      if (!is_kept || *records_[at].value == *record.value) return Pushed::known;
      forget_from(at);
      result = Pushed::differs;
    }
    add(std::move(record), bounds);
    is_full = !full_ && ahead_bytes_ > bounds.ahead_bytes;
    full_ = full_ || is_full;
    return result;
  }

  struct TakenOwn {
    bool some = false;           // there is something new
    bool behind_others = false;  // what lies before the rest is not here, and nobody here wrote it
  };
  // What this process appended, in order. Taken as far as it follows what is there and there is room; what is
  // left is fetched.
  TakenOwn take_own(std::vector<Record> records, const WindowBounds& bounds) {
    const std::lock_guard lock(mutex_);
    TakenOwn taken;
    own_ += records.size();
    for (auto& record : records) {
      if (record.offset < next_) continue;  // fetched meanwhile
      if (!active_ || full_ || ahead_bytes_ > bounds.ahead_bytes / 2) break;
      taken.behind_others = record.offset > next_;
      if (taken.behind_others) break;
      add(std::move(record), bounds);
      taken.some = true;
    }
    return taken;
  }

  // nullopt: it lies before what is kept, or nothing is followed here.
  std::optional<std::vector<Record>> read(std::uint64_t from, std::size_t max_records,
                                          std::size_t max_bytes) const {
    const std::lock_guard lock(mutex_);
    if (!active_) return std::nullopt;
    std::vector<Record> out;
    if (from >= next_) return out;
    if (records_.empty() || from < records_.front().offset) return std::nullopt;
    std::size_t bytes = 0;
    for (auto i = index_of(from); i < records_.size() && out.size() < max_records; ++i) {
      bytes += records_[i].value->size();
      if (!out.empty() && bytes > max_bytes) break;
      out.push_back(records_[i]);
    }
    return out;
  }

  std::uint64_t next() const {
    const std::lock_guard lock(mutex_);
    return next_;
  }

  struct Place {
    bool active = false;
    bool full = false;
    std::uint64_t next = 0;  // the offset to be fetched
    std::uint64_t own = 0;   // how many records this process appended
    std::optional<Record> last;
  };
  Place place() const {
    const std::lock_guard lock(mutex_);
    Place out{active_, full_, next_, own_, std::nullopt};
    if (!records_.empty()) out.last = records_.back();
    return out;
  }

  // The log holds another record there than was fetched: readers see it from now on. False: it is not kept.
  bool replace(const Record& record) {
    const std::lock_guard lock(mutex_);
    const auto at = index_of(record.offset);
    if (at == records_.size() || records_[at].offset != record.offset) return false;
    auto& bytes = at < behind_ ? behind_bytes_ : ahead_bytes_;
    bytes -= records_[at].value->size();
    bytes += record.value->size();
    records_[at] = record;
    return true;
  }

 private:
  void add(Record record, const WindowBounds& bounds) {
    next_ = record.offset + 1;
    const auto size = record.value->size();
    const bool is_behind = record.offset < reader_;
    (is_behind ? behind_bytes_ : ahead_bytes_) += size;
    records_.push_back(std::move(record));
    if (is_behind) behind_ = records_.size();
    trim(bounds);
  }
  void forget_from(std::size_t at) {
    while (records_.size() > at) {
      const bool is_behind = behind_ == records_.size();
      (is_behind ? behind_bytes_ : ahead_bytes_) -= records_.back().value->size();
      if (is_behind) --behind_;
      records_.pop_back();
    }
  }
  // The first one at or behind `offset`. Offsets are dense unless the log holds what no producer of ours
  // wrote.
  std::size_t index_of(std::uint64_t offset) const {
    const auto found =
        std::lower_bound(records_.begin(), records_.end(), offset,
                         [](const Record& record, std::uint64_t at) { return record.offset < at; });
    return static_cast<std::size_t>(found - records_.begin());
  }
  void trim(const WindowBounds& bounds) {
    while (behind_ > bounds.behind_records || (behind_ > 1 && behind_bytes_ > bounds.behind_bytes)) {
      behind_bytes_ -= records_.front().value->size();
      records_.pop_front();
      --behind_;
    }
  }

  mutable std::mutex mutex_;
  bool active_ = false;
  bool full_ = false;
  std::uint64_t reader_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t own_ = 0;
  std::deque<Record> records_;
  std::size_t behind_ = 0;  // how many of them lie before the reader
  std::size_t behind_bytes_ = 0;
  std::size_t ahead_bytes_ = 0;
};

}  // namespace groundtruth::journal::kafka
