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

// The mail with the link was taken by the mail server, or will never be.
struct VerificationMailed {
  static constexpr std::string_view kType = "worker.verification_mailed";
  static constexpr int kSchema = 1;
  WorkerId worker;
  bool delivered = false;
};
BOOST_DESCRIBE_STRUCT(VerificationMailed, (), (worker, delivered))

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
  bool mailed = false;  // the verification mail is done with
  std::int64_t approved = 0;
  std::int64_t rejected = 0;
  std::int64_t lapsed = 0;
  Cents earned_cents;

  std::int64_t trust() const;
  std::int64_t level() const;
  std::vector<Badge> badges() const;
};
BOOST_DESCRIBE_STRUCT(Worker, (),
                      (id, status, email_claim, name, email, password_hash, offer, registered_at, mailed,
                       approved, rejected, lapsed, earned_cents))

void evolve(Worker& state, const WorkerRegistered& event, Timestamp at);
void evolve(Worker& state, const VerificationMailed& event, Timestamp at);
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

struct RecordVerificationMail {
  static constexpr std::string_view kName = "worker.record_verification_mail";
  WorkerId worker;
  bool delivered = false;
};
BOOST_DESCRIBE_STRUCT(RecordVerificationMail, (), (worker, delivered))

struct VerifyWorker {
  static constexpr std::string_view kName = "worker.verify";
  WorkerId worker;
};
BOOST_DESCRIBE_STRUCT(VerifyWorker, (), (worker))

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
