// See following.hpp.
#include "workers/following/following.hpp"

#include <algorithm>
#include <stdexcept>

#include "journal/follower.hpp"
#include "workers/following/place_file.hpp"

namespace groundtruth::workers {
namespace {

constexpr std::size_t kReadRecords = 512;

std::uint64_t next_seq(const journal::Checkpoint& seen) {
  return seen.exists ? seen.seq + 1 : 0;
}

// Collects what a follower accepts, decoded where it may be of interest.
class Collector final : public journal::FollowerSink {
 public:
  Collector(journal::Partition partition, const journal::CommitCodec& codec,
            const std::vector<std::string>& markers)
      : partition_(partition), codec_(codec), markers_(markers) {}

  std::vector<journal::Accepted> collected;
  bool is_halted = false;

  void accepted(const journal::Record& record, const journal::Link& link) override {
    journal::Accepted accepted{partition_, record.offset, link.prefix->seq, link.id, record.value, nullptr};
    const bool is_marked = std::any_of(markers_.begin(), markers_.end(), [&](const std::string& marker) {
      return record.value->find(marker) != std::string::npos;
    });
    if (is_marked) accepted.commit = std::make_shared<const journal::Commit>(codec_.decode(*record.value));
    collected.push_back(std::move(accepted));
  }
  void orphaned(const journal::Record&, const journal::Link&) override {}
  void halted(const std::string&) override { is_halted = true; }

 private:
  journal::Partition partition_;
  const journal::CommitCodec& codec_;
  const std::vector<std::string>& markers_;
};

}  // namespace

Following::Following(const journal::Journal& journal, const journal::CommitCodec& codec,
                     FollowingOptions options, LookAtLanes look)
    : journal_(journal),
      codec_(codec),
      options_(std::move(options)),
      look_(std::move(look)),
      lines_(journal::kPartitionTotal, Line(options_.lanes)) {
  if (options_.lanes < 1 || options_.lanes > kMaxLanes || options_.max_open < 1)
    throw std::invalid_argument("a follower has 1 to 16 lanes with room for at least one commit each");
}

Following::Following(const journal::Journal& journal, const journal::CommitCodec& codec,
                     FollowingOptions options, Look look)
    : Following(
          journal, codec, std::move(options),
          LookAtLanes([look = std::move(look)](const journal::Accepted& accepted, const Lanes&, Term term) {
            LaneJobs jobs{};
            jobs[0] = look(accepted, term);
            return jobs;
          })) {}

void Following::load() {
  const auto kept = read_places(options_.checkpoint_file, codec_.journal_uuid());
  const std::lock_guard lock(mutex_);
  for (const auto& each : kept) {
    auto& lanes = lines_[journal::index_of(each.partition)].lanes;
    for (std::size_t i = 0; i < lanes.size(); ++i)
      if (!each.lane || *each.lane == i) lanes[i].seen = each.place;
  }
}

void Following::assign(const journal::PartitionSet& ours) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
    Line& line = lines_[i];
    if (line.ours == ours[i]) continue;
    line.ours = ours[i];
    if (line.ours) {
      ++line.term;
      line.unread = true;
    } else {
      let_go(line);
    }
  }
}

// With the mutex held.
void Following::let_go(Line& line) {
  for (auto& lane : line.lanes) {
    lane.seen = place_of(lane);
    lane.open.clear();
    open_ -= std::exchange(lane.busy, 0);
  }
}

// Everything before it is done, and it too.
const journal::Checkpoint& Following::place_of(const Lane& lane) {
  return lane.open.empty() ? lane.seen : lane.open.front().before;
}

void Following::observe(const journal::Accepted& accepted) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[journal::index_of(accepted.partition)];
  line.known = std::max(line.known, accepted.seq + 1);
  take(accepted, lanes_at(line, accepted.seq));
}

// With the mutex held: the lanes that would look at this commit next, and have room.
Following::Lanes Following::lanes_at(const Line& line, std::uint64_t seq) const {
  Lanes lanes;
  const bool has_more_room = open_ < options_.shared_open;
  for (std::size_t i = 0; line.ours && i < line.lanes.size(); ++i)
    lanes[i] =
        next_seq(line.lanes[i].seen) == seq && (has_more_room || line.lanes[i].busy < options_.max_open);
  return lanes;
}

// With the mutex held.
void Following::take(const journal::Accepted& accepted, const Lanes& lanes) {
  if (lanes.none()) return;
  Line& line = lines_[journal::index_of(accepted.partition)];
  const LaneJobs jobs = accepted.commit ? look_(accepted, lanes, line.term) : LaneJobs{};
  for (std::size_t i = 0; i < line.lanes.size(); ++i) {
    if (!lanes[i]) continue;
    Lane& lane = line.lanes[i];
    const journal::Checkpoint before = lane.seen;
    lane.seen = {true, accepted.offset, accepted.seq, accepted.id};
    if (jobs[i] > 0) {
      lane.open.push_back({before, accepted.seq, jobs[i]});
      ++lane.busy;
      ++open_;
    } else if (lane.open.empty()) {
      moved_ = true;
    }
  }
}

