// Worker: a person who does the work, shared by all surfaces that sell it (CONTRACTS, "The people who do the
// work"). Their chain holds what they earned and how their work was received; both arrive from the customers'
// chains by relay.
//
// Standing follows from the counted outcomes alone:
//   trust   0–100: the share of work that was received well, with a start of 7 good out of 10 so that one
//           outcome does not make or break anyone; a lapsed lease weighs half of a rejection
//   level   1–5 by approved submissions (0, 10, 50, 200, 1,000); 2 at most while trust is below 50
//   badges  verified; first_submission, ten_submissions, hundred_submissions, thousand_submissions; reliable
//           (20 approved, no lease lapsed); flawless (25 approved, none rejected)
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/account.hpp"
#include "domain/assignment.hpp"
#include "domain/requirements.hpp"

namespace groundtruth::domain {

// The mails that a worker may be owed.
enum class WorkerMail : std::uint8_t { verification, password_reset };
BOOST_DESCRIBE_ENUM(WorkerMail, verification, password_reset)

// How one of them ended. Whichever it was, they may ask for another.
enum class MailFate : std::uint8_t {
  sent,           // the mail server has taken it
  refused,        // the mail server refused it for good
  undeliverable,  // it was tried for as long as mails are tried
};
BOOST_DESCRIBE_ENUM(MailFate, sent, refused, undeliverable)

// reinstated: it was counted as rejected before, and an operator found it good.
enum class WorkOutcome : std::uint8_t { approved, rejected, lapsed, reinstated };
BOOST_DESCRIBE_ENUM(WorkOutcome, approved, rejected, lapsed, reinstated)

enum class Badge : std::uint8_t {
  verified,
  first_submission,
  ten_submissions,
  hundred_submissions,
  thousand_submissions,
  reliable,
  flawless,
};
BOOST_DESCRIBE_ENUM(Badge, verified, first_submission, ten_submissions, hundred_submissions,
                    thousand_submissions, reliable, flawless)

// --- events
// ---------------------------------------------------------------------------------------------------------

struct WorkerRegistered {
  static constexpr std::string_view kType = "worker.registered";
  static constexpr int kSchema = 2;
  WorkerId worker;
  EmailClaimId email_claim;
  Sealed<std::string> name;
  Sealed<std::string> email;
  Sealed<std::string> password_hash;  // Argon2id, "$argon2id$…"
  Sealed<std::vector<std::string>> skills;
  Sealed<std::vector<Modality>> modalities;
  std::optional<Sealed<Area>> area;
  const std::string& data_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerRegistered, (),
                      (worker, email_claim, name, email, password_hash, skills, modalities, area))

// Of before worker.mail_settled: the first mail was taken by the mail server, or refused for good. Journals
// hold it; nothing writes it any more.
struct VerificationMailed {
  static constexpr std::string_view kType = "worker.verification_mailed";
  static constexpr int kSchema = 1;
  WorkerId worker;
  bool delivered = false;
};
BOOST_DESCRIBE_STRUCT(VerificationMailed, (), (worker, delivered))

// They asked for this mail; the first one of the verification follows from worker.registered.
struct WorkerMailRequested {
  static constexpr std::string_view kType = "worker.mail_requested";
  static constexpr int kSchema = 1;
  WorkerId worker;
  WorkerMail mail{};
};
BOOST_DESCRIBE_STRUCT(WorkerMailRequested, (), (worker, mail))

struct WorkerMailSettled {
  static constexpr std::string_view kType = "worker.mail_settled";
  static constexpr int kSchema = 1;
  WorkerId worker;
  WorkerMail mail{};
  MailFate fate{};
};
BOOST_DESCRIBE_STRUCT(WorkerMailSettled, (), (worker, mail, fate))

// By somebody who read a mail that was sent to their address. Tokens of before are void.
struct WorkerPasswordSet {
  static constexpr std::string_view kType = "worker.password_set";
  static constexpr int kSchema = 1;
  WorkerId worker;
  Sealed<std::string> password_hash;
  const std::string& data_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerPasswordSet, (), (worker, password_hash))

struct WorkerVerified {
  static constexpr std::string_view kType = "worker.verified";
  static constexpr int kSchema = 1;
  WorkerId worker;
};
BOOST_DESCRIBE_STRUCT(WorkerVerified, (), (worker))

struct WorkerProfileChanged {
  static constexpr std::string_view kType = "worker.profile_changed";
  static constexpr int kSchema = 2;
  WorkerId worker;
  Sealed<std::string> name;
  Sealed<std::vector<std::string>> skills;
  Sealed<std::vector<Modality>> modalities;
  std::optional<Sealed<Area>> area;
  const std::string& data_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerProfileChanged, (), (worker, name, skills, modalities, area))

struct WorkSettled {
  static constexpr std::string_view kType = "worker.work_settled";
  static constexpr int kSchema = 2;
  WorkerId worker;
  TaskId task;
  AssignmentId assignment;
  WorkOutcome outcome{};
  Cents earned_cents;  // 0 unless approved or reinstated
};
BOOST_DESCRIBE_STRUCT(WorkSettled, (), (worker, task, assignment, outcome, earned_cents))

// As account.erased: the data key follows.
struct WorkerErased {
  static constexpr std::string_view kType = "worker.erased";
  static constexpr int kSchema = 1;
  WorkerId worker;
  const std::string& erased_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerErased, (), (worker))

// --- state
// ----------------------------------------------------------------------------------------------------------

enum class WorkerStatus : std::uint8_t { none, registered, verified, erased };
BOOST_DESCRIBE_ENUM(WorkerStatus, none, registered, verified, erased)

enum class MailState : std::uint8_t { none, waiting, sent, refused, undeliverable };
BOOST_DESCRIBE_ENUM(MailState, none, waiting, sent, refused, undeliverable)

struct WorkerMailStatus {
  MailState state = MailState::none;
  Timestamp requested_at;
  std::int64_t requests = 0;  // counts them, so that each mail has a name of its own
  friend bool operator==(const WorkerMailStatus&, const WorkerMailStatus&) = default;
};
BOOST_DESCRIBE_STRUCT(WorkerMailStatus, (), (state, requested_at, requests))

struct Worker {
  using Key = WorkerId;
  WorkerId id;
  WorkerStatus status = WorkerStatus::none;
  EmailClaimId email_claim;
  std::string name;  // empty once erased, as all that was sealed
  std::string email;
  std::string password_hash;
  Offer offer;
  Timestamp registered_at;
  WorkerMailStatus verification_mail;
  WorkerMailStatus reset_mail;
  Timestamp password_at;              // when the password was chosen
  std::int64_t password_changes = 0;  // tokens and links name the one that they belong to
  std::int64_t approved = 0;
  std::int64_t rejected = 0;
  std::int64_t lapsed = 0;
  Cents earned_cents;

