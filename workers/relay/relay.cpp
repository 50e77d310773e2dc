// See relay.hpp.
#include "workers/relay/relay.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace groundtruth::workers {
namespace {

using LaneName = std::pair<journal::Partition, journal::Partition>;  // source and target

struct Job {
  enum class State : std::uint8_t { waits, sent, taken, refused };
  journal::Position source;
  Following::Term term = 0;
  std::uint32_t event = 0;
  journal::Partition target;
  domain::Command command;
  State state = State::waits;
  std::uint64_t sending = 0;  // which one; while sent

  journal::RelayMark mark() const { return {source.seq, event}; }
};

// Effects in their order: some taken or sent, then those that wait. One that is taken stays while one before
// it is not.
struct Lane {
  std::deque<Job> jobs;
  std::size_t waiting = 0;  // of `jobs`, the first that was not sent
  bool pauses = false;      // something was refused: nothing more is sent before all that again
  bool moved = false;       // something was taken since something was refused
};

struct Answered {
  LaneName lane;
  std::uint64_t sending = 0;
  bool taken = false;
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
    std::set<LaneName> touched;
    for (const auto& answer : taken_from(answered))
      if (note(answer)) touched.insert(answer.lane);
    for (const auto& name : touched) advance(name, lanes[name]);  // which makes room
    touched.clear();

    bool more = false;
    try {
      more = following.is_behind() && following.read();
    } catch (const std::exception& failure) {
      options.following.log(options.name + ": the journal cannot be read: " + failure.what());
      read_again_later();
    }
    for (auto& job : taken_from(arrived)) {
      const LaneName name{job.source.partition, job.target};
      lanes[name].jobs.push_back(std::move(job));
      touched.insert(name);
    }
    for (const auto& name : touched) advance(name, lanes[name]);
    if (more) wake();
  }

  // Each answer makes a turn, and each turn may fail to read: one timer does.
  void read_again_later() {
    if (std::exchange(reads_again, true)) return;
    executor.post_at(clock.steady() + options.retry_delay, guarded([](State& self) {
                       self.reads_again = false;
                       self.wake();
                     }));
  }

  template <class All>
  All taken_from(All& shared) {
    const std::lock_guard lock(mutex);
    return std::exchange(shared, {});
  }

  // What is on its way stays until it is answered.
  void let_go() {
    for (auto& [name, lane] : lanes) {
      const auto first = lane.jobs.begin() + static_cast<std::ptrdiff_t>(lane.waiting);
      lane.jobs.erase(
          std::remove_if(first, lane.jobs.end(), [this](const Job& job) { return !is_ours(job); }),
          lane.jobs.end());
    }
  }

  bool is_ours(const Job& job) const { return following.is_ours(job.source.partition, job.term); }

  // False: nobody waits for this answer any more.
  bool note(const Answered& answer) {
    auto& jobs = lanes[answer.lane].jobs;
    const auto job = std::find_if(jobs.begin(), jobs.end(), [&](const Job& each) {
      return each.state == Job::State::sent && each.sending == answer.sending;
    });
    if (job == jobs.end()) return false;
    job->state = answer.taken ? Job::State::taken : Job::State::refused;
    return true;
  }

  void advance(const LaneName& name, Lane& lane) {
    while (lane.waiting > 0 && lane.jobs.front().state == Job::State::taken) {
      ++carried;
      following.finished(lane.jobs.front().source, lane.jobs.front().term, name.second.number);
      lane.jobs.pop_front();
      --lane.waiting;
      lane.moved = true;
    }
    const auto sent = lane.jobs.begin() + static_cast<std::ptrdiff_t>(lane.waiting);
    const auto any = [&](Job::State state) {
      return std::any_of(lane.jobs.begin(), sent, [&](const Job& job) { return job.state == state; });
    };
    if (lane.pauses) return;
    if (!any(Job::State::refused)) return send_more(lane);
    // Not yet, or nobody knows: sending it again does no harm. But only once nothing of it is on its way:
    // what followed it may be taken still, where its own bytes land after all.
    if (any(Job::State::sent)) return;
    lane.pauses = true;
    // Who took one may take the next at once; who took nothing since the last time needs a while.
    const auto delay = std::exchange(lane.moved, false) ? std::chrono::milliseconds(0) : options.retry_delay;
    executor.post_at(clock.steady() + delay, guarded([name](State& self) { self.send_again(name); }));
  }

  void send_again(const LaneName& name) {
    Lane& lane = lanes[name];
    lane.pauses = false;
    for (std::size_t i = 0; i < lane.waiting; ++i) lane.jobs[i].state = Job::State::waits;
    lane.waiting = 0;
    send_more(lane);
  }

  void send_more(Lane& lane) {
    while (lane.waiting < std::min(lane.jobs.size(), options.in_flight)) {
      const auto job = lane.jobs.begin() + static_cast<std::ptrdiff_t>(lane.waiting);
      // Of a term that is over: those before it may be gone, and it would be taken without them.
      if (!is_ours(*job)) {
        lane.jobs.erase(job);
        continue;
      }
      const Job* before = lane.waiting > 0 ? &*std::prev(job) : nullptr;
      // The first of a term goes behind nothing that is not answered: the place says so.
      if (before && before->term != job->term) before = nullptr;
      send(*job, before);
      ++lane.waiting;
    }
  }

  void send(Job& job, const Job* before) {
    const auto bucket = domain::Bucket{job.target.number};
    journal::Submission submission;
    submission.id = domain::new_id<domain::CommandId>("cmd_", clock.now(), bucket, randomness.bits());
    submission.partition = job.target;
    submission.actor = {journal::ActorKind::system, options.name, {}};
    submission.cause = journal::Cause{job.source.partition, job.source.seq, job.event, options.name + ".0"};
    if (before) submission.behind = before->mark();
    submission.command = job.command;
    submission.answer_when = journal::AnswerWhen::internal;
    submission.deadline = clock.steady() + options.patience;
    job.state = Job::State::sent;
    job.sending = ++sendings;
    submission.done = [weak = weak_from_this(), lane = LaneName(job.source.partition, job.target),
                       sending = job.sending](const journal::Answer& answer) {
      const auto self = weak.lock();
      if (!self) return;
      const bool taken =
          answer.kind == journal::AnswerKind::accepted || answer.kind == journal::AnswerKind::rejected;
      {
        const std::lock_guard lock(self->mutex);
        self->answered.push_back({lane, sending, taken});
      }
      self->wake();
    };
    submit(std::move(submission));
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
  std::map<LaneName, Lane> lanes;
  std::uint64_t sendings = 0;
  bool reads_again = false;

  std::mutex mutex;
  bool started = false;
  std::deque<Job> arrived;
  std::vector<Answered> answered;
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
