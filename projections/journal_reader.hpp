// All partitions of a journal, from offset 0, as accepted commits in the order of their time: what a rebuild
// reads.
//
// Chains are read side by side and merged by `at`, so that rows come in about the order in which they came
// live: tables whose keys sort by time then grow at their end.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "journal/chain.hpp"
#include "journal/commit.hpp"
#include "journal/journal.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::projections {

// Not thread-safe, but `read_ahead` uses a second thread within itself.
class JournalReader {
 public:
  using Take = std::function<void(std::vector<journal::Accepted>)>;

  JournalReader(const journal::Journal& journal, const journal::CommitCodec& codec,
                std::size_t batch_commits);

  // Reads from where it stands to the end that the journal has at the call. Throws what the journal, the
  // codec or `take` throws; a commit that cannot be decoded is named.
  void read_here(const Take& take);
  // The same, reading and decoding on a thread of its own while `take` runs on the caller's.
  void read_ahead(const Take& take);

  std::uint64_t records() const { return records_; }  // read so far, orphans included
  std::uint64_t end_records() const;                  // in the journal now
  std::uint64_t behind() const;

 private:
  struct Decoded {
    journal::Accepted accepted;
    std::size_t bytes = 0;  // of its record
  };
  struct Source {
    journal::Chain chain;
    std::uint64_t next_offset = 0;
    std::uint64_t end_offset = 0;  // of this round
    std::deque<Decoded> decoded;
  };

  void begin_round();
  bool next_batch(std::vector<journal::Accepted>& batch);
  bool refill(std::size_t index);

  const journal::Journal& journal_;
  const journal::CommitCodec& codec_;
  const std::size_t batch_commits_;
  std::array<Source, journal::kPartitionTotal> sources_;
  struct Next {
    std::int64_t at;
    std::size_t index;
    friend bool operator>(const Next& a, const Next& b) {
      return a.at != b.at ? a.at > b.at : a.index > b.index;
    }
  };
  std::vector<Next> heap_;  // the oldest waiting commit of each partition, oldest first
  std::atomic<std::uint64_t> records_{0};
};

}  // namespace groundtruth::projections
