// How an assignment's events change it, and how time and people decide about it (domain/assignment.hpp).
#include "domain/assignment.hpp"

#include <algorithm>

#include "domain/domain.hpp"

namespace groundtruth::domain {
namespace {

std::string status_of(const Assignment& assignment) {
  return std::string(boost::describe::enum_to_string(assignment.status, ""));
}

Rejection no_lease(const Assignment& assignment) {
  const bool lapsed =
      assignment.status == AssignmentStatus::leased || assignment.status == AssignmentStatus::lapsed;
  if (lapsed) return reject(RejectionCode::lease_expired);
  if (assignment.has_submission()) return reject(RejectionCode::already_submitted);
  return reject(RejectionCode::lease_not_found);
}

void add_lease_end(Decision& decision, const Assignment& assignment, const Task& task, LeaseEnd reason) {
  decision.add(assignment.id, LeaseEnded{assignment.id, assignment.task, assignment.worker, reason});
  // A task that has ended holds no places any more.
  if (task.status != TaskStatus::open) return;
  auto progress = task.progress();
  --progress.leased;
  decision.add(task.id, progress);
}

// Pays the worker out of escrow. The last one completes the task.
void add_approval(Decision& decision, const Assignment& assignment, const Task& task, Approver by) {
  decision.add(assignment.id,
               SubmissionApproved{assignment.submission, assignment.id, assignment.task, assignment.account,
                                  assignment.worker, by, assignment.reward_cents});
  auto progress = task.progress();
  --progress.pending;
  ++progress.approved;
  decision.add(task.id, progress);
  if (task.status == TaskStatus::open && progress.approved == task.target_submissions)
    decision.add(task.id, TaskCompleted{task.id, progress.approved});
  decision.add(wallet_of(assignment.account), transfer(assignment.account, PostingReason::submission_pay,
                                                       assignment.submission.value, assignment.reward_cents));
}

void add_discard(Decision& decision, const Assignment& assignment) {
  decision.add(assignment.id,
               SubmissionDiscarded{assignment.submission, assignment.id, assignment.task, assignment.worker});
}

// nullopt: it may be decided now.
std::optional<Rejection> undecidable(const Assignment& assignment, const AccountId& account,
                                     const SubmissionId& submission) {
  const bool known =
      assignment.has_submission() && assignment.submission == submission && assignment.account == account;
  if (!known) return reject(RejectionCode::submission_not_found);
  if (assignment.status == AssignmentStatus::pending) return std::nullopt;
  const auto seen = std::string(boost::describe::enum_to_string(assignment.review(), ""));
  return Rejection{RejectionCode::submission_decided, {}, {{"status", seen}}};
}

}  // namespace

void evolve(Assignment& state, const LeaseGranted& event, Timestamp) {
  state = Assignment{};
  state.id = event.assignment;
  state.task = event.task;
  state.account = event.account;
  state.worker = event.worker;
  state.status = AssignmentStatus::leased;
  state.lease = event.lease;
  state.reward_cents = event.reward_cents;
  state.lease_until = event.expires_at;
}

void evolve(Assignment& state, const LeaseEnded&, Timestamp) {
  state.status = AssignmentStatus::lapsed;
}

void evolve(Assignment& state, const UploadAnnounced& event, Timestamp) {
  state.uploads.push_back(event.upload);
}

void evolve(Assignment& state, const SubmissionCreated& event, Timestamp at) {
  state.status = AssignmentStatus::pending;
  state.submission = event.submission;
  state.media = event.media;
  state.submitted_at = at;
  state.review_until = event.review_until;
  state.uploads.clear();  // what was brought stands in `media` now
}

void evolve(Assignment& state, const SubmissionApproved&, Timestamp at) {
  state.status = AssignmentStatus::approved;
  state.decided_at = at;
}

void evolve(Assignment& state, const SubmissionRejected& event, Timestamp at) {
  state.status = AssignmentStatus::rejected;
  state.decided_at = at;
  state.reason = event.reason;
  state.keep_until = Timestamp{at.ms + kContestMs};
}

void evolve(Assignment& state, const SubmissionContested&, Timestamp at) {
  state.status = AssignmentStatus::contested;
  state.contested_at = at;
  state.keep_until.reset();
}

void evolve(Assignment& state, const ContestDecided& event, Timestamp at) {
  state.status =
      event.outcome == ContestOutcome::upheld ? AssignmentStatus::reinstated : AssignmentStatus::rejected;
  if (!state.is_discarded) state.keep_until = at;
}

void evolve(Assignment& state, const SubmissionDiscarded&, Timestamp) {
  state.keep_until.reset();
  state.is_discarded = true;
}

bool Assignment::has_announced(const std::string& sha256) const {
  return std::any_of(uploads.begin(), uploads.end(),
                     [&](const Upload& upload) { return upload.sha256 == sha256; });
}

std::int64_t Assignment::announced_bytes() const {
  std::int64_t bytes = 0;
  for (auto upload = uploads.begin(); upload != uploads.end(); ++upload)
    if (std::none_of(uploads.begin(), upload,
                     [&](const Upload& earlier) { return earlier.sha256 == upload->sha256; }))
      bytes += upload->bytes;
  return bytes;
}

Decision decide(const AcceptTask& c, const Task& task, const Assignment& assignment, Timestamp at) {
  if (task.status == TaskStatus::none) return reject(RejectionCode::task_not_found);
  if (assignment.holds_lease(at)) return reject(RejectionCode::task_already_accepted);
  if (assignment.has_submission()) return reject(RejectionCode::already_submitted);
  if (auto rejection = task.closed_to_work(at)) return *rejection;
  if (!c.suits) return reject(RejectionCode::task_unsuitable);
  if (c.allowance)
    if (auto rejection = c.allowance->refusal(at)) return *rejection;
  auto progress = task.progress();
  Decision decision;
  if (assignment.status == AssignmentStatus::leased) {  // it is over, but nobody has said so yet
    decision.add(c.assignment, LeaseEnded{c.assignment, c.task, c.worker, LeaseEnd::expired});
    --progress.leased;
  }
  if (progress.taken() >= task.target_submissions) return reject(RejectionCode::task_full);
  ++progress.leased;
  decision.add(c.assignment, LeaseGranted{c.assignment, assignment.lease + 1, c.task, task.account, c.worker,
                                          task.reward_cents, Timestamp{at.ms + c.lease_ms}});
  decision.add(c.task, progress);
  return decision;
}

Decision decide(const ReleaseTask&, const Task& task, const Assignment& assignment, Timestamp at) {
  if (!assignment.holds_lease(at)) return no_lease(assignment);
  Decision decision;
  add_lease_end(decision, assignment, task, LeaseEnd::released);
  return decision;
}

Decision decide(const AnnounceUpload& c, const Assignment& assignment, Timestamp at) {
  if (!assignment.holds_lease(at)) return no_lease(assignment);
  if (c.lease && *c.lease != assignment.lease) return reject(RejectionCode::lease_unseen);
  if (std::ssize(assignment.uploads) >= c.limits.max_uploads)
    return Rejection{RejectionCode::too_many_uploads, {{"max_uploads", c.limits.max_uploads}}, {}};
  const std::int64_t left_bytes = c.limits.max_total_bytes - assignment.announced_bytes();
  if (!assignment.has_announced(c.upload.sha256) && c.upload.bytes > left_bytes)
    return Rejection{RejectionCode::uploads_too_large,
                     {{"max_total_bytes", c.limits.max_total_bytes},
                      {"left_bytes", std::max(left_bytes, std::int64_t{0})}},
                     {}};
  Decision decision;
  decision.add(c.assignment, UploadAnnounced{c.assignment, assignment.lease, c.upload});
  return decision;
}

Decision decide(const SubmitProof& c, const Task& task, const Assignment& assignment, Timestamp at) {
  if (!assignment.holds_lease(at)) return no_lease(assignment);
  if (c.media.empty()) return reject(RejectionCode::lease_unseen);  // so nothing was looked at
  if (c.lease && *c.lease != assignment.lease) return reject(RejectionCode::lease_unseen);
  if (auto rejection = task.closed_to_work(at)) return *rejection;
  auto progress = task.progress();
  --progress.leased;
  ++progress.pending;
  Decision decision;
  decision.add(c.assignment,
               SubmissionCreated{c.submission, c.assignment, assignment.task, assignment.account,
                                 assignment.worker, c.media, Timestamp{at.ms + kReviewMs}});
  decision.add(c.task, progress);
  return decision;
}

Decision decide(const ApproveSubmission& c, const Task& task, const Assignment& assignment, const Wallet&,
                Timestamp) {
  if (auto rejection = undecidable(assignment, c.account, c.submission)) return *rejection;
  Decision decision;
  add_approval(decision, assignment, task, Approver::customer);
  return decision;
}

// The place is free again for another worker; of a task that has ended, its money goes back.
Decision decide(const RejectSubmission& c, const Task& task, const Assignment& assignment, const Wallet&,
                Timestamp) {
  if (auto rejection = undecidable(assignment, c.account, c.submission)) return *rejection;
  auto progress = task.progress();
  --progress.pending;
  Decision decision;
  decision.add(c.assignment, SubmissionRejected{c.submission, c.assignment, assignment.task,
                                                assignment.account, assignment.worker, c.reason});
  decision.add(c.task, progress);
  if (task.status != TaskStatus::open)
    decision.add(wallet_of(assignment.account), transfer(assignment.account, PostingReason::task_refund,
                                                         task.id.value, assignment.reward_cents));
  return decision;
}

Decision decide(const ContestSubmission& c, const Assignment& assignment, Timestamp at) {
  const bool is_own =
      assignment.has_submission() && assignment.submission == c.submission && assignment.worker == c.worker;
  if (!is_own) return reject(RejectionCode::submission_not_found);
  const bool is_open = assignment.status == AssignmentStatus::rejected && !assignment.contested_at;
  if (!is_open) {
    const bool was_dismissed = assignment.status == AssignmentStatus::rejected;
    return Rejection{RejectionCode::submission_not_contestable,
                     {},
                     {{"status", was_dismissed ? "dismissed" : status_of(assignment)}}};
  }
  if (!assignment.keep_until || *assignment.keep_until <= at)
    return Rejection{RejectionCode::submission_not_contestable, {}, {{"status", "too_late"}}};
  Decision decision;
  decision.add(c.assignment, SubmissionContested{assignment.submission, assignment.id, assignment.task,
                                                 assignment.account, assignment.worker});
  return decision;
}

Decision decide(const DecideContest& c, const Assignment& assignment, const Wallet&, Timestamp) {
  const bool known = assignment.has_submission() && assignment.submission == c.submission &&
                     assignment.account == c.account && assignment.contested_at;
  if (!known) return reject(RejectionCode::contest_not_found);
  if (assignment.status != AssignmentStatus::contested)
    return Rejection{RejectionCode::submission_decided, {}, {{"status", status_of(assignment)}}};
  const bool is_upheld = c.outcome == ContestOutcome::upheld;
  const Cents reward = is_upheld ? assignment.reward_cents : Cents{0};
  Decision decision;
  decision.add(c.assignment, ContestDecided{assignment.submission, assignment.id, assignment.task,
                                            assignment.account, assignment.worker, c.outcome, reward});
  if (is_upheld)
    decision.add(wallet_of(assignment.account), transfer(assignment.account, PostingReason::contest_pay,
                                                         assignment.submission.value, reward));
  return decision;
}

Decision decide(const DiscardSubmission&, const Assignment& assignment, Timestamp) {
  Decision decision;
  if (assignment.was_rejected() && !assignment.is_discarded) add_discard(decision, assignment);
  return decision;
}

Decision decide(const PassTime&, const Task& task, const Assignment& assignment, const Wallet&,
                Timestamp at) {
  const auto due = assignment.due();
  Decision decision;
  if (!due || *due > at) return decision;
  if (assignment.was_rejected()) {
    add_discard(decision, assignment);
    return decision;
  }
  // Who could no longer submit because the task had ended did not let anything lapse.
  const bool was_cut_short = task.closed_at && *task.closed_at < assignment.lease_until;
  if (assignment.status == AssignmentStatus::leased)
    add_lease_end(decision, assignment, task, was_cut_short ? LeaseEnd::released : LeaseEnd::expired);
  else
    add_approval(decision, assignment, task, Approver::time);
  return decision;
}

}  // namespace groundtruth::domain
