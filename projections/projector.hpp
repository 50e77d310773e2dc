// The projector: the one thread that writes read models, and the writer's view of them (journal::ReadModels).
//
// It takes accepted commits of all partitions and applies all that waits as one batch to each projection's
// own file, in one SQLite transaction with that file's checkpoints. Commits at or below a projection's own
// checkpoint are passed over for it, so a crash between two files heals by feeding again.
//
// Threads: everything public may be called from any thread, but hooks are set before the first `apply`.
// Errors: the constructor throws std::runtime_error that names file and reason (another journal's file, no
// permission); a file that cannot be read as one of ours is moved aside, said through `log`, and begun anew.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "journal/read_models.hpp"
#include "projections/file.hpp"
#include "projections/projection.hpp"
#include "projections/read_pool.hpp"

namespace groundtruth::projections {

struct ProjectorOptions {
  std::filesystem::path directory;  // DATA/read_models; made when absent
  std::string journal_uuid;
  std::size_t max_batch_commits = 4'096;
  // What nobody waits for is kept back until there is so much of it, or for so long.
  std::size_t gather_commits = 256;
  std::chrono::milliseconds gather{20};
  std::uint64_t room_bytes = 256 * 1024 * 1024;  // less than that left on the disk is little
  std::size_t max_readers = 8;                   // connections for queries, for each file
  std::function<void(const std::string&)> log = [](const std::string&) {};  // what an operator should know
};

struct ProjectionStatus {
  std::string name;
  int version = 0;
  std::uint64_t generation = 0;  // moves on when a rebuilt file took this one's place
  bool empty = false;            // knows no commit yet: a rebuild is quicker than feeding it
  std::string failed;            // the first commit that it could not take, and why; "" while all is well
};

class Projector final : public journal::ReadModels {
 public:
  explicit Projector(ProjectorOptions options, std::vector<Definition> definitions = all_projections());
  // Stops after the batch under way. What still waits is dropped: the follower feeds it again.
  ~Projector() override;

  // journal::ReadModels
  std::optional<journal::LoadedAggregate> load(std::size_t kind, journal::Partition partition,
                                               std::string_view stream) override;
  std::optional<journal::PastCommand> find_key(journal::Partition partition,
                                               const journal::CommandKey& key) override;
  std::optional<journal::PastCommand> find_command(journal::Partition partition,
                                                   const domain::CommandId& id) override;
  std::optional<journal::RelayMark> relay_mark(journal::Partition partition,
                                               const std::string& relay) override;
  journal::Checkpoint checkpoint(journal::Partition partition) override;
  void apply(std::vector<journal::Accepted> commits, Pace pace) override;
  void hurry() override;
  std::size_t backlog() const override { return backlog_.load(std::memory_order_relaxed); }
  bool out_of_space() const override { return out_of_space_.load(std::memory_order_relaxed); }
  bool has_room() const override { return has_room_.load(std::memory_order_relaxed) && !out_of_space(); }
  void on_progress(std::function<void(std::vector<Applied>)> applied,
                   std::function<void(journal::Partition, std::string reason)> failed) override;

  // Called on the projector's thread for each commit after every projection has it and before it is reported
  // as applied, e.g. to drop a revoked key from a cache before the revocation is answered. After a crash it
  // may run again for commits that some projections had already. Must not block or throw.
  void on_committed(std::function<void(const journal::Accepted&)> hook);

  // The same, but for each commit that the projections were offered, whether all of them could take it or
  // not: for what must not be older than any file.
  void on_offered(std::function<void(const journal::Accepted&)> hook);

  // What queries are made of: TaskQueries(projector.readers("tasks")). Lives as long as the projector.
  ReadPool& readers(std::string_view projection);
  const Definition& definition(std::string_view projection) const;
  std::vector<ProjectionStatus> status() const;
  Checkpoints checkpoints(std::string_view projection) const;

  const ProjectorOptions& options() const { return options_; }

  // Runs `work` on the projector's thread between two batches and returns when it is done; rethrows what it
  // throws. A rebuild swaps files in it. Never from a hook or from `work` itself.
  void between_batches(std::function<void()> work);
  // For `work` of between_batches only: puts a finished build in the place of a projection's file. When it
  // throws, the file that was there goes on serving.
  void replace_file(std::string_view projection, const std::filesystem::path& build);
  // One rebuild of a projection at a time: false while another one has it.
  bool reserve(std::string_view projection);
  void release(std::string_view projection);

 private:
  struct Model;  // a projection, its file and where it stands
  struct Job;
  // For each partition the first commit that is not to be applied.
  using Limits = std::array<std::uint64_t, journal::kPartitionTotal>;

  void run();
  void apply_batch(const std::vector<journal::Accepted>& batch);
  void apply_to(Model& model, const std::vector<journal::Accepted>& batch);
  bool wait_for_space(const Model& model);
  void try_apply(Model& model, const std::vector<journal::Accepted>& batch, const Limits& limits);
  void report(const std::vector<journal::Accepted>& batch);
  void halt(Model& model, journal::Partition partition, const std::string& reason);
  static void write_checkpoints(Model& model, const Checkpoints& next);
  static void save_checkpoints(Model& model);
  void save_checkpoints(std::chrono::steady_clock::time_point now);
  void look_for_room();
  void shorten_logs();
  bool purge();
  bool is_due() const;
  Model& model(std::string_view projection) const;

  const ProjectorOptions options_;
  std::vector<std::unique_ptr<Model>> models_;
  std::array<bool, journal::kPartitionTotal> halted_{};  // projector's thread only

  std::function<void(std::vector<Applied>)> applied_;
  std::function<void(journal::Partition, std::string)> failed_;
  std::vector<std::function<void(const journal::Accepted&)>> hooks_, offered_hooks_;

  mutable std::mutex mutex_;  // guards what follows, and every model's checkpoints
  std::condition_variable wake_;
  std::deque<journal::Accepted> waiting_;
  bool is_awaited_ = false;                              // somebody waits for some of it
  std::chrono::steady_clock::time_point gathered_at_{};  // then it is applied without that
  std::deque<Job*> jobs_;
  std::set<std::string> reserved_;
  bool stopping_ = false;
  std::atomic<std::size_t> backlog_{0};
  std::atomic<bool> out_of_space_{false};
  std::atomic<bool> has_room_{false};
  std::thread thread_;
};

}  // namespace groundtruth::projections
