// The projector's thread, and the reads of the writer (contract in projector.hpp).
#include "projections/projector.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "projections/commands/queries.hpp"

namespace groundtruth::projections {
namespace {

namespace fs = std::filesystem;
using journal::Accepted;
using journal::index_of;
using journal::kPartitionTotal;
using journal::Partition;

constexpr std::chrono::milliseconds kPurgeRetry{1'000};
constexpr std::chrono::milliseconds kIdleRound{1'000};
constexpr std::chrono::milliseconds kSpaceRetry{250};

}  // namespace

struct Projector::Model {
  Model(Definition what, const ProjectorOptions& options)
      : definition(std::move(what)),
        path(options.directory / definition.file_name()),
        readers(path, options.max_readers),
        writers_view(path, 1) {}

  void open(const ProjectorOptions& options) {
    file = std::make_unique<ProjectionFile>(path, definition, options.journal_uuid,
                                            ProjectionFile::Mode::live, options.log);
    applier = definition.make_applier(file->connection());
    saved = applied = read_checkpoints(file->connection());
  }

  bool lags() const {
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      if (applied[i].exists && !(saved[i].exists && saved[i].seq == applied[i].seq)) return true;
    return false;
  }

  const Definition definition;
  const fs::path path;
  ReadPool readers;
  ReadPool writers_view;                 // the writer's own connection: queries never make it wait
  std::unique_ptr<ProjectionFile> file;  // from here on the projector's thread only
  std::unique_ptr<Applier> applier;
  Checkpoints applied{};
  Checkpoints saved{};  // what the file itself says; behind `applied` where commits left its tables alone
  bool purge_pending = false;
  std::chrono::steady_clock::time_point purge_at{};  // not before; an attempt may wait for readers
  std::chrono::steady_clock::time_point save_at{};
  Checkpoints visible{};  // guarded by mutex_: what `applied` was after the last commit
  std::string failed;     // guarded by mutex_
};

struct Projector::Job {
  std::function<void()> work;
  std::exception_ptr failure;
  bool done = false;
};

Projector::Projector(ProjectorOptions options, std::vector<Definition> definitions)
    : options_(std::move(options)) {
  fs::create_directories(options_.directory);
  for (const auto& entry : fs::directory_iterator(options_.directory))
    if (entry.path().extension() == kBuildExtension) {
      options_.log(entry.path().string() + " is a rebuild that was not finished; it was deleted");
      remove_database(entry.path());
    }
  for (auto& definition : definitions) {
    models_.push_back(std::make_unique<Model>(std::move(definition), options_));
    models_.back()->open(options_);
    models_.back()->visible = models_.back()->applied;
  }
  look_for_room();
  thread_ = std::thread([this] { run(); });
}

Projector::~Projector() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// --- the writer's view
// ---------------------------------------------------------------------------------------------

Projector::Model& Projector::model(std::string_view projection) const {
  for (const auto& model : models_)
    if (model->definition.name == projection) return *model;
  throw std::invalid_argument("there is no projection \"" + std::string(projection) + "\"");
}

std::optional<journal::LoadedAggregate> Projector::load(std::size_t kind, Partition,
                                                        std::string_view stream) {
  for (const auto& model : models_)
    for (const auto& loader : model->definition.loaders)
      if (loader.kind == kind) {
        const auto db = model->writers_view.lease();
        return loader.load(*db, stream);
      }
  throw std::logic_error("no projection keeps aggregates of kind " + std::to_string(kind));
}

std::optional<journal::PastCommand> Projector::find_key(Partition partition, const journal::CommandKey& key) {
  const auto db = model("commands").writers_view.lease();
  return projections::find_key(*db, partition, key);
}

std::optional<journal::PastCommand> Projector::find_command(Partition partition,
                                                            const domain::CommandId& id) {
  const auto db = model("commands").writers_view.lease();
  return projections::find_command(*db, partition, id);
}

std::optional<journal::RelayMark> Projector::relay_mark(Partition partition, const std::string& relay) {
  const auto db = model("commands").writers_view.lease();
  return projections::relay_mark(*db, partition, relay);
}

journal::Checkpoint Projector::checkpoint(Partition partition) {
  const std::lock_guard lock(mutex_);
  const journal::Checkpoint* lowest = nullptr;
  for (const auto& model : models_) {
    const auto& own = model->visible[index_of(partition)];
    if (!own.exists) return {};
    if (lowest == nullptr || own.seq < lowest->seq) lowest = &own;
  }
  return lowest == nullptr ? journal::Checkpoint{} : *lowest;
}

void Projector::apply(std::vector<Accepted> commits, Pace pace) {
  if (commits.empty()) return;
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    const bool was_due = is_due();
    wakes = waiting_.empty();
    if (wakes) {
      gathered_at_ = std::chrono::steady_clock::now() + options_.gather;
      look_for_room();
    }
    is_awaited_ = is_awaited_ || pace == Pace::at_once;
    backlog_ += commits.size();
    std::move(commits.begin(), commits.end(), std::back_inserter(waiting_));
    wakes = wakes || (!was_due && is_due());
  }
  if (wakes) wake_.notify_one();
}

void Projector::hurry() {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    wakes = !waiting_.empty() && !is_due();
    if (!waiting_.empty()) is_awaited_ = true;
  }
  if (wakes) wake_.notify_one();
}

// With mutex_ held: what waits is to be applied now.
bool Projector::is_due() const {
  return !waiting_.empty() && (is_awaited_ || waiting_.size() >= options_.gather_commits);
}

void Projector::on_progress(std::function<void(std::vector<Applied>)> applied,
                            std::function<void(Partition, std::string)> failed) {
  applied_ = std::move(applied);
  failed_ = std::move(failed);
}

void Projector::on_committed(std::function<void(const Accepted&)> hook) {
  hooks_.push_back(std::move(hook));
}

void Projector::on_offered(std::function<void(const Accepted&)> hook) {
  offered_hooks_.push_back(std::move(hook));
}

ReadPool& Projector::readers(std::string_view projection) {
  return model(projection).readers;
}

const Definition& Projector::definition(std::string_view projection) const {
  return model(projection).definition;
}

std::vector<ProjectionStatus> Projector::status() const {
  std::vector<ProjectionStatus> all;
  for (const auto& model : models_) {
    const auto generation = model->readers.generation();
    const std::lock_guard lock(mutex_);
    const bool empty = std::none_of(model->visible.begin(), model->visible.end(),
                                    [](const auto& checkpoint) { return checkpoint.exists; });
    all.push_back({model->definition.name, model->definition.version, generation, empty, model->failed});
  }
  return all;
}

Checkpoints Projector::checkpoints(std::string_view projection) const {
  const auto& which = model(projection);
  const std::lock_guard lock(mutex_);
  return which.visible;
}

// --- the thread
// ----------------------------------------------------------------------------------------------------

void Projector::run() {
  bool purging = false;
  std::unique_lock lock(mutex_);
  while (true) {
    // Until something comes, and from then on for a moment, unless that is awaited.
    const auto ready = [&] { return stopping_ || !jobs_.empty() || !waiting_.empty(); };
    if (purging || std::any_of(models_.begin(), models_.end(), [](const auto& m) { return m->lags(); }))
      wake_.wait_for(lock, kIdleRound, ready);
    else
      wake_.wait(lock, ready);
    if (!waiting_.empty())
      wake_.wait_until(lock, gathered_at_, [&] { return stopping_ || !jobs_.empty() || is_due(); });
    if (stopping_) break;
    if (!jobs_.empty()) {
      Job* job = jobs_.front();
      jobs_.pop_front();
      lock.unlock();
      try {
        job->work();
      } catch (...) {
        job->failure = std::current_exception();
      }
      lock.lock();
      job->done = true;
      wake_.notify_all();
      continue;
    }
    const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), options_.max_batch_commits));
    std::vector<Accepted> batch(std::make_move_iterator(waiting_.begin()),
                                std::make_move_iterator(waiting_.begin() + count));
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    if (waiting_.empty()) is_awaited_ = false;
    lock.unlock();
    if (!batch.empty()) apply_batch(batch);
    for (const auto& accepted : batch)
      for (const auto& hook : offered_hooks_) hook(accepted);
    save_checkpoints(std::chrono::steady_clock::now());
    purging = purge();
    backlog_ -= batch.size();
    if (!batch.empty()) report(batch);
    shorten_logs();
    lock.lock();
  }
  lock.unlock();
  save_checkpoints(std::chrono::steady_clock::time_point::max());
  lock.lock();
  for (Job* job : jobs_) {
    job->failure = std::make_exception_ptr(std::runtime_error("the projector was stopped"));
    job->done = true;
  }
  jobs_.clear();
  wake_.notify_all();
}

