// See discard_work.hpp.
#include "workers/erasure/discard_work.hpp"

#include <utility>

#include "domain/domain.hpp"

namespace groundtruth::workers {

// Both ids are 26 characters behind a prefix, and no other command is named after an assignment.
domain::CommandId discard_command_id(const domain::AssignmentId& assignment) {
  return {"cmd_" + assignment.value.substr(assignment.value.find('_') + 1)};
}

WorkDiscarder::WorkDiscarder(Kept kept, Submit submit, journal::Clock& clock, journal::Randomness& randomness)
    : kept_(std::move(kept)), submit_(std::move(submit)), clock_(clock), randomness_(randomness) {}

bool WorkDiscarder::discard_all(const domain::WorkerId& worker) {
  for (;;) {
    const auto kept = kept_(worker, kBatch);
    if (kept.empty()) return true;
    if (!discard(worker, kept)) return false;
  }
}

// An accepted command is answered when the read models have it, so the next look no longer sees its
// submission.
bool WorkDiscarder::discard(const domain::WorkerId& worker, const std::vector<domain::Assignment>& kept) {
  std::vector<journal::Submission> submissions;
  for (const auto& assignment : kept) {
    journal::Submission submission;
    const bool is_lease = assignment.status == domain::AssignmentStatus::leased;
    const auto bucket = domain::bucket_of(assignment.task.value).value_or(domain::Bucket{});
    submission.id = is_lease
                        ? domain::new_id<domain::CommandId>("cmd_", clock_.now(), bucket, randomness_.bits())
                        : discard_command_id(assignment.id);
    submission.id_is_new = is_lease;
    submission.partition = journal::partition_of(journal::Topic::tasks, bucket);
    submission.actor = {journal::ActorKind::system, "erasure", worker.value};
    if (is_lease)
      submission.command = domain::ReleaseTask{assignment.id, assignment.task};
    else
      submission.command = domain::DiscardSubmission{assignment.id, assignment.task};
    submissions.push_back(std::move(submission));
  }
  return submit_all(submit_, clock_, std::move(submissions));
}

}  // namespace groundtruth::workers
