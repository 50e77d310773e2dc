// The auditor (contract in verify.hpp).
#include "journal/verify.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "journal/chain.hpp"
#include "journal/commit.hpp"
#include "journal/durable_file.hpp"
#include "journal/sqlite/db.hpp"
#include "journal/sqlite/log_file.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::size_t kReadRecords = 8192;
constexpr std::size_t kReadBytes = 4 * 1024 * 1024;

constexpr auto kKeepEvidence =
    "Stop every node, keep this journal as evidence, and restore it from a backup or a copy that verifies";

// Enough of an id to tell whether it was seen; 2^-64 is small against the chance of a failing disk.
std::uint64_t short_id(const CommitId& id) {
  std::uint64_t out = 0;
  std::memcpy(&out, id.bytes.data(), sizeof out);
  return out;
}

// Every record that the partition has had so far, by the seq it carries: what a later `prev` may name.
class Seen {
 public:
  void accepted(const CommitId& id) { commits_.push_back(short_id(id)); }
  void orphan(const CommitId& id, std::uint64_t seq) { orphans_.emplace(short_id(id), seq); }

  bool may_follow(const RecordPrefix& prefix) const {
    if (prefix.seq == 0) return prefix.prev == CommitId{};
    const auto before = prefix.seq - 1;
    const auto prev = short_id(prefix.prev);
    if (before < commits_.size() && commits_[before] == prev) return true;
    const auto [first, last] = orphans_.equal_range(prev);
    return std::any_of(first, last, [&](const auto& entry) { return entry.second == before; });
  }

 private:
  std::vector<std::uint64_t> commits_;  // index is the seq
  std::unordered_multimap<std::uint64_t, std::uint64_t> orphans_;
};

class PartitionAudit {
 public:
  PartitionAudit(const Journal& journal, Partition partition, const VerifyOptions& options,
                 VerifyReport& report)
      : journal_(journal), options_(options), report_(report) {
    result_.partition = partition;
  }

  VerifiedPartition run() {
    const auto partition = result_.partition;
    try {
      const auto end = journal_.end_offset(partition);
      next_ = journal_.start_offset(partition);
      if (next_ != 0)
        problem(0, "history starts at offset " + std::to_string(next_) + ": its beginning was cut off",
                kKeepEvidence);
      while (next_ < end) {
        const auto records = read_patiently(journal_, partition, next_, kReadRecords, kReadBytes);
        if (records.empty()) {
          problem(next_,
                  "no record can be read from here, yet the partition ends at offset " + std::to_string(end),
                  kKeepEvidence);
          break;
        }
        for (const auto& record : records) take(record);
        if (options_.progress) options_.progress(partition, next_, end);
      }
      if (end == 0) problem(0, "has no genesis", "Run `groundtruth journal init`, which adds it");
    } catch (const sqlite::Error& error) {
      problem(next_, std::string("the file cannot be read: ") + error.what(),
              error.is_corrupt()
                  ? kKeepEvidence
                  : "Check the disk, copy the file to another one if it can be read, and verify that");
    } catch (const JournalUnavailable& error) {
      problem(next_, std::string("cannot be read now: ") + error.what(),
              "Verify again when the journal answers; nothing is said about what it holds");
    }
    return std::move(result_);
  }

 private:
  void problem(std::uint64_t offset, std::string what, std::string advice) {
    if (!result_.problem) result_.problem = {result_.partition, offset, std::move(what), std::move(advice)};
  }

  void take(const Record& record) {
    if (record.offset != next_)
      problem(next_, "the record is missing; the next one has offset " + std::to_string(record.offset),
              kKeepEvidence);
    next_ = record.offset + 1;
    result_.records += 1;
    result_.bytes += record.value->size();

    const auto link = chain_.feed(*record.value);
    if (link.accepted) {
      seen_.accepted(link.id);
      result_.commits += 1;
      result_.head = chain_.head();
      check_content(record, *link.prefix);
      return;
    }
    result_.orphans += 1;
    if (!link.prefix) {
      problem(record.offset, "this is no record of a groundtruth journal, or its first bytes were altered",
              kKeepEvidence);
      return;
    }
    if (!seen_.may_follow(*link.prefix)) {
      std::string what = "seq " + std::to_string(link.prefix->seq) + " follows commit " +
                         to_hex(link.prefix->prev).substr(0, 16) +
                         "…, which is nowhere before it; the chain ends at ";
      what +=
          chain_.head().exists ? "seq " + std::to_string(chain_.head().seq) : std::string("its beginning");
      problem(record.offset, what + ". A record before this one was altered, swapped or removed",
              kKeepEvidence);
    }
    seen_.orphan(link.id, link.prefix->seq);
  }

