// Ends the tasks of an erased account, as its own cancelling would: what was handed in stays owed, the rest
// of the money goes back to where it came from (domain/task.cpp, CancelTask). Nobody is there to look at what
// would still be handed in.
//
// Once the account is erased no task is made in its chain, so a look at the read models, taken when they have
// the erasure, sees every task that is to end; after that they only become fewer. Each is one command of the
// account's own chain, whose id is a function of the task: after a crash at any step the next look finds what
// is left, and a command that went through unseen is answered from history. Whoever ended a task before
// (its customer a moment ago, its deadline) has ended it; the domain refuses to do so twice.
//
// Threads: one at a time; it blocks. All that is given must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "domain/ids.hpp"
#include "journal/ports.hpp"
#include "journal/submission.hpp"
#include "workers/erasure/submit_all.hpp"

namespace groundtruth::workers {

class TaskEnder {
 public:
  // Tasks of the account that are funding or open, at most `limit`, as this node's read models have them.
  using Alive =
      std::function<std::vector<domain::TaskId>(const domain::AccountId& account, std::uint32_t limit)>;
  static constexpr std::uint32_t kBatch = 100;  // commands under way at once

  TaskEnder(Alive alive, Submit submit, journal::Clock& clock);

  // True once none is left. False: the journal did not take one of them; to be tried again. Throws what
  // reading the read models throws.
  bool end_all(const domain::AccountId& account);

 private:
  bool end(const domain::AccountId& account, const std::vector<domain::TaskId>& tasks);

  const Alive alive_;
  const Submit submit_;
  journal::Clock& clock_;
};

// The command that ends this task.
domain::CommandId end_command_id(const domain::TaskId& task);

}  // namespace groundtruth::workers
