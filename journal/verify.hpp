// The auditor: reads a whole journal and says whether it is the history that was written (JOURNAL,
// "Auditor").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "journal/ports.hpp"
#include "journal/sqlite/sqlite_journal.hpp"

namespace groundtruth::journal {

struct VerifyProblem {
  std::optional<Partition> partition;  // nullopt: the journal as a whole
  std::uint64_t offset = 0;
  std::string what;
  std::string advice;  // what a person should do
};
std::string to_string(const VerifyProblem& problem);  // "tasks/3 offset 1234: what. advice"

struct VerifiedPartition {
  Partition partition;
  std::uint64_t records = 0;
  std::uint64_t commits = 0;  // accepted, genesis included
  std::uint64_t orphans = 0;
  std::uint64_t bytes = 0;
  Head head;
  std::optional<VerifyProblem> problem;  // the first one; reading went on where it could
};

struct VerifyReport {
  std::string journal_uuid;  // "" when no genesis could be read
  std::vector<VerifiedPartition> partitions;
  std::optional<VerifyProblem> problem;  // the first one in the order of partitions
  std::uint64_t records = 0;
  std::uint64_t commits = 0;
  std::uint64_t orphans = 0;
  std::uint64_t bytes = 0;
  // No partition holds more than its genesis, and some not even that: the journal was being made, and nothing
  // was ever acknowledged.
  bool unfinished = false;
  bool sound() const { return !problem.has_value(); }
};

struct VerifyOptions {
  // Called with every accepted record except genesis; what it throws is the problem at that record.
  std::function<void(Partition, const Record&)> decode;
  // Called about every 4 MiB and after each partition.
  std::function<void(Partition, std::uint64_t next_offset, std::uint64_t end_offset)> progress;
};

// Uses memory for 8 bytes a commit of one partition at a time, and a little more for each orphan. Never
// throws for what the journal holds; it may change while it is read: each partition is read to the end that
// it has at the start.
VerifyReport verify_journal(const Journal& journal, const VerifyOptions& options);

// The same for a journal's file, which no other process may have open; a file that SQLite cannot open or read
// is a problem in the report. Reads in spite of the marker of a failed write, from the disk and not from the
// kernel's copy, and with `repair_marker` removes the marker when all is sound, or where the journal was
// never finished: `init`, which can finish it, refuses it as long as the marker stands.
VerifyReport verify_sqlite_journal(SqliteJournalOptions file, const Clock& clock,
                                   const VerifyOptions& options, bool repair_marker);

}  // namespace groundtruth::journal
