// The journal as operators see it: where each partition stands, and its commits byte for byte. The server's
// handlers and the command line without a server say the same through this file.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "journal/chain.hpp"
#include "journal/journal.hpp"

namespace groundtruth::ops {

// --- stat

struct PartitionStat {
  std::string topic;
  std::uint16_t partition = 0;
  std::uint64_t seq = 0;
  std::string id;  // of the head, 64 hex digits
  std::uint64_t orphans = 0;
};
BOOST_DESCRIBE_STRUCT(PartitionStat, (), (topic, partition, seq, id, orphans))

struct JournalStat {
  std::vector<PartitionStat>
      partitions;  // in the order of topics and numbers; those without genesis are left out
};
BOOST_DESCRIBE_STRUCT(JournalStat, (), (partitions))

PartitionStat partition_stat(journal::Partition partition, const journal::Head& head, std::uint64_t orphans);

// Records read so far, and how many there are.
using ReadProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Follows every chain from genesis: reads the whole journal. A running server knows all this already.
JournalStat stat_by_reading(const journal::Journal& journal, const ReadProgress& progress);

// --- cat

// The accepted commits of one partition up to the end that it had at the start, one a line, exactly as they
// stand; or raw: every record, orphans too, as "OFFSET SIZE VALUE", for an auditor who applies the chain rule
// himself.
class CommitStream {
 public:
  CommitStream(const journal::Journal& journal, journal::Partition partition, bool raw);

  // Appends the next piece, at least one line unless at the end; false: there is nothing left.
  bool next(std::string& out);

 private:
  const journal::Journal* journal_;
  journal::Partition partition_;
  bool raw_;
  std::uint64_t offset_ = 0;
  const std::uint64_t end_;
  journal::Chain chain_;
};

}  // namespace groundtruth::ops
