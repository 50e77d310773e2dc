// See following.hpp.
#include "workers/following/following.hpp"

#include <algorithm>
#include <boost/describe.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/follower.hpp"

namespace groundtruth::workers {
namespace {

constexpr std::size_t kReadRecords = 512;

struct SavedLine {
  std::string partition;
  std::uint64_t offset = 0;
  std::uint64_t seq = 0;
  std::string id;
  std::optional<std::uint32_t> lane;  // nullopt: all lanes stand here
};
BOOST_DESCRIBE_STRUCT(SavedLine, (), (partition, offset, seq, id, lane))

struct Saved {
  std::string journal;
  std::vector<SavedLine> lines;
};
BOOST_DESCRIBE_STRUCT(Saved, (), (journal, lines))

std::optional<journal::CommitId> from_hex(std::string_view hex) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  journal::CommitId id;
  if (hex.size() != 2 * id.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

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
    : Following(journal, codec, std::move(options),
                LookAtLanes([look = std::move(look)](const journal::Accepted& accepted, const Lanes&) {
                  LaneJobs jobs{};
                  jobs[0] = look(accepted);
                  return jobs;
                })) {}

void Following::load() {
  std::ifstream in(options_.checkpoint_file);
  if (!in) return;
  std::ostringstream text;
  text << in.rdbuf();
  const auto saved = journal::codec::decode_json<Saved>(text.str());
  if (!saved || saved.value->journal != codec_.journal_uuid()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& line : saved.value->lines) {
    const auto partition = journal::parse_partition(line.partition);
    const auto id = from_hex(line.id);
    if (!partition || !id) continue;
    load_line(*partition, line.lane, {true, line.offset, line.seq, *id});
  }
}

void Following::load_line(journal::Partition partition, const std::optional<std::uint32_t>& lane,
                          const journal::Checkpoint& place) {
  auto& lanes = lines_[journal::index_of(partition)].lanes;
  for (std::size_t i = 0; i < lanes.size(); ++i)
    if (!lane || *lane == i) lanes[i].seen = place;
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
  for (std::size_t i = 0; i < line.lanes.size(); ++i)
    lanes[i] = next_seq(line.lanes[i].seen) == seq && line.lanes[i].busy < options_.max_open;
  return lanes;
}

// With the mutex held.
void Following::take(const journal::Accepted& accepted, const Lanes& lanes) {
  if (lanes.none()) return;
  Line& line = lines_[journal::index_of(accepted.partition)];
  const LaneJobs jobs = accepted.commit ? look_(accepted, lanes) : LaneJobs{};
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

bool Following::read() {
  bool more = false;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    more = read_line(journal::partition_at(i)) || more;
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
    if (!line.halted) line = Line(options_.lanes);
    return !line.halted;
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
  return !line.halted && (line.unread || line.known > next_seq(lane.seen));
}

bool Following::wants_reading(const Line& line, const Lane& lane) const {
  return is_behind(line, lane) && lane.busy <= options_.max_open / 2;
}

bool Following::wants_reading(const Line& line) const {
  return std::any_of(line.lanes.begin(), line.lanes.end(),
                     [&](const Lane& lane) { return wants_reading(line, lane); });
}

void Following::finished(journal::Position position, std::size_t lane_number) {
  const std::lock_guard lock(mutex_);
  Lane& lane = lines_[journal::index_of(position.partition)].lanes.at(lane_number);
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
  Saved saved{codec_.journal_uuid(), {}};
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(moved_, false)) return;
    const auto done = [](const Lane& lane) {
      return lane.open.empty() ? lane.seen : lane.open.front().before;
    };
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto& lanes = lines_[i].lanes;
      const auto add = [&](const journal::Checkpoint& place, std::optional<std::uint32_t> lane) {
        if (!place.exists) return;
        saved.lines.push_back({journal::to_string(journal::partition_at(i)), place.offset, place.seq,
                               journal::to_hex(place.id), lane});
      };
      const bool is_one_place = std::all_of(lanes.begin(), lanes.end(), [&](const Lane& lane) {
        return next_seq(done(lane)) == next_seq(done(lanes.front()));
      });
      if (is_one_place)
        add(done(lanes.front()), std::nullopt);
      else
        for (std::uint32_t lane = 0; lane < lanes.size(); ++lane) add(done(lanes[lane]), lane);
    }
  }
  auto fresh = options_.checkpoint_file;
  fresh += ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << journal::codec::to_json(saved) << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(fresh, options_.checkpoint_file, error);
  if (out && !error) return;
  options_.log("cannot write " + options_.checkpoint_file.string() + "; work goes on without it");
  const std::lock_guard lock(mutex_);
  moved_ = true;
}

}  // namespace groundtruth::workers
