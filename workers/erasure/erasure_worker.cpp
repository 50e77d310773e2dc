// See erasure_worker.hpp.
#include "workers/erasure/erasure_worker.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace groundtruth::workers {
namespace {

constexpr std::chrono::seconds kWaitForReadModels{30};

FollowingOptions following_options(const ErasureOptions& options) {
  FollowingOptions following;
  following.checkpoint_file = options.checkpoint_file;
  following.markers = {std::string(domain::AccountErased::kType), std::string(domain::WorkerErased::kType),
                       std::string(domain::SubmissionRejected::kType)};
  following.max_open =
      std::numeric_limits<std::size_t>::max();  // done as fast as they are read, and wait for nobody
  following.log = options.log;
  return following;
}

}  // namespace

ErasureWorker::ErasureWorker(const journal::Journal& journal, const journal::CommitCodec& codec,
                             journal::Node& node, journal::KeyStore& keys, EndTasks end_tasks,
                             DiscardWork discard_work, journal::Duties& duties, ErasureOptions options)
    : node_(node),
      keys_(keys),
      end_tasks_(std::move(end_tasks)),
      discard_work_(std::move(discard_work)),
      options_(std::move(options)),
      following_(
          journal, codec, following_options(options_),
          [this](const journal::Accepted& accepted, Following::Term term) { return look(accepted, term); }) {
  following_.load();
  duties.on_change([this](const journal::PartitionSet& ours) { assign(ours); });
}

ErasureWorker::~ErasureWorker() {
  stop();
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
  following_.observe(accepted);
}

void ErasureWorker::assign(const journal::PartitionSet& ours) {
  following_.assign(ours);
  {
    const std::lock_guard lock(state_->mutex);
    state_->reassigned = true;
  }
  state_->wake.notify_all();
}

std::size_t ErasureWorker::look(const journal::Accepted& accepted, Following::Term term) {
  std::size_t jobs = 0;
  for (const auto& event : accepted.commit->events) {
    const auto* rejected = std::get_if<domain::SubmissionRejected>(&event.data);
    const auto owner =
        rejected != nullptr ? std::optional(rejected->worker.value) : domain::erased_owner(event.data);
    if (!owner) continue;
    const auto kind = rejected != nullptr                                         ? Kind::rejection
                      : std::holds_alternative<domain::AccountErased>(event.data) ? Kind::account
                                                                                  : Kind::worker;
    const std::lock_guard lock(state_->mutex);
    state_->waiting.push_back({{accepted.partition, accepted.seq}, term, *owner, kind});
    ++jobs;
  }
  if (jobs > 0) state_->wake.notify_all();
  return jobs;
}

// The mutex is held but for the moments in which something outside is asked; `following_` is, too: it calls
// `look` under its own.
void ErasureWorker::run() {
  State& state = *state_;
  auto next_save = std::chrono::steady_clock::now() + options_.checkpoint_interval;
  std::unique_lock lock(state.mutex);
  auto next_retry = std::chrono::steady_clock::now();
  for (;;) {
    state.wake.wait_until(lock, std::min(next_retry, next_save), [&] {
      return state.stopping || state.reassigned || !state.waiting.empty() || !state.ready.empty();
    });
    if (state.stopping) break;
    const auto now = std::chrono::steady_clock::now();
    if (std::exchange(state.reassigned, false) || now >= next_retry) {
      lock.unlock();
      read();
      lock.lock();
    }
    if (now >= next_retry) {
      for (auto& job : state.late) state.waiting.push_back(std::move(job));
      state.late.clear();
      next_retry = now + options_.retry_delay;
    }
    for (auto& job : std::exchange(state.waiting, {})) {
      lock.unlock();
      if (is_ours(job)) ask(std::move(job));
      lock.lock();
    }
    for (auto& job : std::exchange(state.ready, {})) {
      lock.unlock();
      const bool done = !is_ours(job) || carry_out(job);
      if (done) following_.finished(job.position, job.term);
      lock.lock();
      if (!done) state.late.push_back(std::move(job));
    }
    if (now >= next_save) {
      lock.unlock();
      following_.save();
      lock.lock();
      next_save = std::chrono::steady_clock::now() + options_.checkpoint_interval;
    }
  }
  lock.unlock();
  following_.save();
}

// What was not observed: from before the start, or of partitions that have come to us.
void ErasureWorker::read() {
  try {
    while (following_.is_behind() && following_.read()) {
    }
  } catch (const std::exception& failure) {
    options_.log(std::string("erasures cannot be read and will be tried again: ") + failure.what());
  }
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

// Without the mutex.
bool ErasureWorker::carry_out(Job& job) {
  if (!job.is_forgotten && job.kind != Kind::rejection) {
    job.is_forgotten = destroy(job);
    const std::lock_guard lock(state_->mutex);
    if (job.is_forgotten) ++state_->destroyed;
  }
  return (job.is_forgotten || job.kind == Kind::rejection) && finish_work(job);
}

bool ErasureWorker::finish_work(const Job& job) {
  try {
    if (job.kind != Kind::rejection) options_.forget(job.owner);
    return job.kind == Kind::account ? end_tasks_({job.owner}) : discard_work_({job.owner});
  } catch (const std::exception& failure) {
    options_.log("the work of " + job.owner +
                 " could not be ended and will be tried again: " + failure.what());
    return false;
  }
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

}  // namespace groundtruth::workers
