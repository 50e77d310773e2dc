// See media_collector.hpp.
#include "workers/collecting/media_collector.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "workers/clock/wall_clock_guard.hpp"
#include "workers/ports/blob_keys.hpp"

namespace groundtruth::workers {
namespace {

struct Job {
  journal::Position position;
  Following::Term term = 0;
  domain::AssignmentId assignment;
  std::uint32_t lease = 0;
  std::string sha256;  // "": all that a discarded submission names
  bool was_removed = false;
};
using Jobs = std::multimap<std::int64_t, Job>;  // by when to look, in ms

FollowingOptions following_options(const CollectorOptions& options) {
  FollowingOptions following;
  following.checkpoint_file = options.checkpoint_file;
  following.markers = {std::string(domain::UploadAnnounced::kType),
                       std::string(domain::SubmissionDiscarded::kType)};
  following.max_open = options.max_open;
  following.log = options.log;
  return following;
}

bool names(const domain::Assignment& assignment, const std::string& sha256) {
  return std::any_of(assignment.media.begin(), assignment.media.end(),
                     [&](const domain::Media& media) { return media.sha256 == sha256; });
}

}  // namespace

// Owned by the collector and, weakly, by all that it posted.
struct MediaCollector::State : std::enable_shared_from_this<State> {
  State(Find given_find, ports::BlobStore& given_blobs, const journal::Journal& journal,
        const journal::CommitCodec& codec, journal::Clock& given_clock, journal::Executor& given_executor,
        CollectorOptions given_options)
      : find(std::move(given_find)),
        blobs(given_blobs),
        clock(given_clock),
        executor(given_executor),
        options(std::move(given_options)),
        following(journal, codec, following_options(options),
                  [this](const journal::Accepted& accepted, Following::Term term) {
                    return look(accepted, term);
                  }) {}

  // Under the lock of `following`: only remembers what is to be done.
  std::size_t look(const journal::Accepted& accepted, Following::Term term) {
    std::size_t jobs = 0;
    const std::int64_t due = accepted.commit->at.ms + options.keep.count();
    for (const auto& event : accepted.commit->events) {
      if (const auto* discarded = std::get_if<domain::SubmissionDiscarded>(&event.data)) {
        const std::lock_guard lock(mutex);
        arrived.emplace_back(accepted.commit->at.ms,
                             Job{{accepted.partition, accepted.seq}, term, discarded->assignment, 0, ""});
        ++jobs;
      }
      const auto* announced = std::get_if<domain::UploadAnnounced>(&event.data);
      if (announced == nullptr) continue;
      const std::lock_guard lock(mutex);
      arrived.emplace_back(due, Job{{accepted.partition, accepted.seq},
                                    term,
                                    announced->assignment,
                                    announced->lease,
                                    announced->upload.sha256});
      ++jobs;
    }
    return jobs;
  }

  void schedule(bool soon) {
    auto task = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->turn();
    };
    if (soon)
      executor.post(std::move(task));
    else
      executor.post_at(clock.steady() + options.interval, std::move(task));
  }

  void turn() {
    const std::lock_guard lock(running);
    if (stopped) return;
    bool more = false;
    try {
      more = following.is_behind() && following.read();
    } catch (const std::exception& failure) {
      options.log(std::string("uploads that were announced cannot be read: ") + failure.what());
    }
    take_arrived();
    if (reassigned.exchange(false))
      std::erase_if(jobs, [this](const auto& each) { return !is_ours(each.second); });
    const domain::Timestamp now = clock.now();
    if (guard.trusts(now, clock.steady())) more = settle_due(now) || more;
    following.save();
    schedule(more);
  }

