// See relay.hpp.
#include "workers/relay/relay.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

namespace groundtruth::workers {
namespace {

struct Job {
  journal::Position source;
  Following::Term term = 0;
  std::uint32_t event = 0;
  journal::Partition target;
  domain::Command command;
};

}  // namespace

// Owned by the relay and, weakly, by all that it posted.
struct Relay::State : std::enable_shared_from_this<State> {
  State(EffectOf given_effect_of, Submit submit_command, const journal::Journal& journal,
        const journal::CommitCodec& codec, journal::Clock& given_clock, journal::Randomness& given_randomness,
        journal::Executor& given_executor, RelayOptions given_options)
      : effect_of(std::move(given_effect_of)),
        submit(std::move(submit_command)),
        clock(given_clock),
        randomness(given_randomness),
        executor(given_executor),
        options(std::move(given_options)),
        following(journal, codec, with_lanes(options.following),
                  [this](const journal::Accepted& accepted, const Following::Lanes& open_lanes,
                         Following::Term term) { return look(accepted, open_lanes, term); }) {}

  static FollowingOptions with_lanes(FollowingOptions options) {
    options.lanes = journal::kPartitionsPerTopic;
    return options;
  }

  // Under the lock of `following`: only remembers what is to be done.
  Following::LaneJobs look(const journal::Accepted& accepted, const Following::Lanes& open_lanes,
                           Following::Term term) {
    Following::LaneJobs jobs{};
    const auto& events = accepted.commit->events;
    for (std::uint32_t i = 0; i < events.size(); ++i) {
      auto effect = effect_of(events[i].data);
      if (!effect || !open_lanes[effect->target.number]) continue;
      const std::lock_guard lock(mutex);
      ++jobs[effect->target.number];
      arrived.push_back(
          {{accepted.partition, accepted.seq}, term, i, effect->target, std::move(effect->command)});
    }
    return jobs;
  }

  void assign(const journal::PartitionSet& ours) {
    following.assign(ours);
    reassigned = true;
    const std::lock_guard lock(mutex);
    if (started) wake();
  }

  void wake() {
    if (awake.exchange(true)) return;
    executor.post(guarded([](State& self) {
      self.awake = false;
      self.turn();
    }));
  }

  template <class Work>
  journal::Executor::Task guarded(Work work) {
    return [weak = weak_from_this(), work = std::move(work)] {
      const auto self = weak.lock();
      if (!self) return;
      const std::lock_guard lock(self->running);
      if (!self->stopped) work(*self);
    };
  }

  void turn() {
    if (reassigned.exchange(false)) let_go();
    bool more = false;
    try {
      more = following.is_behind() && following.read();
    } catch (const std::exception& failure) {
      options.following.log(options.name + ": the journal cannot be read: " + failure.what());
      executor.post_at(clock.steady() + options.retry_delay, guarded([](State& self) { self.wake(); }));
    }
    std::deque<Job> fresh;
    {
      const std::lock_guard lock(mutex);
      fresh.swap(arrived);
    }
    for (auto& job : fresh) {
      auto& lane = lanes[{job.source.partition, job.target}];
      lane.push_back(std::move(job));
      if (lane.size() == 1) send_next(lane);
    }
    if (more) wake();
  }

  // What is on its way stays at the front until it is answered.
  void let_go() {
    for (auto& [pair, lane] : lanes)
      if (!lane.empty())
        lane.erase(std::remove_if(std::next(lane.begin()), lane.end(),
                                  [this](const Job& job) { return !is_ours(job); }),
                   lane.end());
  }

  bool is_ours(const Job& job) const { return following.is_ours(job.source.partition, job.term); }

  void send_next(std::deque<Job>& lane) {
    while (!lane.empty() && !is_ours(lane.front())) lane.pop_front();
    if (!lane.empty()) send(lane.front());
  }

  void send(const Job& job) {
    const auto bucket = domain::Bucket{job.target.number};
    journal::Submission submission;
    submission.id = domain::new_id<domain::CommandId>("cmd_", clock.now(), bucket, randomness.bits());
    submission.partition = job.target;
    submission.actor = {journal::ActorKind::system, options.name, {}};
    submission.cause = journal::Cause{job.source.partition, job.source.seq, job.event, options.name + ".0"};
    submission.command = job.command;
    submission.answer_when = journal::AnswerWhen::internal;
    submission.deadline = clock.steady() + options.patience;
    const auto lane = std::pair(job.source.partition, job.target);
    submission.done = [weak = weak_from_this(), lane](const journal::Answer& answer) {
      const auto self = weak.lock();
      if (!self) return;
      const bool taken =
          answer.kind == journal::AnswerKind::accepted || answer.kind == journal::AnswerKind::rejected;
      self->executor.post(self->guarded([lane, taken](State& state) { state.answered(lane, taken); }));
    };
    submit(std::move(submission));
  }

  void answered(const std::pair<journal::Partition, journal::Partition>& lane, bool taken) {
    auto& jobs = lanes[lane];
    if (!taken) {  // not yet, or nobody knows: sending it again does no harm
      executor.post_at(clock.steady() + options.retry_delay,
                       guarded([lane](State& self) { self.send_next(self.lanes[lane]); }));
      return;
    }
    ++carried;
    following.finished(jobs.front().source, jobs.front().term, lane.second.number);
    jobs.pop_front();
    send_next(jobs);
    if (following.is_behind()) wake();  // there is room again
  }

  void save_now_and_then() {
    following.save();
    executor.post_at(clock.steady() + options.checkpoint_interval,
                     guarded([](State& self) { self.save_now_and_then(); }));
  }

  const EffectOf effect_of;
  const Submit submit;
  journal::Clock& clock;
  journal::Randomness& randomness;
  journal::Executor& executor;
  const RelayOptions options;

  std::mutex running;  // keeps the end of the relay and its work apart
  bool stopped = false;
  std::atomic<bool> awake{false};
  std::atomic<bool> reassigned{false};
  std::atomic<std::uint64_t> carried{0};
  std::map<std::pair<journal::Partition, journal::Partition>, std::deque<Job>> lanes;  // the front is sent

  std::mutex mutex;
  bool started = false;
  std::deque<Job> arrived;
  Following following;
};

Relay::Relay(EffectOf effect_of, Submit submit, const journal::Journal& journal,
             const journal::CommitCodec& codec, journal::Clock& clock, journal::Randomness& randomness,
             journal::Executor& executor, journal::Duties& duties, RelayOptions options)
    : state_(std::make_shared<State>(std::move(effect_of), std::move(submit), journal, codec, clock,
                                     randomness, executor, std::move(options))) {
  state_->following.load();
  duties.on_change([weak = std::weak_ptr(state_)](const journal::PartitionSet& ours) {
    if (const auto state = weak.lock()) state->assign(ours);
  });
}

Relay::~Relay() {
  stop();
}

void Relay::stop() {
  {
    const std::lock_guard lock(state_->running);
    state_->stopped = true;
  }
  state_->following.save();
}

void Relay::observe(const journal::Accepted& accepted) {
  state_->following.observe(accepted);
  const std::lock_guard lock(state_->mutex);
  if (!state_->arrived.empty() && state_->started) state_->wake();
}

void Relay::start() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->started = true;
  }
  state_->wake();
  state_->executor.post(state_->guarded([](State& self) { self.save_now_and_then(); }));
}

std::uint64_t Relay::carried() const {
  return state_->carried;
}

std::size_t Relay::waiting() const {
  return state_->following.open();
}

}  // namespace groundtruth::workers
