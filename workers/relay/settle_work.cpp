// See settle_work.hpp.
#include "workers/relay/settle_work.hpp"

namespace groundtruth::workers {
namespace {

Effect settle(const domain::WorkerId& worker, const domain::TaskId& task,
              const domain::AssignmentId& assignment, domain::WorkOutcome outcome, domain::Cents earned) {
  const auto bucket = domain::bucket_of(worker.value).value_or(domain::Bucket{});
  return {journal::partition_of(journal::Topic::workers, bucket),
          domain::SettleWork{worker, task, assignment, outcome, earned}};
}

}  // namespace

std::vector<std::string> settle_markers() {
  return {std::string(domain::SubmissionApproved::kType), std::string(domain::SubmissionRejected::kType),
          std::string(domain::LeaseEnded::kType), std::string(domain::ContestDecided::kType)};
}

std::optional<Effect> settle_effect(const domain::Event& event) {
  using domain::WorkOutcome;
  if (const auto* approved = std::get_if<domain::SubmissionApproved>(&event))
    return settle(approved->worker, approved->task, approved->assignment, WorkOutcome::approved,
                  approved->reward_cents);
  if (const auto* rejected = std::get_if<domain::SubmissionRejected>(&event))
    return settle(rejected->worker, rejected->task, rejected->assignment, WorkOutcome::rejected, {});
  if (const auto* decided = std::get_if<domain::ContestDecided>(&event))
    if (decided->outcome == domain::ContestOutcome::upheld)
      return settle(decided->worker, decided->task, decided->assignment, WorkOutcome::reinstated,
                    decided->reward_cents);
  if (const auto* ended = std::get_if<domain::LeaseEnded>(&event))
    if (ended->reason == domain::LeaseEnd::expired)
      return settle(ended->worker, ended->task, ended->assignment, WorkOutcome::lapsed, {});
  return std::nullopt;
}

}  // namespace groundtruth::workers
