// See end_tasks.hpp.
#include "workers/erasure/end_tasks.hpp"

#include <future>
#include <memory>
#include <utility>

#include "domain/domain.hpp"

namespace groundtruth::workers {
namespace {

constexpr std::chrono::seconds kPatience{10};  // for the journal's answer to one batch

}  // namespace

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
  std::vector<std::future<bool>> answers;
  for (const auto& task : tasks) {
    auto answer = std::make_shared<std::promise<bool>>();
    answers.push_back(answer->get_future());
    journal::Submission submission;
    submission.id = end_command_id(task);
    submission.id_is_new = false;
    submission.partition = journal::partition_of(journal::Topic::tasks,
                                                 domain::bucket_of(task.value).value_or(domain::Bucket{}));
    submission.actor = {journal::ActorKind::system, "erasure", account.value};
    submission.command = domain::CancelTask{task, account, domain::CancelReason::by_customer};
    submission.deadline = clock_.steady() + kPatience;
    submission.done = [answer](const journal::Answer& given) {
      answer->set_value(given.kind == journal::AnswerKind::accepted);
    };
    submit_(std::move(submission));
  }
  bool all = true;
  for (auto& answer : answers) all = answer.get() && all;
  return all;
}

}  // namespace groundtruth::workers
