// The audit of a journal as operators read it. The server's handler and the command line without a server say
// the same through this file.
#pragma once

#include <boost/describe.hpp>
#include <functional>
#include <string>
#include <vector>

#include "api/ops/streaming.hpp"
#include "journal/commit.hpp"
#include "journal/verify.hpp"

namespace groundtruth::ops {

struct VerifiedRow {
  std::string partition;  // "tasks/3"
  std::uint64_t commits = 0, orphans = 0, bytes = 0;
  std::optional<std::uint64_t> seq;  // of the head
  std::string id;
  std::optional<std::string> problem;
};
BOOST_DESCRIBE_STRUCT(VerifiedRow, (), (partition, commits, orphans, bytes, seq, id, problem))

struct VerifyView {
  bool sound = false;
  std::string journal;  // its UUID, "" when no genesis could be read
  std::uint64_t records = 0, commits = 0, orphans = 0, bytes = 0;
  std::optional<std::string> problem;  // the first one, with what to do
  std::vector<VerifiedRow> partitions;
};
BOOST_DESCRIBE_STRUCT(VerifyView, (), (sound, journal, records, commits, orphans, bytes, problem, partitions))

VerifyView view_of(const journal::VerifyReport& report);

// Options that count records over all partitions as they are read. `total` is the number of records to come.
using VerifyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;
journal::VerifyOptions counting_options(std::uint64_t total, VerifyProgress progress);

std::uint64_t records_in(const journal::Journal& journal);

// Audits the journal under a running server: chain, genesis, and that this program reads every commit.
void verify_live(const journal::Journal& journal, const journal::CommitCodec& codec, Report& report);

}  // namespace groundtruth::ops
