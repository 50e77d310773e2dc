// See following.hpp.
#include "workers/following/following.hpp"

#include <algorithm>
#include <boost/describe.hpp>
#include <fstream>
#include <sstream>

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
};
BOOST_DESCRIBE_STRUCT(SavedLine, (), (partition, offset, seq, id))

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
                     FollowingOptions options, Look look)
    : journal_(journal), codec_(codec), options_(std::move(options)), look_(std::move(look)) {}

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
    lines_[journal::index_of(*partition)].seen = {true, line.offset, line.seq, *id};
  }
}

void Following::observe(const journal::Accepted& accepted) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[journal::index_of(accepted.partition)];
  line.known = std::max(line.known, accepted.seq + 1);
  const std::uint64_t next = line.seen.exists ? line.seen.seq + 1 : 0;
  if (accepted.seq == next && has_room()) take(accepted);
}

// With the mutex held.
void Following::take(const journal::Accepted& accepted) {
  Line& line = lines_[journal::index_of(accepted.partition)];
  const journal::Checkpoint before = line.seen;
  line.seen = {true, accepted.offset, accepted.seq, accepted.id};
  line.known = std::max(line.known, accepted.seq + 1);
  const std::size_t jobs = accepted.commit ? look_(accepted) : 0;
  if (jobs > 0) {
    line.open.push_back({before, accepted.seq, jobs});
    ++open_;
  } else if (line.open.empty()) {
    moved_ = true;
  }
}

bool Following::read() {
  bool more = false;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    more = read_line(journal::partition_at(i)) || more;
  return more;
}

// The journal is read without the lock; whatever was observed meanwhile is passed over by its seq.
bool Following::read_line(journal::Partition partition) {
  Line& line = lines_[journal::index_of(partition)];
  journal::Checkpoint from;
  std::size_t records = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!is_behind(line) || !has_room_to_read()) return false;
    from = line.seen;
    records = std::min(kReadRecords, options_.max_open - open_);
  }
  const std::uint64_t end_offset = journal_.end_offset(partition);
  Collector collector(partition, codec_, options_.markers);
  journal::Follower follower(partition, journal_, collector);
  follower.start(from);
  while (!collector.is_halted && collector.collected.empty() && follower.poll(records)) {
  }

  const std::lock_guard lock(mutex_);
  if (collector.is_halted) {
    // A checkpoint of another history is forgotten, and all is looked at again. A broken history, or one that
    // broke under what is still open, is not read on.
    line.halted = !from.exists || !line.open.empty();
    if (!line.halted) line = Line{};
    return !line.halted;
  }
  for (const auto& accepted : collector.collected) {
    const std::uint64_t next = line.seen.exists ? line.seen.seq + 1 : 0;
    if (accepted.seq < next) continue;
    if (!has_room()) return false;
    take(accepted);
  }
  line.unread = follower.next_offset() < end_offset;
  // What has not been fetched yet is observed, or read after the next one that is.
  const bool moved = follower.next_offset() > (from.exists ? from.offset + 1 : 0);
  return moved && is_behind(line) && has_room_to_read();
}

// With the mutex held.
bool Following::is_behind(const Line& line) const {
  return !line.halted && (line.unread || line.known > (line.seen.exists ? line.seen.seq + 1 : 0));
}

void Following::finished(journal::Position position) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[journal::index_of(position.partition)];
  const auto found = std::lower_bound(line.open.begin(), line.open.end(), position.seq,
                                      [](const Open& open, std::uint64_t seq) { return open.seq < seq; });
  if (found == line.open.end() || found->seq != position.seq || found->jobs == 0) return;
  if (--found->jobs == 0) --open_;
  while (!line.open.empty() && line.open.front().jobs == 0) {
    line.open.pop_front();
    moved_ = true;
  }
}

std::size_t Following::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

bool Following::is_behind() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(lines_.begin(), lines_.end(), [this](const Line& line) { return is_behind(line); });
}

void Following::save() {
  Saved saved{codec_.journal_uuid(), {}};
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(moved_, false)) return;
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const Line& line = lines_[i];
      const journal::Checkpoint& done = line.open.empty() ? line.seen : line.open.front().before;
      if (!done.exists) continue;
      saved.lines.push_back(
          {journal::to_string(journal::partition_at(i)), done.offset, done.seq, journal::to_hex(done.id)});
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
