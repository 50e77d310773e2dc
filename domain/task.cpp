// How a task's events change it (domain/task.hpp).
#include "domain/task.hpp"

#include "domain/domain.hpp"

namespace groundtruth::domain {
namespace {

Rejection not_now(RejectionCode code, const Task& task) {
  return {code, {}, {{"status", std::string(boost::describe::enum_to_string(task.status, ""))}}};
}

// What goes back when a task ends before its target is reached: all that is not owed to workers. Submissions
// that wait for their review stay owed; leases end.
Cents refund_of(const Task& task) {
  return task.status == TaskStatus::open
             ? task.reward_cents * (task.promised_submissions() - task.pending_submissions)
             : Cents{0};
}

void close(Task& task, TaskStatus status, Timestamp at) {
  task.status = status;
  task.leased_places = 0;
  task.closed_at = at;
}

// To where it came from: the payer outside.
void add_refund(Decision& decision, const Task& task, Cents refund) {
  if (refund > Cents{0})
    decision.add(wallet_of(task.account),
                 transfer(task.account, PostingReason::task_refund, task.id.value, refund));
}

}  // namespace

void evolve(Task& state, const TaskCreated& event, Timestamp at) {
  state = Task{};
  state.id = event.task;
  state.account = event.account;
  state.status = TaskStatus::funding;
  state.title = event.title;
  state.instructions = event.instructions;
  state.modalities = event.modalities;
  state.reward_cents = event.reward_cents;
  state.target_submissions = event.target_submissions;
  state.deadline = event.deadline;
  state.requirements = event.requirements.value_or(Requirements{});
  state.metadata = event.metadata;
  state.checkout = event.checkout;
  state.funding_url = event.funding_url;
  state.checkout_until = event.checkout_until.value_or(Timestamp{at.ms + kOldCheckoutMs});
  state.created_at = at;
}

void evolve(Task& state, const TaskCheckoutRenewed& event, Timestamp) {
  state.id = event.task;
  state.account = event.account;
  state.status = TaskStatus::funding;
  state.reward_cents = event.reward_cents;
  state.target_submissions = event.target_submissions;
  state.checkout = event.checkout;
  state.funding_url = event.funding_url;
  state.checkout_until = event.checkout_until;
  state.closed_at.reset();
}

void evolve(Task& state, const TaskFunded&, Timestamp at) {
  state.status = TaskStatus::open;
  state.funded_at = at;
}

void evolve(Task& state, const TaskProgressed& event, Timestamp) {
  state.leased_places = event.leased;
  state.pending_submissions = event.pending;
  state.approved_submissions = event.approved;
}

void evolve(Task& state, const TaskCompleted&, Timestamp at) {
  close(state, TaskStatus::completed, at);
}

void evolve(Task& state, const TaskCancelled&, Timestamp at) {
  close(state, TaskStatus::cancelled, at);
}

void evolve(Task& state, const TaskExpired&, Timestamp at) {
  close(state, TaskStatus::expired, at);
}

std::optional<Rejection> Task::closed_to_work(Timestamp at) const {
  if (status != TaskStatus::open) return not_now(RejectionCode::task_not_open, *this);
  const bool is_late = deadline && *deadline <= at;  // and the clock has not said so yet
  if (is_late) return Rejection{RejectionCode::task_not_open, {}, {{"status", "expired"}}};
  return std::nullopt;
}

std::optional<Rejection> check_budget(Cents reward_cents, std::int64_t target_submissions) {
  const Cents budget = reward_cents * target_submissions;
  if (budget >= kMinimumBudget) return std::nullopt;
  return Rejection{RejectionCode::insufficient_budget,
                   {{"budget_cents", budget.value}, {"required_cents", kMinimumBudget.value}},
                   {}};
}

Decision decide(const CreateTask& c, const Account& account, const Task& task, Timestamp at) {
  if (account.status == AccountStatus::none) return reject(RejectionCode::account_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  if (task.status != TaskStatus::none) return reject(RejectionCode::task_exists);
  if (auto rejection = check_budget(c.reward_cents, c.target_submissions)) return *rejection;
  if (!c.has_room) return reject(RejectionCode::too_many_unpaid_tasks);
  if (c.deadline && *c.deadline <= at) return in_past(RejectionCode::deadline_in_past, at);
  Decision decision;
  decision.add(c.task, TaskCreated{c.task, c.account, c.title, c.instructions, c.modalities, c.reward_cents,
                                   c.target_submissions, c.deadline, c.requirements, c.metadata, c.checkout,
                                   c.funding_url, Timestamp{at.ms + c.checkout_ms}});
  return decision;
}

Decision decide(const RenewCheckout& c, const Account& account, const Task& task, Timestamp at) {
  if (task.status == TaskStatus::none || task.account != c.account)
    return reject(RejectionCode::task_not_found);
  if (account.status == AccountStatus::erased) return reject(RejectionCode::account_erased);
  const bool is_unpaid = task.status == TaskStatus::expired && !task.funded_at;
  if (task.status != TaskStatus::funding && !is_unpaid)
    return not_now(RejectionCode::task_not_fundable, task);
  if (task.deadline && *task.deadline <= at)  // and the clock has perhaps not said so yet
    return Rejection{RejectionCode::task_not_fundable, {}, {{"status", "expired"}}};
  if (is_unpaid && !c.has_room) return reject(RejectionCode::too_many_unpaid_tasks);
  Decision decision;
  decision.add(c.task, TaskCheckoutRenewed{c.task, task.account, task.reward_cents, task.target_submissions,
                                           c.checkout, c.funding_url, Timestamp{at.ms + c.checkout_ms}});
  return decision;
}

// The whole budget goes from outside into escrow in the commit that opens the task: there is no moment at
// which a task is open and its money is not there.
Decision decide(const FundTask& c, const Task& task, const Wallet&, Timestamp) {
  if (task.status == TaskStatus::none || task.account != c.account)
    return reject(RejectionCode::task_not_found);
  if (task.status != TaskStatus::funding || task.checkout != c.checkout)
    return not_now(RejectionCode::task_not_fundable, task);
  if (c.amount_cents != task.budget()) return reject(RejectionCode::amount_mismatch);
  Decision decision;
  decision.add(c.task, TaskFunded{c.checkout, c.amount_cents});
  decision.add(wallet_of(c.account),
               transfer(c.account, PostingReason::task_funding, c.task.value, c.amount_cents));
  return decision;
}

Decision decide(const CancelTask& c, const Task& task, const Wallet&, Timestamp) {
  if (task.status == TaskStatus::none || task.account != c.account)
    return reject(RejectionCode::task_not_found);
  const bool cancellable =
      task.is_alive() && (task.status == TaskStatus::funding || c.reason == CancelReason::by_customer);
  if (!cancellable) return not_now(RejectionCode::task_not_cancellable, task);
  const Cents refund = refund_of(task);
  Decision decision;
  decision.add(c.task, TaskCancelled{c.task, c.reason, refund});
  add_refund(decision, task, refund);
  return decision;
}

Decision decide(const ExpireTask& c, const Task& task, const Wallet&, Timestamp at) {
  if (task.status == TaskStatus::none || task.account != c.account)
    return reject(RejectionCode::task_not_found);
  const auto due = task.due();
  if (!due || *due > at) return Decision{};
  const Cents refund = refund_of(task);
  Decision decision;
  decision.add(c.task, TaskExpired{c.task, refund});
  add_refund(decision, task, refund);
  return decision;
}

}  // namespace groundtruth::domain