  void take_arrived() {
    std::vector<std::pair<std::int64_t, Job>> fresh;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(arrived);
    }
    for (auto& [due, job] : fresh) jobs.emplace(due, std::move(job));
  }

  bool is_ours(const Job& job) const { return following.is_ours(job.position.partition, job.term); }

  // True: more is due now.
  bool settle_due(domain::Timestamp now) {
    for (std::size_t i = 0; i < options.batch; ++i) {
      if (stopping || jobs.empty() || jobs.begin()->first > now.ms) return false;
      auto node = jobs.extract(jobs.begin());
      if (!is_ours(node.mapped())) continue;
      const auto again = settle(node.mapped(), now);
      if (again) {
        node.key() = again->ms;
        jobs.insert(std::move(node));
      } else {
        following.finished(node.mapped().position, node.mapped().term);
      }
    }
    return true;
  }

  // nullopt: that was it; else when to look again, later than now.
  std::optional<domain::Timestamp> settle(Job& job, domain::Timestamp now) {
    const domain::Timestamp later{now.ms + options.retry_delay.count()};
    try {
      const auto assignment = find(job.assignment);
      const bool is_whole = job.sha256.empty();
      const bool is_seen =
          assignment && assignment->lease >= job.lease && (!is_whole || assignment->is_discarded);
      if (!is_seen) return later;  // the journal was read further than the read models
      if (is_whole) {
        for (const auto& media : assignment->media) remove(job.assignment, assignment->lease, media.sha256);
        if (std::exchange(job.was_removed, true)) return std::nullopt;
        removed += assignment->media.size();
        return later;
      }
      if (assignment->lease == job.lease) {
        // Whether its time is over is for the chain to say: until then a proof may be accepted.
        if (assignment->status == domain::AssignmentStatus::leased) return next_look(*assignment, now);
        if (!assignment->is_discarded && names(*assignment, job.sha256)) return std::nullopt;
      }
      remove(job.assignment, job.lease, job.sha256);
      if (std::exchange(job.was_removed, true)) return std::nullopt;
      ++removed;
      return later;
    } catch (const std::exception& failure) {
      options.log("media of " + job.assignment.value +
                  " could not be removed and will be tried again: " + failure.what());
      return later;
    }
  }

  // When the lease is over; or before, for who is erased gives it back.
  domain::Timestamp next_look(const domain::Assignment& assignment, domain::Timestamp now) const {
    const auto over = std::max(assignment.lease_until.ms, now.ms) + options.interval.count();
    return {std::min(over, now.ms + std::max(options.keep, options.interval).count())};
  }

  void remove(const domain::AssignmentId& assignment, std::uint32_t lease, const std::string& sha256) {
    blobs.remove(ports::blob_key(assignment, lease, sha256));
  }

  const Find find;
  ports::BlobStore& blobs;
  journal::Clock& clock;
  journal::Executor& executor;
  const CollectorOptions options;
  std::atomic<std::uint64_t> removed{0};

  std::mutex running;  // keeps the end of the collector and its turns apart
  bool stopped = false;
  std::atomic<bool> stopping{false};
  std::atomic<bool> reassigned{false};
  WallClockGuard guard;
  Jobs jobs;

  std::mutex mutex;
  std::vector<std::pair<std::int64_t, Job>> arrived;
  Following following;
};

MediaCollector::MediaCollector(Find find, ports::BlobStore& blobs, const journal::Journal& journal,
                               const journal::CommitCodec& codec, journal::Clock& clock,
                               journal::Executor& executor, journal::Duties& duties, CollectorOptions options)
    : state_(std::make_shared<State>(std::move(find), blobs, journal, codec, clock, executor,
                                     std::move(options))) {
  state_->following.load();
  duties.on_change([weak = std::weak_ptr(state_)](const journal::PartitionSet& ours) {
    const auto state = weak.lock();
    if (!state) return;
    state->following.assign(ours);
    state->reassigned = true;
  });
}

MediaCollector::~MediaCollector() {
  stop();
}

void MediaCollector::observe(const journal::Accepted& accepted) {
  state_->following.observe(accepted);
}

void MediaCollector::start() {
  state_->schedule(true);
}

void MediaCollector::stop() {
  state_->stopping = true;  // a turn under way ends with the object that it is at
  {
    const std::lock_guard lock(state_->running);
    if (std::exchange(state_->stopped, true)) return;
  }
  state_->following.save();
}

std::uint64_t MediaCollector::removed() const {
  return state_->removed;
}

std::size_t MediaCollector::waiting() const {
  return state_->following.open();
}

}  // namespace groundtruth::workers
