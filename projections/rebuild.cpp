// Reading the whole journal into new files (contract in rebuild.hpp).
#include "projections/rebuild.hpp"

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <set>
#include <utility>

#include "projections/journal_reader.hpp"
#include "projections/lane.hpp"

namespace groundtruth::projections {
namespace {

namespace fs = std::filesystem;
using journal::Accepted;
using journal::kPartitionTotal;

constexpr std::uint64_t kSwapDistance = 1'000;  // records that the projector's thread may be held up for
constexpr int kMaxRounds = 20;                  // of running after a journal that grows

// One projection's new file. A half-built one goes away with it.
class Build {
 public:
  Build(Projector& projector, std::string name)
      : projector_(projector), name_(std::move(name)), definition_(projector.definition(name_)) {
    if (!projector_.reserve(name_))
      throw std::runtime_error("projection " + name_ + " is being rebuilt already");
    path_ = projector_.options().directory / (definition_.file_name() + std::string(kBuildExtension));
    try {
      file_ = std::make_unique<ProjectionFile>(path_, definition_, projector_.options().journal_uuid,
                                               ProjectionFile::Mode::build, projector_.options().log);
      applier_ = definition_.make_applier(file_->connection());
    } catch (...) {
      projector_.release(name_);
      throw;
    }
  }
  Build(const Build&) = delete;
  Build& operator=(const Build&) = delete;
  ~Build() {
    applier_.reset();
    file_.reset();
    try {
      remove_database(path_);
    } catch (const std::exception&) {
      // The next start tries again.
    }
    projector_.release(name_);
  }

  void apply(const std::vector<Accepted>& batch) {
    std::set<std::size_t> moved;
    sqlite::Transaction transaction(file_->connection());
    try {
      for (const auto& accepted : batch) {
        apply_one(*applier_, accepted);
        const auto index = journal::index_of(accepted.partition);
        checkpoints_[index] = {true, accepted.offset, accepted.seq, accepted.id};
        moved.insert(index);
      }
      applier_->flush();
    } catch (const ApplyFailure& failure) {
      throw std::runtime_error("rebuild of " + name_ + ": " + journal::to_string(failure.partition()) +
                               ", commit " + std::to_string(failure.seq()) + ": " + failure.what());
    }
    for (const auto index : moved) file_->write_checkpoint(journal::partition_at(index), checkpoints_[index]);
    transaction.commit();
  }

  void make_indexes() { file_->make_indexes(); }

  // On the projector's thread, at the live file's position or beyond.
  void swap() {
    const auto live = projector_.checkpoints(name_);
    for (std::size_t i = 0; i < kPartitionTotal; ++i) {
      if (!live[i].exists) continue;
      if (!checkpoints_[i].exists || checkpoints_[i].seq < live[i].seq ||
          (checkpoints_[i].seq == live[i].seq && checkpoints_[i].id != live[i].id))
        throw std::runtime_error("rebuild of " + name_ + ": the journal does not hold what " +
                                 journal::to_string(journal::partition_at(i)) + " of the live file has");
    }
    applier_.reset();
    file_->finish_build();
    projector_.replace_file(name_, path_);
  }

  ReadPool& readers() { return projector_.readers(name_); }

 private:
  Projector& projector_;
  const std::string name_;
  const Definition& definition_;
  fs::path path_;
  std::unique_ptr<ProjectionFile> file_;
  std::unique_ptr<Applier> applier_;
  Checkpoints checkpoints_{};
};

// Each build at work on a thread of its own: they have nothing in common but what they are given.
class Lanes {
 public:
  explicit Lanes(const std::vector<std::unique_ptr<Build>>& builds)
      : builds_(builds), lanes_(builds.size()) {}

  // Waits for the slowest, so that memory is bounded.
  void each(const std::function<void(Build&)>& work) {
    for (std::size_t i = 0; i < lanes_.size(); ++i)
      lanes_[i].run([work, build = builds_[i].get()] { work(*build); });
  }
  void wait() {
    for (auto& lane : lanes_) lane.wait();
  }

 private:
  const std::vector<std::unique_ptr<Build>>& builds_;
  std::vector<Lane> lanes_;  // ends before the builds
};

}  // namespace

void rebuild(Projector& projector, const journal::Journal& journal, const journal::CommitCodec& codec,
             const std::vector<std::string>& projections, RebuildOptions options) {
  if (projections.empty()) return;
  std::vector<std::unique_ptr<Build>> builds;
  for (const auto& name : projections) builds.push_back(std::make_unique<Build>(projector, name));

  JournalReader reader(journal, codec, options.batch_commits);
  RebuildProgress progress;
  const auto say = [&](const char* phase) {
    progress.phase = phase;
    progress.records = reader.records();
    progress.records_known = std::max(reader.records(), reader.end_records());
    options.progress(progress);
    if (options.cancel != nullptr && *options.cancel) throw RebuildCancelled();
  };

  Lanes lanes(builds);
  const auto read = [&](const char* phase) {
    say(phase);
    reader.read_ahead([&](std::vector<Accepted> batch) {
      const auto shared = std::make_shared<const std::vector<Accepted>>(std::move(batch));
      lanes.each([shared](Build& build) { build.apply(*shared); });
      say(phase);
    });
    lanes.wait();
  };
  read("loading");
  say("indexing");
  for (const auto& build : builds) build->make_indexes();  // one after the other: each sorts in memory
  for (int round = 0; round < kMaxRounds && reader.behind() > kSwapDistance; ++round) read("catching up");

  say("swapping");
  // Walks over a whole file end before the projector's thread is asked to wait for anything.
  std::vector<std::unique_ptr<ReadPool::NoLengthy>> no_walks;
  for (const auto& build : builds)
    no_walks.push_back(std::make_unique<ReadPool::NoLengthy>(build->readers()));
  projector.between_batches([&] {
    reader.read_here([&](const std::vector<Accepted>& batch) {
      for (const auto& build : builds) build->apply(batch);
    });
    for (const auto& build : builds) build->swap();
  });
  no_walks.clear();
  builds.clear();
  say("done");
}

std::vector<std::string> rebuild_empty(Projector& projector, const journal::Journal& journal,
                                       const journal::CommitCodec& codec, RebuildOptions options) {
  std::vector<std::string> names;
  for (const auto& status : projector.status())
    if (status.empty) names.push_back(status.name);
  rebuild(projector, journal, codec, names, std::move(options));
  return names;
}

}  // namespace groundtruth::projections
