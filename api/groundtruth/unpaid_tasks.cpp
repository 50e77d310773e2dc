// See unpaid_tasks.hpp.
#include "api/groundtruth/unpaid_tasks.hpp"

#include <algorithm>

namespace groundtruth::api::groundtruth {

UnpaidTasks::Place::~Place() {
  if (auto* tasks = std::exchange(tasks_, nullptr)) tasks->end(account_, 0);
}

// A replay's task is counted already. What may have been written is counted by who looks at the read models.
void UnpaidTasks::Place::settle(const journal::Answer& answer) {
  auto* tasks = std::exchange(tasks_, nullptr);
  if (tasks == nullptr) return;
  const bool is_new = answer.kind == journal::AnswerKind::accepted && answer.commit && !answer.replayed;
  tasks->end(account_, is_new ? answer.commit->seq : 0);
}

std::uint64_t UnpaidTasks::newest(const domain::AccountId& account) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(account.value);
  if (found == accounts_.end() || found->second.answered.empty()) return 0;
  return *std::max_element(found->second.answered.begin(), found->second.answered.end());
}

UnpaidTasks::Place UnpaidTasks::take(const domain::AccountId& account, std::uint64_t stored,
                                     std::uint64_t seen_seq) {
  const std::lock_guard lock(mutex_);
  OnTheWay& way = accounts_[account.value];
  std::erase_if(way.answered, [&](std::uint64_t seq) { return seq <= seen_seq; });
  if (stored + way.unanswered + way.answered.size() >= options_.max_tasks) {
    if (way.unanswered == 0 && way.answered.empty()) accounts_.erase(account.value);
    return {};
  }
  ++way.unanswered;
  return {this, account.value};
}

void UnpaidTasks::end(const std::string& account, std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(account);
  if (found == accounts_.end()) return;
  OnTheWay& way = found->second;
  if (way.unanswered > 0) --way.unanswered;
  if (seq > 0) way.answered.push_back(seq);
  if (way.unanswered == 0 && way.answered.empty()) accounts_.erase(found);
}

}  // namespace groundtruth::api::groundtruth
