// See chain_clock.hpp.
#include "app/chain_clock.hpp"

#include <mutex>
#include <utility>

#include "api/ops/chain_time.hpp"

namespace groundtruth::app {
namespace {

constexpr std::chrono::minutes kSayAgain{10};

}  // namespace

// Owned by the watch and, weakly, by all that it posted.
struct ChainClock::State : std::enable_shared_from_this<State> {
  State(journal::Node& given_node, const journal::Clock& given_clock, journal::Executor& given_executor,
        std::shared_ptr<spdlog::logger> given_log, std::chrono::milliseconds given_interval)
      : node(given_node),
        clock(given_clock),
        executor(given_executor),
        log(std::move(given_log)),
        interval(given_interval) {}

  void schedule(std::chrono::milliseconds in) {
    executor.post_at(clock.steady() + in, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->turn();
    });
  }

  void turn() {
    const std::lock_guard lock(mutex);
    if (stopped) return;
    node.status([weak = weak_from_this()](const journal::NodeStatus& status) {
      if (const auto self = weak.lock()) self->look(ops::chain_ahead(status, self->clock.now()));
    });
    schedule(interval);
  }

  // On the node's thread, one at a time.
  void look(std::chrono::seconds ahead) {
    const auto now = clock.steady();
    if (ahead < ops::kChainAheadMatters) {
      if (std::exchange(was_ahead, false)) log->info("the history's time is no longer ahead of this clock");
      return;
    }
    if (was_ahead && now < say_again) return;
    was_ahead = true;
    say_again = now + kSayAgain;
    log->warn("{}", ops::chain_ahead_warning(ahead));
  }

  journal::Node& node;
  const journal::Clock& clock;
  journal::Executor& executor;
  const std::shared_ptr<spdlog::logger> log;
  const std::chrono::milliseconds interval;
  bool was_ahead = false;
  std::chrono::steady_clock::time_point say_again;
  std::mutex mutex;
  bool stopped = false;
};

ChainClock::ChainClock(journal::Node& node, const journal::Clock& clock, journal::Executor& executor,
                       std::shared_ptr<spdlog::logger> log, std::chrono::milliseconds interval)
    : state_(std::make_shared<State>(node, clock, executor, std::move(log), interval)) {
  state_->schedule(std::chrono::milliseconds(0));
}

ChainClock::~ChainClock() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

}  // namespace groundtruth::app
