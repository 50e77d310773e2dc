// A worker's place in the journal: which commits it has looked at, which of them still have something to do,
// and from where to look again after a stop.
//
// Commits come from the node as they are accepted (`observe`). Those that did not come that way, because they
// were appended before the start or because the worker had too much to do already, are read from the journal
// (`read`). The checkpoint is a small file that says how far everything has been done; without it, or with
// one of another journal, the whole journal is looked at again, so what a worker does must bear repetition.
//
// Only partitions that this process has are looked at (`assign`; at first none). One that it gets is looked
// at from the place that this process knows, however old. One that it loses is let go with all that is open
// there, and its place stays where everything before it is done. Each time that it has a partition is a term:
// a job of an earlier one is nobody's, and that it ends says nothing.
//
// Threads: any. `look` is called under the lock and must not call back. Nothing but `read`, `load` and `save`
// touches a file.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "journal/commit.hpp"
#include "journal/duties.hpp"
#include "journal/journal.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::workers {

struct FollowingOptions {
  std::filesystem::path checkpoint_file;
  // Some such text stands in every record of interest; records without any are not decoded when they are read
  // from the journal. That it stands there proves nothing: it may be in a customer's text.
  std::vector<std::string> markers;
  std::size_t lanes = 1;         // 1 … Following::kMaxLanes
  std::size_t max_open = 4'096;  // commits with something to do, in each lane of each partition
  std::size_t shared_open = 0;   // and beyond that in any lane, while fewer than so many are open in all
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class Following {
 public:
  static constexpr std::size_t kMaxLanes = journal::kPartitionsPerTopic;
  using Lanes = std::bitset<kMaxLanes>;
  using LaneJobs = std::array<std::size_t, kMaxLanes>;
  using Term = std::uint64_t;

  // How many jobs the commit makes in each of these lanes; those of other lanes are not to be taken now. Each
  // ends with a call of `finished`, or with its term.
  using LookAtLanes = std::function<LaneJobs(const journal::Accepted&, const Lanes& lanes, Term)>;
  // The same for a worker with one lane.
  using Look = std::function<std::size_t(const journal::Accepted&, Term)>;

  // Journal and codec must outlive it.
  Following(const journal::Journal& journal, const journal::CommitCodec& codec, FollowingOptions options,
            LookAtLanes look);
  Following(const journal::Journal& journal, const journal::CommitCodec& codec, FollowingOptions options,
            Look look);

  void load();                                      // the checkpoint; before anything else
  void assign(const journal::PartitionSet& ours);   // all that this process has now; then `read`
  void observe(const journal::Accepted& accepted);  // for Node::on_accepted

  // Looks at what is in the journal and was not observed, as far as it has been fetched, for lanes of which
  // half is free. True: there is more for such a lane. Throws what reading the journal throws.
  bool read();

  // One job of that commit is done.
  void finished(journal::Position position, Term term, std::size_t lane = 0);
  // Whether a job of that term is still to be done here.
  bool is_ours(journal::Partition partition, Term term) const;

  std::size_t open() const;  // commits with something to do, counted in each lane
  // True when commits wait in the journal to be read, though there may be no room for them.
  bool is_behind() const;

  // Writes the checkpoint where it has moved, and syncs it: without it a loss of power would mean to look at
  // the whole journal again.
  void save();

 private:
  struct Open {
    journal::Checkpoint before;  // where to begin again while this one is not done
    std::uint64_t seq = 0;
    std::size_t jobs = 0;
  };
  struct Lane {
    journal::Checkpoint seen;  // the last accepted commit that was looked at
    std::deque<Open> open;
    std::size_t busy = 0;  // of `open`, those with jobs left
  };
  struct Line {
    explicit Line(std::size_t lanes) : lanes(lanes) {}
    std::vector<Lane> lanes;
    std::uint64_t known = 0;  // seqs below it exist
    bool unread = true;       // the journal may hold more than was read and is known
    bool halted = false;      // the log does not go on from where it was read: the node says so to people
    bool ours = false;
    Term term = 0;
  };

  void let_go(Line& line);
  static const journal::Checkpoint& place_of(const Lane& lane);
  void take(const journal::Accepted& accepted, const Lanes& lanes);
  Lanes lanes_at(const Line& line, std::uint64_t seq) const;
  bool wants_reading(const Line& line, const Lane& lane) const;
  bool wants_reading(const Line& line) const;
  static bool is_behind(const Line& line, const Lane& lane);
  bool read_line(journal::Partition partition);

  const journal::Journal& journal_;
  const journal::CommitCodec& codec_;
  const FollowingOptions options_;
  const LookAtLanes look_;

  mutable std::mutex mutex_;
  std::vector<Line> lines_;  // by journal::index_of
  std::size_t open_ = 0;
  std::size_t first_read_ = 0;  // where the next round of reading begins; of the thread that reads
  bool moved_ = false;          // some line's place is newer than the file
};

}  // namespace groundtruth::workers