void Projector::apply_batch(const std::vector<Accepted>& batch) {
  for (const auto& model : models_) apply_to(*model, batch);
}

// A partition that fails is cut off before the commit that cannot be taken, and the rest is tried again.
void Projector::apply_to(Model& model, const std::vector<Accepted>& batch) {
  Limits limits;
  for (std::size_t i = 0; i < kPartitionTotal; ++i)
    limits[i] = halted_[i] ? 0 : std::numeric_limits<std::uint64_t>::max();
  while (true) {
    try {
      try_apply(model, batch, limits);
      if (out_of_space_.exchange(false)) options_.log("there is room again for " + model.path.string());
      return;
    } catch (const ApplyFailure& failure) {
      model.applier->discard();
      limits[index_of(failure.partition())] = failure.seq();
      halt(model, failure.partition(), "commit " + std::to_string(failure.seq()) + ": " + failure.what());
    } catch (const std::exception& error) {
      model.applier->discard();
      const auto* sql = dynamic_cast<const sqlite::Error*>(&error);
      if (sql != nullptr && sql->is_full()) {
        if (!wait_for_space(model)) return;
        continue;
      }
      // The file itself: no partition can go on.
      if (sql != nullptr && (sql->is_corrupt() || sql->is_lost())) mark_suspect(model.path, options_.log);
      for (const auto& accepted : batch)
        if (!halted_[index_of(accepted.partition)]) halt(model, accepted.partition, error.what());
      return;
    }
  }
}

