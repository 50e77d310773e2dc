// Merging the chains of a journal (contract in journal_reader.hpp).
#include "projections/journal_reader.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace groundtruth::projections {
namespace {

using journal::Accepted;
using journal::kPartitionTotal;

constexpr std::size_t kReadRecords = 256;
constexpr std::size_t kReadBytes = 512 * 1024;         // of each partition, decoded in memory
constexpr std::size_t kBatchBytes = 32 * 1024 * 1024;  // of records, about, in one batch

std::int64_t time_of(const Accepted& accepted) {
  return accepted.commit ? accepted.commit->at.ms : 0;
}

// One batch in hand-over, one in the reader's hands and one in the taker's, who may keep another at work:
// memory is bounded by four.
class HandOver {
 public:
  bool put(std::vector<Accepted> batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !batch_ || stopped_; });
    if (stopped_) return false;
    batch_ = std::move(batch);
    changed_.notify_all();
    return true;
  }
  void end(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    ended_ = true;
    changed_.notify_all();
  }
  std::optional<std::vector<Accepted>> get() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batch_ || ended_; });
    if (!batch_) {
      if (failure_) std::rethrow_exception(failure_);
      return std::nullopt;
    }
    auto batch = std::exchange(batch_, std::nullopt);
    changed_.notify_all();
    return batch;
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::vector<Accepted>> batch_;
  std::exception_ptr failure_;
  bool ended_ = false, stopped_ = false;
};

}  // namespace

JournalReader::JournalReader(const journal::Journal& journal, const journal::CommitCodec& codec,
                             std::size_t batch_commits)
    : journal_(journal), codec_(codec), batch_commits_(batch_commits) {}

std::uint64_t JournalReader::end_records() const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) total += journal_.end_offset(journal::partition_at(i));
  return total;
}

std::uint64_t JournalReader::behind() const {
  const auto end = end_records(), read = records();
  return end > read ? end - read : 0;
}

void JournalReader::begin_round() {
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    const auto partition = journal::partition_at(i);
    if (journal_.start_offset(partition) > 0)
      throw std::runtime_error(journal::to_string(partition) + " of the journal begins at offset " +
                               std::to_string(journal_.start_offset(partition)) +
                               ": history before it was deleted");
    sources_[i].end_offset = journal_.end_offset(partition);
    if (refill(i)) heap_.push_back({time_of(sources_[i].decoded.front().accepted), i});
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

// False at the end of the round.
bool JournalReader::refill(std::size_t index) {
  auto& source = sources_[index];
  const auto partition = journal::partition_at(index);
  while (source.decoded.empty() && source.next_offset < source.end_offset) {
    const auto wanted = std::min<std::uint64_t>(kReadRecords, source.end_offset - source.next_offset);
    const auto records = journal::read_patiently(journal_, partition, source.next_offset, wanted, kReadBytes);
    if (records.empty()) throw std::runtime_error(journal::to_string(partition) + " ends before its end");
    for (const auto& record : records) {
      if (record.offset != source.next_offset)
        throw std::runtime_error(journal::to_string(partition) + ": offset " +
                                 std::to_string(source.next_offset) + " is missing");
      ++source.next_offset;
      ++records_;
      const auto link = source.chain.feed(*record.value);
      if (!link.accepted) continue;
      Accepted accepted{partition, record.offset, link.prefix->seq, link.id, nullptr, nullptr};
      try {
        if (accepted.seq > 0)
          accepted.commit = std::make_shared<const journal::Commit>(codec_.decode(*record.value));
      } catch (const journal::UnreadableCommit& error) {
        throw std::runtime_error(journal::to_string(partition) + ", commit " + std::to_string(accepted.seq) +
                                 " cannot be read: " + error.what());
      }
      source.decoded.push_back({std::move(accepted), record.value->size()});
    }
  }
  return !source.decoded.empty();
}

bool JournalReader::next_batch(std::vector<Accepted>& batch) {
  batch.clear();
  std::size_t bytes = 0;
  while (batch.size() < batch_commits_ && bytes < kBatchBytes && !heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    auto& [at, index] = heap_.back();
    auto& source = sources_[index];
    bytes += source.decoded.front().bytes;
    batch.push_back(std::move(source.decoded.front().accepted));
    source.decoded.pop_front();
    if (source.decoded.empty() && !refill(index)) {
      heap_.pop_back();
    } else {
      at = time_of(source.decoded.front().accepted);
      std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    }
  }
  return !batch.empty();
}

void JournalReader::read_here(const Take& take) {
  begin_round();
  for (std::vector<Accepted> batch; next_batch(batch);) take(std::move(batch));
}

void JournalReader::read_ahead(const Take& take) {
  HandOver hand_over;
  std::thread decoder([&] {
    try {
      begin_round();
      for (std::vector<Accepted> batch; next_batch(batch);)
        if (!hand_over.put(std::move(batch))) break;
      hand_over.end(nullptr);
    } catch (...) {
      hand_over.end(std::current_exception());
    }
  });
  try {
    while (auto batch = hand_over.get()) take(std::move(*batch));
  } catch (...) {
    hand_over.stop();
    decoder.join();
    throw;
  }
  decoder.join();
}

}  // namespace groundtruth::projections