  void check_content(const Record& record, const RecordPrefix& prefix) {
    try {
      if (prefix.seq == 0) {
        check_genesis_of(record, decode_genesis(*record.value));
      } else if (options_.decode) {
        options_.decode(result_.partition, record);
      }
    } catch (const sqlite::Error&) {
      throw;
    } catch (const std::exception& error) {
      problem(record.offset, std::string("cannot be read: ") + error.what(),
              "The chain holds, so these bytes are what was written. Use the version of this program that "
              "wrote them");
    }
  }

  void check_genesis_of(const Record& record, const Genesis& genesis) {
    const auto partition = result_.partition;
    if (record.offset != 0) problem(0, "the record at offset 0 is no genesis", kKeepEvidence);
    if (genesis.topic != to_string(partition.topic) || genesis.partition != partition.number ||
        genesis.partitions != kPartitionsPerTopic || genesis.buckets != domain::kBucketCount)
      problem(record.offset,
              "genesis is that of " + genesis.topic + "/" + std::to_string(genesis.partition) + " of " +
                  std::to_string(genesis.partitions) + ", " + std::to_string(genesis.buckets) + " buckets",
              kKeepEvidence);
    if (report_.journal_uuid.empty()) report_.journal_uuid = genesis.journal;
    if (genesis.journal != report_.journal_uuid)
      problem(record.offset, "belongs to journal " + genesis.journal + ", not to " + report_.journal_uuid,
              kKeepEvidence);
  }

  const Journal& journal_;
  const VerifyOptions& options_;
  VerifyReport& report_;
  VerifiedPartition result_;
  std::uint64_t next_ = 0;
  Chain chain_;
  Seen seen_;
};

bool is_unfinished(const VerifyReport& report) {
  return !report.sound() &&
         std::all_of(report.partitions.begin(), report.partitions.end(), [](const VerifiedPartition& each) {
           return each.records == 0 || (each.records == 1 && each.commits == 1 && !each.problem);
         });
}

VerifyReport unreadable(std::string what, std::string advice) {
  VerifyReport report;
  report.problem = {std::nullopt, 0, std::move(what), std::move(advice)};
  return report;
}

}  // namespace

std::string to_string(const VerifyProblem& problem) {
  std::string out;
  if (problem.partition)
    out = to_string(*problem.partition) + " offset " + std::to_string(problem.offset) + ": ";
  return out + problem.what + ". " + problem.advice + ".";
}

VerifyReport verify_journal(const Journal& journal, const VerifyOptions& options) {
  VerifyReport report;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    auto partition = PartitionAudit(journal, partition_at(i), options, report).run();
    report.records += partition.records;
    report.commits += partition.commits;
    report.orphans += partition.orphans;
    report.bytes += partition.bytes;
    if (partition.problem && !report.problem) report.problem = partition.problem;
    report.partitions.push_back(std::move(partition));
  }
  report.unfinished = is_unfinished(report);
  return report;
}

VerifyReport verify_sqlite_journal(SqliteJournalOptions file, const Clock& clock,
                                   const VerifyOptions& options, bool repair_marker) {
  const auto path = file.file;
  auto wal = path;
  wal += "-wal";
  forget_cached(path);
  forget_cached(wal);
  file.ignore_marker = true;
  std::optional<std::string> failed;  // while it was open: opening alone may write
  file.fatal = [&failed](std::string message) { failed = std::move(message); };
  VerifyReport report;
  try {
    const auto journal = SqliteJournal::open(file, clock);
    // Opening has moved the write-ahead log into the file; what is read now must be what the disk holds.
    forget_cached(path);
    report = verify_journal(*journal, options);
  } catch (const UnfinishedJournal& error) {
    report = unreadable(error.what(), "It holds nothing");
    report.unfinished = true;
  } catch (const sqlite::Error& error) {
    return unreadable(error.what(),
                      error.is_corrupt() ? kKeepEvidence : "Check the disk and the file's owner and mode");
  } catch (const std::runtime_error& error) {
    return unreadable(error.what(), "Nothing was read");
  }
  if (failed && !report.problem) report.problem = {std::nullopt, 0, *failed, "Check the disk"};
  const auto marker = SqliteJournal::marker_of(path);
  if (!repair_marker || !std::filesystem::exists(marker)) return report;
  if (report.sound()) remove_durably(marker);
  if (report.unfinished && !failed) {
    remove_durably(marker);
    report.problem->advice =
        "It holds no commit, so the marker of the failed write was removed: run `groundtruth journal init`, "
        "which finishes it. If it ever held more, restore it from a backup instead";
  }
  return report;
}

}  // namespace groundtruth::journal
