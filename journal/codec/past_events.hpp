// What events looked like before, and how they become those of today (event_registry.hpp). Append only: the
// journals that hold them never change.
#pragma once

#include <optional>
#include <string>
#include <vector>

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

}  // namespace groundtruth::journal::codec
