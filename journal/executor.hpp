// Where the node's work runs: one thread in production, the test's own thread and clock in a simulation.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace groundtruth::journal {

// Runs what is posted one after the other, never two at once. `post` and `post_at` may be called from any
// thread.
class Executor {
 public:
  using Task = std::function<void()>;
  virtual ~Executor() = default;
  virtual void post(Task task) = 0;
  virtual void post_at(std::chrono::steady_clock::time_point when, Task task) = 0;
};

// A thread that runs tasks until it is destroyed; what was posted before that is run first, timers are
// dropped. A task that throws ends the process: state in memory is then unknown, and the journal is not.
std::unique_ptr<Executor> make_thread_executor(std::string name);

}  // namespace groundtruth::journal