// False when the projector is being stopped: what was not applied is read from the journal at the next start.
bool Projector::wait_for_space(const Model& model) {
  if (!out_of_space_.exchange(true))
    options_.log("no space left for " + model.path.string() + ": writes are refused until there is room");
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, kSpaceRetry, [this] { return stopping_; });
}

void Projector::try_apply(Model& model, const std::vector<Accepted>& batch, const Limits& limits) {
  Checkpoints next = model.applied;
  std::vector<const Accepted*> news;
  for (const auto& accepted : batch) {
    const auto index = index_of(accepted.partition);
    auto& checkpoint = next[index];
    if (accepted.seq >= limits[index] || (checkpoint.exists && accepted.seq <= checkpoint.seq)) continue;
    if (accepted.seq != (checkpoint.exists ? checkpoint.seq + 1 : 0))
      throw ApplyFailure(accepted.partition, accepted.seq,
                         checkpoint.exists
                             ? "it was given a commit out of order after " + std::to_string(checkpoint.seq)
                             : "it was given a commit before its first one");
    if (!accepted.commit || model.applier->concerns(*accepted.commit)) news.push_back(&accepted);
    checkpoint = {true, accepted.offset, accepted.seq, accepted.id};
  }
  if (!news.empty()) {
    sqlite::Transaction transaction(model.file->connection());
    for (const auto* accepted : news) apply_one(*model.applier, *accepted);
    model.applier->flush();
    write_checkpoints(model, next);
    transaction.commit();
    model.saved = next;
  }
  model.applied = next;
  if (model.applier->take_erased()) {
    model.purge_pending = true;
    model.purge_at = {};
  }
  const std::lock_guard lock(mutex_);
  model.visible = next;
}

void Projector::write_checkpoints(Model& model, const Checkpoints& next) {
  for (std::size_t i = 0; i < kPartitionTotal; ++i)
    if (next[i].exists && !(model.saved[i].exists && model.saved[i].seq == next[i].seq))
      model.file->write_checkpoint(journal::partition_at(i), next[i]);
}

void Projector::save_checkpoints(Model& model) {
  sqlite::Transaction transaction(model.file->connection());
  write_checkpoints(model, model.applied);
  transaction.commit();
  model.saved = model.applied;
}

// A file that commits pass by without a row of theirs says only now and then where it stands: what it does
// not know after a crash is read once more, and passes by again.
void Projector::save_checkpoints(std::chrono::steady_clock::time_point now) {
  for (const auto& model : models_) {
    if (!model->lags() || now < model->save_at) continue;
    model->save_at = std::chrono::steady_clock::now() + kIdleRound;
    try {
      save_checkpoints(*model);
    } catch (const sqlite::Error&) {
      // No harm is done, and the next batch with rows for this file will say what is wrong with it.
    }
  }
}

