// How a worker's events change them, and what standing follows (domain/worker.hpp).
#include "domain/worker.hpp"

#include <algorithm>
#include <array>

#include "domain/domain.hpp"

namespace groundtruth::domain {
namespace {

constexpr std::int64_t kStartGood = 7, kStartAll = 10;
constexpr std::array<std::int64_t, 4> kLevelApproved{10, 50, 200, 1'000};  // for levels 2 to 5
constexpr std::int64_t kTrusted = 50, kUntrustedLevel = 2;

std::optional<Sealed<Area>> sealed(const std::optional<Area>& area) {
  if (!area) return std::nullopt;
  return Sealed<Area>{*area};
}

std::optional<Area> unsealed(const std::optional<Sealed<Area>>& area) {
  if (!area) return std::nullopt;
  return area->value;
}

WorkerMailStatus& mail_of(Worker& worker, WorkerMail which) {
  return which == WorkerMail::verification ? worker.verification_mail : worker.reset_mail;
}

void request(WorkerMailStatus& mail, Timestamp at) {
  mail.state = MailState::waiting;
  mail.requested_at = at;
  ++mail.requests;
}

// Nobody need send it any more; what became of it is known no longer.
void call_off(WorkerMailStatus& mail) {
  if (mail.state == MailState::waiting) mail.state = MailState::none;
}

MailState state_after(MailFate fate) {
  switch (fate) {
    case MailFate::sent:
      return MailState::sent;
    case MailFate::refused:
      return MailState::refused;
    case MailFate::undeliverable:
      return MailState::undeliverable;
  }
  return MailState::none;
}

}  // namespace

const WorkerMailStatus& Worker::mail(WorkerMail which) const {
  return which == WorkerMail::verification ? verification_mail : reset_mail;
}

std::int64_t Worker::trust() const {
  // In halves, for a lapse counts half.
  const std::int64_t good = 2 * (approved + kStartGood);
  const std::int64_t all = 2 * (approved + rejected + kStartAll) + lapsed;
  return 100 * good / all;
}

std::int64_t Worker::level() const {
  const auto reached = std::upper_bound(kLevelApproved.begin(), kLevelApproved.end(), approved);
  const auto level = 1 + (reached - kLevelApproved.begin());
  return trust() < kTrusted ? std::min<std::int64_t>(level, kUntrustedLevel) : level;
}

std::vector<Badge> Worker::badges() const {
  std::vector<Badge> earned;
  const auto add = [&](bool has, Badge badge) {
    if (has) earned.push_back(badge);
  };
  add(status == WorkerStatus::verified, Badge::verified);
  add(approved >= 1, Badge::first_submission);
  add(approved >= 10, Badge::ten_submissions);
  add(approved >= 100, Badge::hundred_submissions);
  add(approved >= 1'000, Badge::thousand_submissions);
  add(approved >= 20 && lapsed == 0, Badge::reliable);
  add(approved >= 25 && rejected == 0, Badge::flawless);
  return earned;
}

void evolve(Worker& state, const WorkerRegistered& event, Timestamp at) {
  state = Worker{};
  state.id = event.worker;
  state.status = WorkerStatus::registered;
  state.email_claim = event.email_claim;
  state.name = event.name.value;
  state.email = event.email.value;
  state.password_hash = event.password_hash.value;
  state.offer = {event.skills.value, event.modalities.value, unsealed(event.area)};
  state.registered_at = at;
  state.password_at = at;
  request(state.verification_mail, at);
}

void evolve(Worker& state, const VerificationMailed& event, Timestamp) {
  if (state.verification_mail.state == MailState::waiting)
    state.verification_mail.state = event.delivered ? MailState::sent : MailState::refused;
}

void evolve(Worker& state, const WorkerMailRequested& event, Timestamp at) {
  request(mail_of(state, event.mail), at);
}

void evolve(Worker& state, const WorkerMailSettled& event, Timestamp) {
  mail_of(state, event.mail).state = state_after(event.fate);
}

void evolve(Worker& state, const WorkerPasswordSet& event, Timestamp at) {
  state.password_hash = event.password_hash.value;
  state.password_at = at;
  ++state.password_changes;
  call_off(state.reset_mail);
}

void evolve(Worker& state, const WorkerVerified&, Timestamp) {
  state.status = WorkerStatus::verified;
  call_off(state.verification_mail);
}

void evolve(Worker& state, const WorkerProfileChanged& event, Timestamp) {
  state.name = event.name.value;
  state.offer = {event.skills.value, event.modalities.value, unsealed(event.area)};
}

void evolve(Worker& state, const WorkSettled& event, Timestamp) {
  switch (event.outcome) {
    case WorkOutcome::approved:
      ++state.approved;
      break;
    case WorkOutcome::rejected:
      ++state.rejected;
      break;
    case WorkOutcome::lapsed:
      ++state.lapsed;
      break;
    case WorkOutcome::reinstated:
      --state.rejected;
      ++state.approved;
      break;
  }
  state.earned_cents += event.earned_cents;
}

void evolve(Worker& state, const WorkerErased&, Timestamp) {
  state.status = WorkerStatus::erased;
  state.name.clear();
  state.email.clear();
  state.password_hash.clear();
  state.offer = {};
  call_off(state.verification_mail);
  call_off(state.reset_mail);
}

Decision decide(const RegisterWorker& c, const EmailClaim& claim, const Worker& worker, Timestamp) {
  if (!claim.account.empty() || worker.status != WorkerStatus::none)
    return reject(RejectionCode::email_taken);
  Decision decision;
  decision.add(c.worker, WorkerRegistered{c.worker,
                                          c.email_claim,
                                          {c.name},
                                          {c.email},
                                          {c.password_hash},
                                          {c.offer.skills},
                                          {c.offer.modalities},
                                          sealed(c.offer.area)});
  return decision;
}

Decision decide(const YieldAddress& c, const EmailClaim& claim, const Worker& worker, Timestamp) {
  Decision decision;
  if (worker.status == WorkerStatus::registered && claim.account == account_of(c.worker))
    decision.add(c.email_claim, EmailReleased{account_of(c.worker)});
  return decision;
}

// Early, or of somebody who verified their address meanwhile, it does nothing.
Decision decide(const LapseRegistration& c, const EmailClaim& claim, const Worker& worker, Timestamp at) {
  Decision decision;
  if (worker.status != WorkerStatus::registered || at.ms < worker.registered_at.ms + kRegistrationMs)
    return decision;
  if (claim.account == account_of(c.worker)) decision.add(c.email_claim, EmailReleased{account_of(c.worker)});
  decision.add(c.worker, WorkerErased{c.worker});
  return decision;
}

// Nothing is said of those who are not, or need no such mail: who asks is told the same in every case.
Decision decide(const RequestWorkerMail& c, const Worker& worker, Timestamp) {
  const auto needed_by =
      c.mail == WorkerMail::verification ? WorkerStatus::registered : WorkerStatus::verified;
  Decision decision;
  if (worker.status == needed_by && worker.mail(c.mail).state != MailState::waiting)
    decision.add(c.worker, WorkerMailRequested{c.worker, c.mail});
  return decision;
}

Decision decide(const SettleWorkerMail& c, const Worker& worker, Timestamp) {
  const auto& mail = worker.mail(c.mail);
  Decision decision;
  if (mail.state == MailState::waiting && mail.requests == c.requests)
    decision.add(c.worker, WorkerMailSettled{c.worker, c.mail, c.fate});
  return decision;
}

// A link may be opened again. The address goes to whoever opens theirs first; what others entered with it
// then counts for nothing (but see SetWorkerPassword).
Decision decide(const VerifyWorker& c, const EmailClaim& claim, const Worker& worker, Timestamp) {
  if (worker.status == WorkerStatus::none || worker.status == WorkerStatus::erased)
    return reject(RejectionCode::worker_not_found);
  if (!claim.account.empty() && claim.account != account_of(c.worker))
    return reject(RejectionCode::email_taken);
  Decision decision;
  if (worker.status != WorkerStatus::registered) return decision;
  if (claim.account.empty()) decision.add(c.email_claim, EmailClaimed{account_of(c.worker)});
  decision.add(c.worker, WorkerVerified{c.worker});
  if (!c.password_hash.empty()) decision.add(c.worker, WorkerPasswordSet{c.worker, {c.password_hash}});
  return decision;
}

Decision decide(const SetWorkerPassword& c, const Worker& worker, Timestamp) {
  if (worker.status != WorkerStatus::verified) return reject(RejectionCode::worker_not_found);
  if (worker.password_changes != c.password_changes) return reject(RejectionCode::version_mismatch);
  Decision decision;
  decision.add(c.worker, WorkerPasswordSet{c.worker, {c.password_hash}});
  if (c.name)
    decision.add(c.worker, WorkerProfileChanged{c.worker,
                                                {*c.name},
                                                {worker.offer.skills},
                                                {worker.offer.modalities},
                                                sealed(worker.offer.area)});
  return decision;
}

Decision decide(const ChangeWorkerProfile& c, const Worker& worker, Timestamp) {
  if (worker.status != WorkerStatus::verified) return reject(RejectionCode::worker_not_found);
  Decision decision;
  decision.add(c.worker, WorkerProfileChanged{c.worker,
                                              {c.name.value_or(worker.name)},
                                              {c.skills.value_or(worker.offer.skills)},
                                              {c.modalities.value_or(worker.offer.modalities)},
                                              sealed(c.area ? c.area->area : worker.offer.area)});
  return decision;
}

// Work is settled with whoever did it, also when they are not here any more: what was promised is owed.
Decision decide(const SettleWork& c, const Worker& worker, const Wallet&, Timestamp) {
  if (worker.status == WorkerStatus::none) return reject(RejectionCode::worker_not_found);
  Decision decision;
  decision.add(c.worker, WorkSettled{c.worker, c.task, c.assignment, c.outcome, c.earned_cents});
  if (c.earned_cents > Cents{0})
    decision.add(wallet_of(account_of(c.worker)), transfer(account_of(c.worker), PostingReason::work_earned,
                                                           c.assignment.value, c.earned_cents));
  return decision;
}

Decision decide(const EraseWorker& c, const EmailClaim& claim, const Worker& worker, Timestamp) {
  if (worker.status == WorkerStatus::none) return reject(RejectionCode::worker_not_found);
  if (worker.status == WorkerStatus::erased) return reject(RejectionCode::worker_erased);
  Decision decision;
  if (claim.account == account_of(c.worker)) decision.add(c.email_claim, EmailReleased{account_of(c.worker)});
  decision.add(c.worker, WorkerErased{c.worker});
  return decision;
}

}  // namespace groundtruth::domain
