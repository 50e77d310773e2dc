// The audit of a journal as operators read it. The server's handler and the command line without a server say
// the same through this file.
#pragma once

#include <boost/describe.hpp>
#include <functional>
#include <string>
#include <vector>

#include "api/ops/streaming.hpp"
#include "journal/commit.hpp"
#include "journal/key_audit.hpp"
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
  std::vector<std::string> notes;  // what an operator should know, and what mends itself
};
BOOST_DESCRIBE_STRUCT(VerifyView, (),
                      (sound, journal, records, commits, orphans, bytes, problem, partitions, notes))

VerifyView view_of(const journal::VerifyReport& report);

// What came out of holding the data keys against a journal that is sound. A loss makes the view unsound.
// `place` names the key store, for people.
void add_findings(VerifyView& view, const journal::KeyFindings& found, const std::string& place);

// Options that count records over all partitions as they are read. `total` is the number of records to come.
using VerifyProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;
journal::VerifyOptions counting_options(std::uint64_t total, VerifyProgress progress);

std::uint64_t records_in(const journal::Journal& journal);

// Audits the journal under a running server: chain, genesis, that this program reads every commit, and that
// the keys are there with which it was sealed.
void verify_live(const journal::Journal& journal, const journal::CommitCodec& codec, Report& report);

}  // namespace groundtruth::ops
