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

}  // namespace

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
}

void evolve(Worker& state, const VerificationMailed&, Timestamp) {
  state.mailed = true;
}

void evolve(Worker& state, const WorkerVerified&, Timestamp) {
  state.status = WorkerStatus::verified;
  state.mailed = true;  // whatever became of the mail: nobody needs another
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
  state.mailed = true;
}

Decision decide(const RegisterWorker& c, const EmailClaim& claim, const Worker& worker, Timestamp) {
  if (!claim.account.empty() || worker.status != WorkerStatus::none)
    return reject(RejectionCode::email_taken);
  Decision decision;
  decision.add(c.email_claim, EmailClaimed{account_of(c.worker)});
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

Decision decide(const RecordVerificationMail& c, const Worker& worker, Timestamp) {
  Decision decision;
  if (worker.status == WorkerStatus::registered && !worker.mailed)
    decision.add(c.worker, VerificationMailed{c.worker, c.delivered});
  return decision;
}

// A link may be opened again.
Decision decide(const VerifyWorker& c, const Worker& worker, Timestamp) {
  if (worker.status == WorkerStatus::none || worker.status == WorkerStatus::erased)
    return reject(RejectionCode::worker_not_found);
  Decision decision;
  if (worker.status == WorkerStatus::registered) decision.add(c.worker, WorkerVerified{c.worker});
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
