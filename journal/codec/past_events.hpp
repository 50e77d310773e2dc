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

struct TaskCreatedV1To2 {
  using From = TaskCreatedV1;
  static domain::TaskCreated upcast(From event) {
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

}  // namespace groundtruth::journal::codec
