// What workers do in a story (story.hpp).
#include "story.hpp"

namespace groundtruth::projections::test {

using namespace domain;

namespace {

Bucket bucket_in(const std::string& id) {
  return bucket_of(id).value();
}

}  // namespace

WorkerId Story::worker(const std::string& name, const std::string& email, Offer offer) {
  const auto where = bucket();
  const auto id = mint<WorkerId>("wrk_", where);
  run(RegisterWorker{id, mint<EmailClaimId>("eml_", where), name, email, "$argon2id$" + name,
                     std::move(offer)},
      where, journal::Topic::workers);
  workers_.push_back(id);
  return id;
}

WorkerId Story::worker_with(const EmailClaimId& claim) {
  const auto where = bucket_in(claim.value);
  const auto id = mint<WorkerId>("wrk_", where);
  run(RegisterWorker{id, claim, "Eve", "ada@work.test", "$argon2id$eve", {}}, where, journal::Topic::workers);
  workers_.push_back(id);
  return id;
}

void Story::verify(const WorkerId& worker) {
  run(VerifyWorker{worker, state<Worker>(worker.value).email_claim, {}}, bucket_in(worker.value),
      journal::Topic::workers);
}

void Story::mail(const WorkerId& worker, bool delivered) {
  settle_mail(worker, WorkerMail::verification, delivered ? MailFate::sent : MailFate::refused);
}

void Story::request_mail(const WorkerId& worker, WorkerMail which) {
  run(RequestWorkerMail{worker, which}, bucket_in(worker.value), journal::Topic::workers);
}

void Story::settle_mail(const WorkerId& worker, WorkerMail which, MailFate fate) {
  const auto requests = state<Worker>(worker.value).mail(which).requests;
  run(SettleWorkerMail{worker, which, requests, fate}, bucket_in(worker.value), journal::Topic::workers);
}

void Story::set_password(const WorkerId& worker, const std::string& hash) {
  const auto changes = state<Worker>(worker.value).password_changes;
  run(SetWorkerPassword{worker, changes, hash, {}}, bucket_in(worker.value), journal::Topic::workers);
}

void Story::change(ChangeWorkerProfile change) {
  const auto where = bucket_in(change.worker.value);
  run(std::move(change), where, journal::Topic::workers);
}

void Story::erase(const WorkerId& worker) {
  const auto claim = state<Worker>(worker.value).email_claim;
  run(EraseWorker{worker, claim}, bucket_in(worker.value), journal::Topic::workers);
}

AssignmentId Story::accept(const WorkerId& worker, const TaskId& task, std::int64_t lease_ms) {
  const auto where = bucket_in(task.value);
  auto& id = work_of_[{worker, task}];
  if (id.empty()) id = mint<AssignmentId>("asg_", where);
  if (run(AcceptTask{id, task, worker, lease_ms}, where) && version(id.value) == 1) works_.push_back(id);
  return id;
}

void Story::release(const AssignmentId& work) {
  run(ReleaseTask{work, state<Assignment>(work.value).task}, bucket_in(work.value));
}

void Story::upload(const AssignmentId& work) {
  const auto where = bucket_in(work.value);
  run(
      AnnounceUpload{
          work, {mint<UploadId>("upl_", where), "video/mp4", 1'000, std::string(64, 'a')}, {8, 1'000'000}},
      where);
}

SubmissionId Story::submit(const AssignmentId& work) {
  const auto where = bucket_in(work.value);
  const auto id = mint<SubmissionId>("sub_", where);
  run(
      SubmitProof{
          work, state<Assignment>(work.value).task, id, {{"video/mp4", 1'000, std::string(64, 'a'), 60'000}}},
      where);
  return id;
}

void Story::approve(const AssignmentId& work) {
  const auto found = state<Assignment>(work.value);
  run(ApproveSubmission{work, found.task, found.account, found.submission}, bucket_in(work.value));
}

void Story::reject(const AssignmentId& work, const std::string& reason) {
  const auto found = state<Assignment>(work.value);
  run(RejectSubmission{work, found.task, found.account, found.submission, reason}, bucket_in(work.value));
}

void Story::time_passes(const AssignmentId& work) {
  const auto found = state<Assignment>(work.value);
  run(PassTime{work, found.task, found.account}, bucket_in(work.value));
}

// As the relay "settle" would.
void Story::note_effects(const journal::Accepted& accepted) {
  const auto& events = accepted.commit->events;
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    std::optional<SettleWork> command;
    if (const auto* approved = std::get_if<SubmissionApproved>(&events[i].data))
      command = {approved->worker, approved->task, approved->assignment, WorkOutcome::approved,
                 approved->reward_cents};
    if (const auto* rejected = std::get_if<SubmissionRejected>(&events[i].data))
      command = {rejected->worker, rejected->task, rejected->assignment, WorkOutcome::rejected, {}};
    const auto* ended = std::get_if<LeaseEnded>(&events[i].data);
    if (ended != nullptr && ended->reason == LeaseEnd::expired)
      command = {ended->worker, ended->task, ended->assignment, WorkOutcome::lapsed, {}};
    const auto* decided = std::get_if<ContestDecided>(&events[i].data);
    if (decided != nullptr && decided->outcome == ContestOutcome::upheld)
      command = {decided->worker, decided->task, decided->assignment, WorkOutcome::reinstated,
                 decided->reward_cents};
    if (command) on_their_way_.push_back({{accepted.partition, accepted.seq, i, "settle.0"}, *command});
  }
}

void Story::carry(std::size_t at_most) {
  for (; at_most > 0 && !on_their_way_.empty(); --at_most) {
    const Effect effect = on_their_way_.front();
    on_their_way_.pop_front();
    because(effect.cause)
        .run(effect.command, bucket_in(effect.command.worker.value), journal::Topic::workers);
  }
}

void Story::contest(const AssignmentId& work) {
  const auto state = this->state<Assignment>(work.value);
  run(ContestSubmission{work, state.task, state.worker, state.submission}, bucket_in(work.value));
}

void Story::decide_contest(const AssignmentId& work, ContestOutcome outcome) {
  const auto state = this->state<Assignment>(work.value);
  run(DecideContest{work, state.task, state.account, state.submission, outcome}, bucket_in(work.value));
}

void Story::discard(const AssignmentId& work) {
  run(DiscardSubmission{work, state<Assignment>(work.value).task}, bucket_in(work.value));
}

Requirements Story::some_requirements() {
  Requirements requirements;
  for (const char* skill : {"drone", "french", "night"})
    if (upto(4) == 0) requirements.skills.emplace_back(skill);
  if (upto(3) == 0)
    requirements.area = Area{{static_cast<std::int64_t>(upto(180'000'001)) - 90'000'000,
                              static_cast<std::int64_t>(upto(360'000'001)) - 180'000'000},
                             static_cast<std::int64_t>(upto(500))};
  return requirements;
}

void Story::mail_step(const WorkerId& worker) {
  const auto which = upto(2) == 0 ? WorkerMail::verification : WorkerMail::password_reset;
  switch (upto(5)) {
    case 0:
      return settle_mail(worker, which, static_cast<MailFate>(upto(3)));
    case 1:
      return set_password(worker, some_text());
    case 2:
      run(LapseRegistration{worker, state<Worker>(worker.value).email_claim}, bucket_in(worker.value),
          journal::Topic::workers);
      return;
    default:
      return request_mail(worker, which);
  }
}

void Story::worker_step() {
  if (workers_.empty() || upto(15) == 0) {
    const auto wants = some_requirements();
    worker(some_text(), some_text() + "@work.test", {wants.skills, {}, wants.area});
    return;
  }
  switch (upto(14)) {
    case 0:
    case 1:
      return verify(late(workers_, 4));
    case 2: {
      ChangeWorkerProfile change{any(workers_), {}, {}, {}, {}};
      if (upto(2) == 0) change.name = std::string(upto(200), 'n');
      if (upto(2) == 0) change.area = AreaChange{some_requirements().area};
      if (upto(2) == 0) change.skills = some_requirements().skills;
      return this->change(std::move(change));
    }
    case 3:
      return mail(late(workers_, 4), upto(3) > 0);
    case 4:
      if (upto(12) == 0) return erase(any(workers_));
      return mail_step(late(workers_, 8));
    case 5:
    case 6:
    case 7:
      if (!tasks_.empty())
        accept(late(workers_, 6), late(tasks_, 10), static_cast<std::int64_t>(600'000 + upto(3'600'000)));
      return;
    default:
      break;
  }
  if (works_.empty()) return;
  const auto work = late(works_, upto(4) == 0 ? 200 : 12);
  switch (upto(12)) {
    case 9:
      return contest(work);
    case 10:
      return decide_contest(work, upto(2) == 0 ? ContestOutcome::upheld : ContestOutcome::dismissed);
    case 11:
      return discard(work);
    case 0:
      return release(work);
    case 1:
      return upload(work);
    case 2:
      return time_passes(work);
    case 3:
      return reject(work, some_text());
    case 4:
    case 5:
      return approve(work);
    default:
      submit(work);
  }
}

}  // namespace groundtruth::projections::test
