// See end_tasks.hpp.
#include "workers/erasure/end_tasks.hpp"

#include <utility>

#include "domain/domain.hpp"

namespace groundtruth::workers {

// Both ids are 26 characters behind a prefix, and no other command is named after a task.
domain::CommandId end_command_id(const domain::TaskId& task) {
  return {"cmd_" + task.value.substr(task.value.find('_') + 1)};
}

TaskEnder::TaskEnder(Alive alive, Submit submit, journal::Clock& clock)
    : alive_(std::move(alive)), submit_(std::move(submit)), clock_(clock) {}

bool TaskEnder::end_all(const domain::AccountId& account) {
  for (;;) {
    const auto tasks = alive_(account, kBatch);
    if (tasks.empty()) return true;
    if (!end(account, tasks)) return false;
  }
}

// An accepted command is answered when the read models have it, so the next look no longer sees its task. One
// that is refused may have been ended by a commit which they do not have yet: that is seen later.
bool TaskEnder::end(const domain::AccountId& account, const std::vector<domain::TaskId>& tasks) {
  std::vector<journal::Submission> submissions;
  for (const auto& task : tasks) {
    journal::Submission submission;
    submission.id = end_command_id(task);
    submission.id_is_new = false;
    submission.partition = journal::partition_of(journal::Topic::tasks,
                                                 domain::bucket_of(task.value).value_or(domain::Bucket{}));
    submission.actor = {journal::ActorKind::system, "erasure", account.value};
    submission.command = domain::CancelTask{task, account, domain::CancelReason::by_customer};
    submissions.push_back(std::move(submission));
  }
  return submit_all(submit_, clock_, std::move(submissions));
}

}  // namespace groundtruth::workers
