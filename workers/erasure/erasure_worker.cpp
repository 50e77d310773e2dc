// See erasure_worker.hpp.
#include "workers/erasure/erasure_worker.hpp"

#include <algorithm>
#include <boost/describe.hpp>
#include <fstream>
#include <sstream>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/follower.hpp"

namespace groundtruth::workers {
namespace {

constexpr std::size_t kReadRecords = 4'096;
constexpr std::chrono::seconds kWaitForReadModels{30};

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

// Collects what the follower accepts; a halt is the node's to report.
class Collector final : public journal::FollowerSink {
 public:
  Collector(journal::Partition partition, const journal::CommitCodec& codec,
            std::function<void(const journal::Accepted&)> take)
      : partition_(partition), codec_(codec), take_(std::move(take)) {}

  void accepted(const journal::Record& record, const journal::Link& link) override {
    journal::Accepted accepted{partition_, record.offset, link.prefix->seq, link.id, record.value, nullptr};
    // Most commits erase nobody: they are not worth decoding. The type's name may also stand in a customer's
    // text, so finding it proves nothing yet.
    if (record.value->find(domain::AccountErased::kType) != std::string::npos)
      accepted.commit = std::make_shared<const journal::Commit>(codec_.decode(*record.value));
    take_(accepted);
  }
  void orphaned(const journal::Record&, const journal::Link&) override {}
  void halted(const std::string&) override { halted_ = true; }
  bool is_halted() const { return halted_; }

 private:
  journal::Partition partition_;
  const journal::CommitCodec& codec_;
  std::function<void(const journal::Accepted&)> take_;
  bool halted_ = false;
};

}  // namespace

ErasureWorker::ErasureWorker(const journal::Journal& journal, const journal::CommitCodec& codec,
                             journal::Node& node, journal::KeyStore& keys, ErasureOptions options)
    : journal_(journal), codec_(codec), node_(node), keys_(keys), options_(std::move(options)) {}

ErasureWorker::~ErasureWorker() {
  stop();
}

void ErasureWorker::catch_up() {
  load();
  read_from_checkpoint();
}

void ErasureWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void ErasureWorker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  thread_.join();
}

std::uint64_t ErasureWorker::destroyed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->destroyed;
}

void ErasureWorker::observe(const journal::Accepted& accepted) {
  look(accepted);
}

void ErasureWorker::look(const journal::Accepted& accepted) {
  const std::lock_guard lock(state_->mutex);
  Line& line = state_->lines[journal::index_of(accepted.partition)];
  if (line.seen.exists && accepted.seq <= line.seen.seq) return;  // read at the start already
  line.seen = {true, accepted.offset, accepted.seq, accepted.id};
  if (accepted.commit != nullptr) {
    for (const auto& event : accepted.commit->events) {
      const auto* erased = std::get_if<domain::AccountErased>(&event.data);
      if (erased == nullptr) continue;
      ++line.open;
      state_->waiting.push_back({{accepted.partition, accepted.seq}, erased->account.value});
      state_->wake.notify_all();
    }
  }
  if (line.open == 0) {
    line.finished = line.seen;
    state_->moved = true;
  }
}

void ErasureWorker::read_from_checkpoint() {
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
    const auto partition = journal::partition_at(i);
    const auto read_from = [&](const journal::Checkpoint& from) {
      Collector collector(partition, codec_, [this](const journal::Accepted& accepted) { look(accepted); });
      journal::Follower follower(partition, journal_, collector);
      follower.start(from);
      while (!collector.is_halted() && follower.poll(kReadRecords)) {
      }
      return !collector.is_halted();
    };
    if (read_from(state_->lines[i].finished)) continue;
    // The checkpoint is of another history, or the history is broken; the node says which. Looking at all
    // there is does no harm.
    state_->lines[i] = {};
    read_from({});
  }
}

// The mutex is held but for the moments in which something outside is asked.
void ErasureWorker::run() {
  State& state = *state_;
  auto next_save = std::chrono::steady_clock::now() + options_.checkpoint_interval;
  std::unique_lock lock(state.mutex);
  auto next_retry = std::chrono::steady_clock::now();
  for (;;) {
    state.wake.wait_until(lock, std::min(next_retry, next_save),
                          [&] { return state.stopping || !state.waiting.empty() || !state.ready.empty(); });
    if (state.stopping) break;
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_retry) {
      for (auto& job : state.late) state.waiting.push_back(std::move(job));
      state.late.clear();
      next_retry = now + options_.retry_delay;
    }
    for (auto& job : std::exchange(state.waiting, {})) {
      lock.unlock();
      ask(std::move(job));
      lock.lock();
    }
    for (auto& job : std::exchange(state.ready, {})) {
      lock.unlock();
      const bool done = destroy(job);
      lock.lock();
      if (done) {
        finish(job);
      } else {
        state.late.push_back(std::move(job));
      }
    }
    if (now >= next_save) {
      lock.unlock();
      save();
      lock.lock();
      next_save = std::chrono::steady_clock::now() + options_.checkpoint_interval;
    }
  }
  lock.unlock();
  save();
}

void ErasureWorker::finish(const Job& job) {
  ++state_->destroyed;
  Line& line = state_->lines[journal::index_of(job.position.partition)];
  if (--line.open > 0) return;
  line.finished = line.seen;
  state_->moved = true;
}

void ErasureWorker::ask(Job job) {
  const auto position = job.position;
  const auto deadline = std::chrono::steady_clock::now() + kWaitForReadModels;
  node_.when_reached(position, deadline, [state = state_, job = std::move(job)](bool reached) {
    const std::lock_guard lock(state->mutex);
    if (reached) {
      state->ready.push_back(job);
      state->wake.notify_all();
    } else {
      state->late.push_back(job);  // a halted partition says no at once: not asked again in a circle
    }
  });
}

bool ErasureWorker::destroy(const Job& job) {
  try {
    keys_.destroy(job.owner);
    options_.log("the data key of " + job.owner + " is destroyed");
    return true;
  } catch (const std::exception& failure) {
    options_.log("the data key of " + job.owner +
                 " could not be destroyed and will be tried again: " + failure.what());
    return false;
  }
}

void ErasureWorker::load() {
  std::ifstream in(options_.checkpoint_file);
  if (!in) return;
  std::ostringstream text;
  text << in.rdbuf();
  const auto saved = journal::codec::decode_json<Saved>(text.str());
  if (!saved || saved.value->journal != codec_.journal_uuid()) return;
  for (const auto& line : saved.value->lines) {
    const auto partition = journal::parse_partition(line.partition);
    const auto id = from_hex(line.id);
    if (!partition || !id) continue;
    const journal::Checkpoint checkpoint{true, line.offset, line.seq, *id};
    state_->lines[journal::index_of(*partition)] = {checkpoint, checkpoint, 0};
  }
}

// Not synced: an older file only means to look at more commits again.
void ErasureWorker::save() {
  Saved saved{codec_.journal_uuid(), {}};
  {
    const std::lock_guard lock(state_->mutex);
    if (!std::exchange(state_->moved, false)) return;
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto& finished = state_->lines[i].finished;
      if (!finished.exists) continue;
      saved.lines.push_back({journal::to_string(journal::partition_at(i)), finished.offset, finished.seq,
                             journal::to_hex(finished.id)});
    }
  }
  auto fresh = options_.checkpoint_file;
  fresh += ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << journal::codec::to_json(saved) << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(fresh, options_.checkpoint_file, error);
  if (!out || error)
    options_.log("cannot write " + options_.checkpoint_file.string() + "; erasures go on without it");
}

}  // namespace groundtruth::workers
