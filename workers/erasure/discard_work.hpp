// Gives back the places that an erased worker holds, so that what they uploaded goes, and discards their
// rejected submissions: nobody may see those any more, so their media is removed (workers/collecting follows
// `submission.discarded`). What was approved is bought and stays; what waits for its review stays until the
// customer has decided, and is discarded when that is a rejection.
//
// Each is one command of its task's chain whose id is a function of the assignment: after a crash at any step
// the next look at the read models finds what is left, and a command that went through unseen is answered
// from history.
//
// Threads: one at a time; it blocks. All that is given must outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "domain/assignment.hpp"
#include "journal/ports.hpp"
#include "journal/submission.hpp"
#include "workers/erasure/submit_all.hpp"

namespace groundtruth::workers {

class WorkDiscarder {
 public:
  // The worker's leases, and rejected submissions whose media is still there; at most `limit`, as this node's
  // read models have them.
  using Kept =
      std::function<std::vector<domain::Assignment>(const domain::WorkerId& worker, std::uint32_t limit)>;
  static constexpr std::uint32_t kBatch = 100;  // commands under way at once

  WorkDiscarder(Kept kept, Submit submit, journal::Clock& clock, journal::Randomness& randomness);

  // True once none is left. False: the journal did not take one of them; to be tried again. Throws what
  // reading the read models throws.
  bool discard_all(const domain::WorkerId& worker);

 private:
  bool discard(const domain::WorkerId& worker, const std::vector<domain::Assignment>& kept);

  const Kept kept_;
  const Submit submit_;
  journal::Clock& clock_;
  journal::Randomness& randomness_;
};

// The command that discards what came of this assignment.
domain::CommandId discard_command_id(const domain::AssignmentId& assignment);

}  // namespace groundtruth::workers