  const WorkerMailStatus& mail(WorkerMail which) const;
  std::int64_t trust() const;
  std::int64_t level() const;
  std::vector<Badge> badges() const;
};
BOOST_DESCRIBE_STRUCT(Worker, (),
                      (id, status, email_claim, name, email, password_hash, offer, registered_at,
                       verification_mail, reset_mail, password_at, password_changes, approved, rejected,
                       lapsed, earned_cents))

void evolve(Worker& state, const WorkerRegistered& event, Timestamp at);
void evolve(Worker& state, const VerificationMailed& event, Timestamp at);
void evolve(Worker& state, const WorkerMailRequested& event, Timestamp at);
void evolve(Worker& state, const WorkerMailSettled& event, Timestamp at);
void evolve(Worker& state, const WorkerPasswordSet& event, Timestamp at);
void evolve(Worker& state, const WorkerVerified& event, Timestamp at);
void evolve(Worker& state, const WorkerProfileChanged& event, Timestamp at);
void evolve(Worker& state, const WorkSettled& event, Timestamp at);
void evolve(Worker& state, const WorkerErased& event, Timestamp at);

// As whom a worker holds an e-mail address and money.
inline AccountId account_of(const WorkerId& worker) {
  return {worker.value};
}

// --- commands
// -------------------------------------------------------------------------------------------------------

// Takes no address: that is whose link is opened. So whoever enters somebody else's address stands in
// nobody's way, and any number of registrations with one address wait side by side.
struct RegisterWorker {
  static constexpr std::string_view kName = "worker.register";
  WorkerId worker;
  EmailClaimId email_claim;
  std::string name;
  std::string email;
  std::string password_hash;
  Offer offer;
};
BOOST_DESCRIBE_STRUCT(RegisterWorker, (), (worker, email_claim, name, email, password_hash, offer))

// Registrations took the address at once, formerly: one that is not verified gives it back.
struct YieldAddress {
  static constexpr std::string_view kName = "worker.yield_address";
  WorkerId worker;
  EmailClaimId email_claim;  // of the worker, as the caller read it
};
BOOST_DESCRIBE_STRUCT(YieldAddress, (), (worker, email_claim))

// A registration whose link nobody used is forgotten after this time, with all that was entered.
inline constexpr std::int64_t kRegistrationMs = std::int64_t{30} * 24 * 3'600'000;

// By the clock.
struct LapseRegistration {
  static constexpr std::string_view kName = "worker.lapse_registration";
  WorkerId worker;
  EmailClaimId email_claim;  // of the worker, as the caller read it
};
BOOST_DESCRIBE_STRUCT(LapseRegistration, (), (worker, email_claim))

struct RequestWorkerMail {
  static constexpr std::string_view kName = "worker.request_mail";
  WorkerId worker;
  WorkerMail mail{};
};
BOOST_DESCRIBE_STRUCT(RequestWorkerMail, (), (worker, mail))

struct SettleWorkerMail {
  static constexpr std::string_view kName = "worker.settle_mail";
  WorkerId worker;
  WorkerMail mail{};
  std::int64_t requests = 0;  // which one it was: meanwhile they may have asked for another
  MailFate fate{};
};
BOOST_DESCRIBE_STRUCT(SettleWorkerMail, (), (worker, mail, requests, fate))

struct VerifyWorker {
  static constexpr std::string_view kName = "worker.verify";
  WorkerId worker;
  EmailClaimId email_claim;   // of the worker, as the caller read it
  std::string password_hash;  // "": the one that was entered at registration
};
BOOST_DESCRIBE_STRUCT(VerifyWorker, (), (worker, email_claim, password_hash))

// By a link in a mail, which is good for one such command: it names the password that it replaces.
struct SetWorkerPassword {
  static constexpr std::string_view kName = "worker.set_password";
  WorkerId worker;
  std::int64_t password_changes = 0;  // of the worker when the link was made
  std::string password_hash;
  std::optional<std::string> name;  // nullopt: stays
};
BOOST_DESCRIBE_STRUCT(SetWorkerPassword, (), (worker, password_changes, password_hash, name))

struct AreaChange {
  std::optional<Area> area;  // nullopt: nowhere in particular any more
};
BOOST_DESCRIBE_STRUCT(AreaChange, (), (area))

// What is nullopt stays as it is.
struct ChangeWorkerProfile {
  static constexpr std::string_view kName = "worker.change_profile";
  WorkerId worker;
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> skills;
  std::optional<std::vector<Modality>> modalities;
  std::optional<AreaChange> area;
};
BOOST_DESCRIBE_STRUCT(ChangeWorkerProfile, (), (worker, name, skills, modalities, area))

// By relay, from the chain of the customer whose task it was.
struct SettleWork {
  static constexpr std::string_view kName = "worker.settle_work";
  WorkerId worker;
  TaskId task;
  AssignmentId assignment;
  WorkOutcome outcome{};
  Cents earned_cents;
};
BOOST_DESCRIBE_STRUCT(SettleWork, (), (worker, task, assignment, outcome, earned_cents))

struct EraseWorker {
  static constexpr std::string_view kName = "worker.erase";
  WorkerId worker;
  EmailClaimId email_claim;  // of the worker, as the caller read it
};
BOOST_DESCRIBE_STRUCT(EraseWorker, (), (worker, email_claim))

}  // namespace groundtruth::domain
