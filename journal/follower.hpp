// Reads one partition from a checkpoint on, applies the chain rule and hands on what it accepts (JOURNAL,
// "Follower").
//
// Not thread-safe: its owner calls `poll` when there may be something new. It never skips an accepted record.
// It halts, for good and with the evidence in words, when the log does not continue what was read before:
// then history was cut or swapped, and a person decides.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include "journal/chain.hpp"
#include "journal/journal.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::journal {

class FollowerSink {
 public:
  virtual ~FollowerSink() = default;
  // The id of the record's bytes; a sink that hashed them before may say what it knows.
  virtual CommitId id_of_record(const Record& record) { return id_of(*record.value); }
  virtual void accepted(const Record& record, const Link& link) = 0;
  virtual void orphaned(const Record& record, const Link& link) = 0;
  virtual void halted(const std::string& evidence) = 0;
};

template <class Rules = ProtocolRules>
class BasicFollower {
 public:
  BasicFollower(Partition partition, const Journal& journal, FollowerSink& sink)
      : partition_(partition), journal_(journal), sink_(sink) {}

  // Starts behind `checkpoint`, after making sure that the log still holds that very record. Where it has not
  // been fetched yet, the first `poll` that finds it looks.
  void start(const Checkpoint& checkpoint) {
    if (journal_.start_offset(partition_) > 0)
      return halt("the log begins at offset " + std::to_string(journal_.start_offset(partition_)) +
                  ": records before it were deleted");
    if (!checkpoint.exists) return;
    next_offset_ = checkpoint.offset + 1;
    const auto found = journal_.read(partition_, checkpoint.offset, 1);
    if (Rules::kHaltOnTruncation) {
      if (found.empty() && journal_.end_offset(partition_) <= checkpoint.offset)
        return halt("this reader stands at offset " + std::to_string(checkpoint.offset) +
                    ", but the log ends before it: history was cut");
      if (!found.empty() && id_of(*found.front().value) != checkpoint.id)
        return halt("the record at offset " + std::to_string(checkpoint.offset) +
                    " is not the one that was read there before: history was changed");
    }
    chain_ = BasicChain<Rules>(Head{true, checkpoint.seq, checkpoint.id});
    remember(checkpoint.id);
  }

  // Reads at most `max_records`; true when there was something, so that more may follow. May throw
  // JournalUnavailable: then it stands where it got to, and may be called again.
  bool poll(std::size_t max_records) {
    if (halted_) return false;
    poll_began_ = next_offset_;
    checked_ = false;
    if (Rules::kHaltOnTruncation && journal_.end_offset(partition_) < next_offset_) {
      halt("this reader has read up to offset " + std::to_string(next_offset_) +
           ", but the log now ends at " + std::to_string(journal_.end_offset(partition_)) +
           ": history was cut");
      return false;
    }
    // The record before comes along: a log that was cut and has grown again is told by it, and by nothing
    // else.
    const std::uint64_t overlap = next_offset_ > 0 ? 1 : 0;
    auto records = journal_.read(partition_, next_offset_ - overlap, max_records + overlap);
    if (overlap) {
      if (records.empty()) return false;  // the log has it, see above, but it has not been fetched yet
      if (Rules::kHaltOnTruncation && id_of(*records.front().value) != recent_.back()) {
        halt("the record at offset " + std::to_string(next_offset_ - 1) +
             " is not the one that was read there before: history was cut or changed");
        return false;
      }
      records.erase(records.begin());
    }
    for (const auto& record : records) {
      if (record.offset != next_offset_) {
        halt("offset " + std::to_string(next_offset_) + " is missing; the log continues at " +
             std::to_string(record.offset));
        return false;
      }
      take(record);
      if (halted_) return false;
    }
    return !records.empty();
  }

  // Whether the log still holds what was read last, record for record; halts where it does not. `poll` looks
  // at one record only, and a writer that appends its bytes again can put that very one back in its old place
  // in a log that lost those before it. May block and throw JournalUnavailable.
  bool unchanged() { return unchanged_before(next_offset_, Source::stored); }

