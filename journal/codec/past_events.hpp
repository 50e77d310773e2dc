// What events looked like before, and how they become those of today (event_registry.hpp). Append only: the
// journals that hold them never change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domain/assignment.hpp"
#include "domain/task.hpp"
#include "domain/wallet.hpp"
#include "domain/worker.hpp"

namespace groundtruth::journal::codec {

// Before a task could ask for skills and a place.
struct TaskCreatedV1 {
  static constexpr std::string_view kType = "task.created";
  static constexpr int kSchema = 1;
  domain::TaskId task;
  domain::AccountId account;
  std::string title;
  std::string instructions;
  std::vector<domain::Modality> modalities;
  domain::Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::optional<domain::Timestamp> deadline;
  domain::JsonObject metadata;
  domain::CheckoutId checkout;
  std::string funding_url;
};
BOOST_DESCRIBE_STRUCT(TaskCreatedV1, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, metadata, checkout, funding_url))

// Before a checkout had an end.
struct TaskCreatedV2 {
  static constexpr std::string_view kType = "task.created";
  static constexpr int kSchema = 2;
  domain::TaskId task;
  domain::AccountId account;
  std::string title;
  std::string instructions;
  std::vector<domain::Modality> modalities;
  domain::Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::optional<domain::Timestamp> deadline;
  std::optional<domain::Requirements> requirements;
  domain::JsonObject metadata;
  domain::CheckoutId checkout;
  std::string funding_url;
};
BOOST_DESCRIBE_STRUCT(TaskCreatedV2, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, requirements, metadata, checkout, funding_url))

struct TaskCreatedV1To2 {
  using From = TaskCreatedV1;
  static TaskCreatedV2 upcast(From event) {
    return {std::move(event.task),
            std::move(event.account),
            std::move(event.title),
            std::move(event.instructions),
            std::move(event.modalities),
            event.reward_cents,
            event.target_submissions,
            event.deadline,
            std::nullopt,
            std::move(event.metadata),
            std::move(event.checkout),
            std::move(event.funding_url)};
  }
};

struct TaskCreatedV2To3 {
  using From = TaskCreatedV2;
  static domain::TaskCreated upcast(From event) {
    return {std::move(event.task),
            std::move(event.account),
            std::move(event.title),
            std::move(event.instructions),
            std::move(event.modalities),
            event.reward_cents,
            event.target_submissions,
            event.deadline,
            std::move(event.requirements),
            std::move(event.metadata),
            std::move(event.checkout),
            std::move(event.funding_url),
            std::nullopt};
  }
};

// Before the leases of an assignment were counted.
struct LeaseGrantedV1 {
  static constexpr std::string_view kType = "lease.granted";
  static constexpr int kSchema = 1;
  domain::AssignmentId assignment;
  domain::TaskId task;
  domain::AccountId account;
  domain::WorkerId worker;
  domain::Cents reward_cents;
  domain::Timestamp expires_at;
};
BOOST_DESCRIBE_STRUCT(LeaseGrantedV1, (), (assignment, task, account, worker, reward_cents, expires_at))

struct LeaseGrantedV1To2 {
  using From = LeaseGrantedV1;
  static domain::LeaseGranted upcast(From event) {
    return {std::move(event.assignment),
            0,
            std::move(event.task),
            std::move(event.account),
            std::move(event.worker),
            event.reward_cents,
            event.expires_at};
  }
};

struct UploadAnnouncedV1 {
  static constexpr std::string_view kType = "upload.announced";
  static constexpr int kSchema = 1;
  domain::AssignmentId assignment;
  domain::Upload upload;
};
BOOST_DESCRIBE_STRUCT(UploadAnnouncedV1, (), (assignment, upload))

struct UploadAnnouncedV1To2 {
  using From = UploadAnnouncedV1;
  static domain::UploadAnnounced upcast(From event) {
    return {std::move(event.assignment), 0, std::move(event.upload)};
  }
};

// Before the platform itself paid for anything.
struct WalletPostedV1 {
  static constexpr std::string_view kType = "wallet.posted";
  static constexpr int kSchema = 1;
  domain::AccountId account;
  domain::PostingReason reason{};
  std::string reference;
  std::vector<domain::PostingEntry> entries;
};
BOOST_DESCRIBE_STRUCT(WalletPostedV1, (), (account, reason, reference, entries))

struct WalletPostedV1To2 {
  using From = WalletPostedV1;
  static domain::WalletPosted upcast(From event) {
    return {std::move(event.account), event.reason, std::move(event.reference), std::move(event.entries)};
  }
};

// Before a rejection could be contested.
struct WorkSettledV1 {
  static constexpr std::string_view kType = "worker.work_settled";
  static constexpr int kSchema = 1;
  domain::WorkerId worker;
  domain::TaskId task;
  domain::AssignmentId assignment;
  domain::WorkOutcome outcome{};
  domain::Cents earned_cents;
};
BOOST_DESCRIBE_STRUCT(WorkSettledV1, (), (worker, task, assignment, outcome, earned_cents))

struct WorkSettledV1To2 {
  using From = WorkSettledV1;
  static domain::WorkSettled upcast(From event) {
    return {std::move(event.worker), std::move(event.task), std::move(event.assignment), event.outcome,
            event.earned_cents};
  }
};

// While what a worker offers stood in the journal for everybody to read.
struct WorkerRegisteredV1 {
  static constexpr std::string_view kType = "worker.registered";
  static constexpr int kSchema = 1;
  domain::WorkerId worker;
  domain::EmailClaimId email_claim;
  domain::Sealed<std::string> name;
  domain::Sealed<std::string> email;
  domain::Sealed<std::string> password_hash;
  std::vector<std::string> skills;
  std::vector<domain::Modality> modalities;
  std::optional<domain::Sealed<domain::Area>> area;
  const std::string& data_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerRegisteredV1, (),
                      (worker, email_claim, name, email, password_hash, skills, modalities, area))

struct WorkerRegisteredV1To2 {
  using From = WorkerRegisteredV1;
  static domain::WorkerRegistered upcast(From event) {
    return {std::move(event.worker),       std::move(event.email_claim),   std::move(event.name),
            std::move(event.email),        std::move(event.password_hash), {std::move(event.skills)},
            {std::move(event.modalities)}, std::move(event.area)};
  }
};

struct WorkerProfileChangedV1 {
  static constexpr std::string_view kType = "worker.profile_changed";
  static constexpr int kSchema = 1;
  domain::WorkerId worker;
  domain::Sealed<std::string> name;
  std::vector<std::string> skills;
  std::vector<domain::Modality> modalities;
  std::optional<domain::Sealed<domain::Area>> area;
  const std::string& data_owner() const { return worker.value; }
};
BOOST_DESCRIBE_STRUCT(WorkerProfileChangedV1, (), (worker, name, skills, modalities, area))

struct WorkerProfileChangedV1To2 {
  using From = WorkerProfileChangedV1;
  static domain::WorkerProfileChanged upcast(From event) {
    return {std::move(event.worker),
            std::move(event.name),
            {std::move(event.skills)},
            {std::move(event.modalities)},
            std::move(event.area)};
  }
};

}  // namespace groundtruth::journal::codec
