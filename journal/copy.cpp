// See copy.hpp.
#include "journal/copy.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "journal/genesis.hpp"
#include "journal/verify.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::size_t kBatchRecords = 1'000;
constexpr std::size_t kBatchBytes = 1024 * 1024;
constexpr std::size_t kBatchesInFlight = 8;

[[noreturn]] void refuse_copy(Partition partition, const std::string& what) {
  throw CopyRefused(to_string(partition) + ": " + what);
}

// The reports of one partition's batches; outlives a copy that gave up.
class InFlight {
 public:
  void begin() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return missing_ < kBatchesInFlight; });
    ++missing_;
  }
  void ended(const AppendReport& report) {
    const std::lock_guard lock(mutex_);
    if (report.outcome != AppendOutcome::written && failure_.empty())
      failure_ = report.reason.empty() ? "the append failed" : report.reason;
    --missing_;
    changed_.notify_all();
  }
  void await_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return missing_ == 0; });
  }
  std::string failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t missing_ = 0;
  std::string failure_;
};

// The end that a log has now, not what is known of it here.
std::uint64_t asked_end(Journal& journal, Partition partition) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable come;
    std::optional<std::uint64_t> end;
  };
  const auto answer = std::make_shared<Answer>();
  journal.ask_end(partition, [answer](std::uint64_t end) {
    const std::lock_guard lock(answer->mutex);
    answer->end = end;
    answer->come.notify_all();
  });
  std::unique_lock lock(answer->mutex);
  constexpr std::chrono::seconds patience(60);
  if (!answer->come.wait_for(lock, patience, [&] { return answer->end.has_value(); }))
    throw JournalUnavailable(to_string(partition) + ": the log does not say where it ends");
  return *answer->end;
}

class Copy {
 public:
  Copy(const Journal& from, Journal& to, const std::function<void(std::uint64_t, std::uint64_t)>& progress)
      : from_(from), to_(to), progress_(progress) {
    for (std::size_t i = 0; i < kPartitionTotal; ++i) total_ += from_.end_offset(partition_at(i));
  }

  std::uint64_t run() {
    for (std::size_t i = 0; i < kPartitionTotal; ++i) copy(partition_at(i));
    return appended_;
  }

 private:
  void copy(Partition partition) {
    const std::uint64_t end = from_.end_offset(partition);
    const std::uint64_t there = asked_end(to_, partition);
    if (from_.start_offset(partition) != 0)
      refuse_copy(partition, "the source's history does not begin at offset 0");
    if (to_.start_offset(partition) != 0)
      refuse_copy(partition, "the target's history does not begin at offset 0");
    if (there > end)
      refuse_copy(partition, "the target holds " + std::to_string(there) + " records, the source only " +
                                 std::to_string(end) + ": it is no copy of it, or was written since");
    compare(partition, there);
    append(partition, there, end);
    if (asked_end(to_, partition) != end)
      refuse_copy(partition,
                  "the target does not end where the source does: somebody else writes it, or a record came "
                  "twice. Remove it and copy again");
  }

  std::vector<Record> read(const Journal& journal, Partition partition, std::uint64_t from,
                           std::uint64_t end) {
    const auto wanted = std::min<std::uint64_t>(kBatchRecords, end - from);
    auto records = read_patiently(journal, partition, from, wanted, kBatchBytes);
    if (records.empty() || records.front().offset != from)
      refuse_copy(partition, "the record at offset " + std::to_string(from) + " is missing");
    return records;
  }

  // What the target has already.
  void compare(Partition partition, std::uint64_t end) {
    for (std::uint64_t at = 0; at < end;) {
      const auto mine = read(from_, partition, at, end);
      const auto theirs = read(to_, partition, at, end);
      const auto count = std::min(mine.size(), theirs.size());
      for (std::size_t i = 0; i < count; ++i)
        if (mine[i].offset != theirs[i].offset || *mine[i].value != *theirs[i].value)
          refuse_copy(partition, "the record at offset " + std::to_string(at + i) +
                                     " is another one in the target: it is no copy of this journal");
      at += count;
      step(count);
    }
  }

  void append(Partition partition, std::uint64_t from, std::uint64_t end) {
    const auto in_flight = std::make_shared<InFlight>();
    const auto producer = to_.open_producer();
    for (std::uint64_t at = from; at < end && in_flight->failure().empty();) {
      const auto records = read(from_, partition, at, end);
      std::vector<Bytes> batch;
      for (const auto& record : records) {
        if (record.offset != at + batch.size())
          refuse_copy(partition, "the record at offset " + std::to_string(at + batch.size()) + " is missing");
        batch.push_back(record.value);
      }
      at += batch.size();
      in_flight->begin();
      producer->append(partition, std::move(batch),
                       [in_flight](const AppendReport& report) { in_flight->ended(report); });
      step(records.size());
    }
    in_flight->await_all();
    if (const auto failure = in_flight->failure(); !failure.empty())
      throw std::runtime_error(to_string(partition) + ": the target did not take all records (" + failure +
                               "); copy again, it goes on where it stopped");
    appended_ += end - from;
  }

  void step(std::size_t records) {
    done_ += records;
    if (progress_) progress_(done_, total_);
  }

  const Journal& from_;
  Journal& to_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t appended_ = 0;
};

VerifyReport audited(const Journal& journal, const std::string& name) {
  auto report = verify_journal(journal, {});
  if (!report.sound()) throw CopyRefused("the " + name + " is not sound: " + to_string(*report.problem));
  return report;
}

}  // namespace

CopyReport copy_journal(const Journal& from, Journal& to,
                        const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) {
  const auto uuid = check_genesis(from);
  const auto source = audited(from, "source");
  const auto appended = Copy(from, to, progress).run();
  const auto target = audited(to, "target");
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    const auto& mine = source.partitions[i];
    const auto& theirs = target.partitions[i];
    if (mine.head.id != theirs.head.id || mine.records != theirs.records || mine.bytes != theirs.bytes)
      refuse_copy(mine.partition,
                  "the logs differ after the copy: the source was written meanwhile, or the target by "
                  "somebody else. Stop who writes, and copy again");
  }
  return {uuid, target.records, target.commits, target.orphans, target.bytes, appended};
}

}  // namespace groundtruth::journal
