// Read models as operators see them: which there are, where they stand, and what they hold as one number. The
// server's handlers and the command line without a server say the same through this file.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "projections/projector.hpp"

namespace groundtruth::ops {

struct ProjectionRow {
  std::string name;
  int version = 0;
  std::uint64_t generation = 0;  // moves on with each rebuild in this process
  std::uint64_t commits = 0;     // that it has seen, over all partitions
  std::uint64_t lag = 0;         // accepted commits that it does not have yet
  std::string failed;            // "" while all is well
};
BOOST_DESCRIBE_STRUCT(ProjectionRow, (), (name, version, generation, commits, lag, failed))

struct ProjectionList {
  std::vector<ProjectionRow> projections;
};
BOOST_DESCRIBE_STRUCT(ProjectionList, (), (projections))

// `heads`: the seq of each partition's head, by index_of; -1 where it is empty.
using Heads = std::array<std::int64_t, journal::kPartitionTotal>;
ProjectionList list_projections(const projections::Projector& projector, const Heads& heads);

struct ProjectionDigest {
  std::string name;
  int version = 0;
  std::string digest;
  std::map<std::string, std::uint64_t> positions;  // "tasks/3" -> seq
};
BOOST_DESCRIBE_STRUCT(ProjectionDigest, (), (name, version, digest, positions))

struct DigestReport {
  std::string journal;  // its UUID
  std::vector<ProjectionDigest> projections;
};
BOOST_DESCRIBE_STRUCT(DigestReport, (), (journal, projections))

// Walks every read model: seconds for millions of rows. Blocks; throws sqlite::Error.
DigestReport digest_projections(projections::Projector& projector);

}  // namespace groundtruth::ops