void Projector::look_for_room() {
  std::error_code unknown;
  const auto space = fs::space(options_.directory, unknown);
  has_room_ = !unknown && space.available >= options_.room_bytes;
}

// After the report, so that no answer waits for it; and often, so that what comes next does not wait for
// long.
void Projector::shorten_logs() {
  for (const auto& model : models_) {
    try {
      model->file->shorten_log();
    } catch (const sqlite::Error&) {
      // It goes on growing, and this is tried again after the next transaction.
    }
  }
}

// After an erasure nothing beside the file may know more than the file. True while a reader still holds a
// log.
bool Projector::purge() {
  bool pending = false;
  for (const auto& model : models_) {
    if (!model->purge_pending) continue;
    pending = true;
    if (std::chrono::steady_clock::now() < model->purge_at) continue;
    model->purge_at = std::chrono::steady_clock::now() + kPurgeRetry;
    try {
      remove_leftovers(model->path, model->definition.name, options_.log);
      model->purge_pending = !model->file->empty_log();
    } catch (const std::exception& error) {
      options_.log("erased data may remain in files beside " + model->path.string() + ": " + error.what());
    }
  }
  return pending;
}

void Projector::halt(Model& model, Partition partition, const std::string& reason) {
  const std::string words =
      "projection " + model.definition.name + " stopped at " + journal::to_string(partition) + ": " + reason;
  halted_[index_of(partition)] = true;
  {
    const std::lock_guard lock(mutex_);
    if (model.failed.empty()) model.failed = words;
  }
  options_.log(words);
  if (failed_) failed_(partition, words);
}

// What every projection has now: hooks for each commit, then one report.
void Projector::report(const std::vector<Accepted>& batch) {
  std::map<std::size_t, std::uint64_t> reached;
  for (const auto& accepted : batch) {
    const auto index = index_of(accepted.partition);
    const bool everywhere = std::all_of(models_.begin(), models_.end(), [&](const auto& model) {
      return model->applied[index].exists && accepted.seq <= model->applied[index].seq;
    });
    if (!everywhere) continue;
    auto& highest = reached[index];
    highest = std::max(highest, accepted.seq);
    for (const auto& hook : hooks_) hook(accepted);
  }
  std::vector<Applied> applied;
  for (const auto& [index, seq] : reached) applied.push_back({journal::partition_at(index), seq});
  if (applied_ && !applied.empty()) applied_(std::move(applied));
}

// --- swapping
// ------------------------------------------------------------------------------------------------------

void Projector::between_batches(std::function<void()> work) {
  Job job{std::move(work), nullptr, false};
  std::unique_lock lock(mutex_);
  if (stopping_) throw std::runtime_error("the projector was stopped");
  jobs_.push_back(&job);
  wake_.notify_all();
  wake_.wait(lock, [&] { return job.done; });
  if (job.failure) std::rethrow_exception(job.failure);
}

void Projector::replace_file(std::string_view projection, const fs::path& build) {
  auto& which = model(projection);
  if (which.lags()) save_checkpoints(which);  // should this file have to go on, it must know where it stands
  const ReadPool::Closed no_queries(which.readers);
  const ReadPool::Closed no_writer(which.writers_view);
  which.applier.reset();
  const auto closed = which.file->close();
  which.file.reset();
  std::exception_ptr failure;
  try {
    if (closed == ProjectionFile::Closed::with_log)
      throw std::runtime_error(which.path.string() + " cannot be closed in order now; try again later");
    // The file needs its log no more, and the new one must not find it.
    remove_log(which.path);
    fs::rename(build, which.path);
  } catch (...) {
    failure = std::current_exception();
  }
  which.open(options_);
  {
    const std::lock_guard lock(mutex_);
    which.visible = which.applied;
  }
  if (failure) std::rethrow_exception(failure);
}

bool Projector::reserve(std::string_view projection) {
  const std::lock_guard lock(mutex_);
  return reserved_.insert(std::string(projection)).second;
}

void Projector::release(std::string_view projection) {
  const std::lock_guard lock(mutex_);
  reserved_.erase(std::string(projection));
}

}  // namespace groundtruth::projections