// What cannot be read ends this round, for the next ones may wait as long; the next round begins behind it.
bool Following::read() {
  bool more = false;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
    const std::size_t at = first_read_;
    first_read_ = (at + 1) % journal::kPartitionTotal;
    more = read_line(journal::partition_at(at)) || more;
  }
  return more;
}

// From the place that is farthest behind, for all lanes that it comes upon. The journal is read without the
// lock; whatever was observed meanwhile is passed over by its seq.
bool Following::read_line(journal::Partition partition) {
  Line& line = lines_[journal::index_of(partition)];
  std::optional<journal::Checkpoint> from;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& lane : line.lanes)
      if (wants_reading(line, lane) && (!from || next_seq(lane.seen) < next_seq(*from))) from = lane.seen;
  }
  if (!from) return false;
  const std::uint64_t end_offset = journal_.end_offset(partition);
  Collector collector(partition, codec_, options_.markers);
  journal::Follower follower(partition, journal_, collector);
  follower.start(*from);
  while (!collector.is_halted && collector.collected.empty() && follower.poll(kReadRecords)) {
  }

  const std::lock_guard lock(mutex_);
  if (collector.is_halted) {
    // A checkpoint of another history is forgotten, and all is looked at again. A broken history, or one that
    // broke under what is still open, is not read on.
    const bool is_open = std::any_of(line.lanes.begin(), line.lanes.end(),
                                     [](const Lane& lane) { return !lane.open.empty(); });
    line.halted = !from->exists || is_open;
    if (line.halted) return false;
    line.lanes = Line(options_.lanes).lanes;
    line.known = 0;
    line.unread = true;
    return line.ours;
  }
  for (const auto& accepted : collector.collected) {
    line.known = std::max(line.known, accepted.seq + 1);
    take(accepted, lanes_at(line, accepted.seq));
  }
  if (follower.next_offset() >= end_offset) line.unread = false;
  // What has not been fetched yet is observed, or read after the next one that is.
  const bool moved = follower.next_offset() > (from->exists ? from->offset + 1 : 0);
  return moved && wants_reading(line);
}

// These three with the mutex held. A lane is read for only when half of it is free, so that a few hundred
// records are not read for each job that is done.
bool Following::is_behind(const Line& line, const Lane& lane) {
  return line.ours && !line.halted && (line.unread || line.known > next_seq(lane.seen));
}

bool Following::wants_reading(const Line& line, const Lane& lane) const {
  return is_behind(line, lane) && lane.busy <= options_.max_open / 2;
}

bool Following::wants_reading(const Line& line) const {
  return std::any_of(line.lanes.begin(), line.lanes.end(),
                     [&](const Lane& lane) { return wants_reading(line, lane); });
}

void Following::finished(journal::Position position, Term term, std::size_t lane_number) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[journal::index_of(position.partition)];
  Lane& lane = line.lanes.at(lane_number);
  if (line.term != term) return;
  const auto found = std::lower_bound(lane.open.begin(), lane.open.end(), position.seq,
                                      [](const Open& open, std::uint64_t seq) { return open.seq < seq; });
  if (found == lane.open.end() || found->seq != position.seq || found->jobs == 0) return;
  if (--found->jobs == 0) {
    --lane.busy;
    --open_;
  }
  while (!lane.open.empty() && lane.open.front().jobs == 0) {
    lane.open.pop_front();
    moved_ = true;
  }
}

bool Following::is_ours(journal::Partition partition, Term term) const {
  const std::lock_guard lock(mutex_);
  const Line& line = lines_[journal::index_of(partition)];
  return line.ours && line.term == term;
}

std::size_t Following::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

bool Following::is_behind() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(lines_.begin(), lines_.end(), [](const Line& line) {
    return std::any_of(line.lanes.begin(), line.lanes.end(),
                       [&](const Lane& lane) { return is_behind(line, lane); });
  });
}

void Following::save() {
  std::vector<KeptPlace> kept;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(moved_, false)) return;
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto& lanes = lines_[i].lanes;
      const auto add = [&](const Lane& lane, std::optional<std::uint32_t> number) {
        const auto& place = place_of(lane);
        if (place.exists) kept.push_back({journal::partition_at(i), place, number});
      };
      const bool is_one_place = std::all_of(lanes.begin(), lanes.end(), [&](const Lane& lane) {
        return next_seq(place_of(lane)) == next_seq(place_of(lanes.front()));
      });
      if (is_one_place)
        add(lanes.front(), std::nullopt);
      else
        for (std::uint32_t lane = 0; lane < lanes.size(); ++lane) add(lanes[lane], lane);
    }
  }
  if (write_places(options_.checkpoint_file, codec_.journal_uuid(), kept)) return;
  options_.log("cannot write " + options_.checkpoint_file.string() + "; work goes on without it");
  const std::lock_guard lock(mutex_);
  moved_ = true;
}

}  // namespace groundtruth::workers
