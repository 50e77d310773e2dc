// See clock_worker.hpp.
#include "workers/clock/clock_worker.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "workers/clock/wall_clock_guard.hpp"

namespace groundtruth::workers {

// Owned by the worker and, weakly, by all that it posted. `mutex` only keeps the end of the worker and a turn
// apart; everything else happens on the executor.
struct ClockWorker::State : std::enable_shared_from_this<State> {
  State(Due look_at_due, Submit submit_command, journal::Clock& given_clock,
        journal::Randomness& given_randomness, journal::Executor& given_executor,
        const journal::Duties& given_duties, ClockOptions given_options)
      : due(std::move(look_at_due)),
        submit(std::move(submit_command)),
        clock(given_clock),
        randomness(given_randomness),
        executor(given_executor),
        duties(given_duties),
        options(std::move(given_options)) {}

  // A turn later, or at once while a sweep goes on: never two turns at a time.
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
    const std::lock_guard lock(mutex);
    if (stopped) return;
    const domain::Timestamp now = clock.now();
    const bool trusted = guard.trusts(now, clock.steady());
    if (trusted != std::exchange(was_trusted, trusted))
      options.log(
          trusted ? "the clock has been steady for five minutes: deadlines are acted on again"
                  : "the clock jumped: no deadline is acted on until it has been steady for five minutes");
    if (!trusted) return schedule(false);
    Look look;
    try {
      look = due(now, std::exchange(after, std::nullopt), options.batch);
    } catch (const std::exception& failure) {
      options.log(std::string("what is due cannot be read: ") + failure.what());
    }
    after = look.next;
    std::erase_if(look.acts, [this](const Act& act) { return !duties.has(act.partition); });
    waiting = look.acts.size();
    if (waiting == 0) return schedule(after.has_value());
    for (auto& act : look.acts) perform(std::move(act), now);
  }

  void perform(Act act, domain::Timestamp now) {
    journal::Submission submission;
    submission.id = domain::new_id<domain::CommandId>("cmd_", now, domain::Bucket{act.partition.number},
                                                      randomness.bits());
    submission.partition = act.partition;
    submission.actor = {journal::ActorKind::system, "clock", std::move(act.account)};
    submission.command = std::move(act.command);
    submission.deadline = clock.steady() + options.patience;
    submission.done = [weak = weak_from_this()](const journal::Answer& answer) {
      const auto self = weak.lock();
      if (!self) return;
      const bool ended = answer.kind == journal::AnswerKind::accepted && answer.commit;
      self->executor.post([weak, ended] {
        if (const auto alive = weak.lock()) alive->answered(ended);
      });
    };
    submit(std::move(submission));
  }

  void answered(bool ended) {
    const std::lock_guard lock(mutex);
    if (ended) ++acted;
    if (--waiting == 0 && !stopped) schedule(after.has_value());
  }

  const Due due;
  const Submit submit;
  journal::Clock& clock;
  journal::Randomness& randomness;
  journal::Executor& executor;
  const journal::Duties& duties;
  const ClockOptions options;
  std::atomic<std::uint64_t> acted{0};

  std::mutex mutex;
  bool stopped = false;
  WallClockGuard guard;
  bool was_trusted = true;
  std::size_t waiting = 0;                     // commands without an answer
  std::optional<projections::DuePlace> after;  // where the sweep goes on; nullopt: from the beginning
};

ClockWorker::ClockWorker(Due due, Submit submit, journal::Clock& clock, journal::Randomness& randomness,
                         journal::Executor& executor, const journal::Duties& duties, ClockOptions options)
    : state_(std::make_shared<State>(std::move(due), std::move(submit), clock, randomness, executor, duties,
                                     std::move(options))) {}

ClockWorker::~ClockWorker() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

void ClockWorker::start() {
  state_->schedule(true);
}

std::uint64_t ClockWorker::acted() const {
  return state_->acted;
}

}  // namespace groundtruth::workers