  const Head& head() const { return chain_.head(); }
  std::uint64_t next_offset() const { return next_offset_; }
  std::uint64_t orphans() const { return orphans_; }
  bool halted() const { return halted_; }

 private:
  // How far back an orphan's predecessor is looked for, and how far behind the head an orphan must be to be
  // plainly a late one: a stale writer's pipeline is bounded well below this.
  static constexpr std::uint64_t kLookBack = 4'096;
  // Read again where something looks wrong. More than a poll takes, so that what was read before it is there.
  static constexpr std::size_t kRecent = 1'024;

  enum class Source : std::uint8_t { kept, stored };

  void take(const Record& record) {
    const auto before = chain_;
    const Link link = chain_.feed(*record.value, sink_.id_of_record(record));
    if (!link.accepted && Rules::kHaltOnTruncation && link.prefix) {
      // Somebody goes on beyond our head on another one: a writer that lost a race, or all the others, on a
      // log that is not what we read.
      if (link.prefix->seq >= head().next_seq() && !checked_ && !unchanged_before(poll_began_, Source::kept))
        return;
      if (!was_read_lately(*link.prefix) && !stands_further_back(link.prefix->prev))
        return halt("the record at offset " + std::to_string(record.offset) + " follows a commit (" +
                    to_hex(link.prefix->prev).substr(0, 16) +
                    "…) that this log does not hold: records before it were cut or changed");
    }
    ++next_offset_;
    remember(link.id);
    if (link.accepted) {
      try {
        sink_.accepted(record, link);
      } catch (const JournalUnavailable&) {  // what it needs cannot be had now: the same record again, later
        chain_ = before;
        --next_offset_;
        recent_.pop_back();
        throw;
      }
    } else {
      ++orphans_;
      sink_.orphaned(record, link);
    }
  }

  bool unchanged_before(std::uint64_t end, Source source) {
    if (!Rules::kHaltOnTruncation) return true;
    checked_ = true;
    const std::uint64_t from = next_offset_ - recent_.size();
    std::uint64_t offset = from;
    while (offset < end) {
      const auto records = source == Source::stored ? journal_.read_stored(partition_, offset, end - offset)
                                                    : journal_.read(partition_, offset, end - offset);
      bool differs = records.empty();
      for (const auto& record : records) {
        differs = differs || id_of(*record.value) != recent_[offset - from];
        if (!differs) ++offset;
      }
      if (!differs) continue;
      halt("the record at offset " + std::to_string(offset) +
           " is not the one that was read there before: history was cut or changed");
      return false;
    }
    return true;
  }

  bool was_read_lately(const RecordPrefix& prefix) const {
    if (prefix.prev == CommitId{}) return true;  // another genesis: a race that the chain settled
    if (prefix.seq + kLookBack <= head().next_seq()) return true;
    return std::find(recent_.begin(), recent_.end(), prefix.prev) != recent_.end();
  }

  bool stands_further_back(const CommitId& prev) const {
    const std::uint64_t end = next_offset_ - recent_.size();
    for (std::uint64_t offset = end > 2 * kLookBack ? end - 2 * kLookBack : 0; offset < end;) {
      const auto records = journal_.read(partition_, offset, 256);
      if (records.empty()) break;
      for (const auto& record : records)
        if (record.offset < end && id_of(*record.value) == prev) return true;
      offset = records.back().offset + 1;
    }
    return false;
  }

  void remember(const CommitId& id) {
    recent_.push_back(id);
    if (recent_.size() > kRecent) recent_.pop_front();
  }

  void halt(std::string evidence) {
    halted_ = true;
    sink_.halted(to_string(partition_) + ": " + evidence);
  }

  Partition partition_;
  const Journal& journal_;
  FollowerSink& sink_;
  BasicChain<Rules> chain_;
  std::uint64_t next_offset_ = 0;
  std::uint64_t orphans_ = 0;
  bool halted_ = false;
  std::deque<CommitId> recent_;  // ids of what stands before next_offset_, orphans too
  std::uint64_t poll_began_ = 0;
  bool checked_ = false;  // `recent_` was compared with the log in this poll
};
using Follower = BasicFollower<>;

}  // namespace groundtruth::journal
