// How far the history's time is ahead of this machine's clock, said in the log. A commit never has an earlier
// time than the one before it; so where a clock was ahead and is put right, the history stays ahead until the
// clock has come there. Until then leases and deadlines that are counted from the history's time last longer
// than they say.
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <memory>

#include "journal/executor.hpp"
#include "journal/node.hpp"
#include "journal/ports.hpp"

namespace groundtruth::app {

class ChainClock {
 public:
  // Looks every `interval` on the executor. All that is given must outlive it.
  ChainClock(journal::Node& node, const journal::Clock& clock, journal::Executor& executor,
             std::shared_ptr<spdlog::logger> log,
             std::chrono::milliseconds interval = std::chrono::seconds(10));
  ~ChainClock();  // nothing is asked of the node any more
  ChainClock(const ChainClock&) = delete;
  ChainClock& operator=(const ChainClock&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace groundtruth::app
