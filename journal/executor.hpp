// Where the node's work runs: one thread in production, the test's own thread and clock in a simulation.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace groundtruth::journal {

// Runs what is posted one after the other, never two at once. All may be called from any thread, `stop` from
// any but the executor's own. It outlives whoever may post to it.
class Executor {
 public:
  using Task = std::function<void()>;
  virtual ~Executor() = default;
  virtual void post(Task task) = 0;
  virtual void post_at(std::chrono::steady_clock::time_point when, Task task) = 0;
  // Runs what was posted before, and nothing after that: timers and what is posted later are dropped. So what
  // tasks use may go once this returns, whoever still posts.
  virtual void stop() = 0;
};

// A thread that runs tasks until it is stopped or destroyed. A task that throws ends the process: state in
// memory is then unknown, and the journal is not.
std::unique_ptr<Executor> make_thread_executor(std::string name);

}  // namespace groundtruth::journal
