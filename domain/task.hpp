// Task: recorded data that a customer pays people for. Source of the rules: seed 000 and CONTRACTS,
// "groundtruth".
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/account.hpp"

namespace groundtruth::domain {

enum class Modality : std::uint8_t { video, audio, image, text };
BOOST_DESCRIBE_ENUM(Modality, video, audio, image, text)

// none -> funding -> open -> completed; funding and open may become cancelled or expired.
enum class TaskStatus : std::uint8_t { none, funding, open, completed, cancelled, expired };
BOOST_DESCRIBE_ENUM(TaskStatus, none, funding, open, completed, cancelled, expired)

inline constexpr Cents kMinimumBudget{2'500};

// --- events
// ---------------------------------------------------------------------------------------------------------

struct TaskCreated {
  static constexpr std::string_view kType = "task.created";
  static constexpr int kSchema = 1;
  TaskId task;
  AccountId account;
  std::string title;
  std::string instructions;
  std::vector<Modality> modalities;
  Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::optional<Timestamp> deadline;
  JsonObject metadata;
  CheckoutId checkout;
  std::string funding_url;
};
BOOST_DESCRIBE_STRUCT(TaskCreated, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, metadata, checkout, funding_url))

struct TaskFunded {
  static constexpr std::string_view kType = "task.funded";
  static constexpr int kSchema = 1;
  CheckoutId checkout;
  Cents amount_cents;
};
BOOST_DESCRIBE_STRUCT(TaskFunded, (), (checkout, amount_cents))

enum class CancelReason : std::uint8_t { by_customer, checkout_abandoned };
BOOST_DESCRIBE_ENUM(CancelReason, by_customer, checkout_abandoned)

struct TaskCancelled {
  static constexpr std::string_view kType = "task.cancelled";
  static constexpr int kSchema = 1;
  TaskId task;
  CancelReason reason{};
  Cents refunded_cents;
};
BOOST_DESCRIBE_STRUCT(TaskCancelled, (), (task, reason, refunded_cents))

struct TaskExpired {
  static constexpr std::string_view kType = "task.expired";
  static constexpr int kSchema = 1;
  TaskId task;
  Cents refunded_cents;
};
BOOST_DESCRIBE_STRUCT(TaskExpired, (), (task, refunded_cents))

// --- state
// ----------------------------------------------------------------------------------------------------------

struct Task {
  using Key = TaskId;
  TaskId id;
  AccountId account;
  TaskStatus status = TaskStatus::none;
  std::string title;
  std::string instructions;
  std::vector<Modality> modalities;
  Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::int64_t approved_submissions = 0;
  std::optional<Timestamp> deadline;
  JsonObject metadata;
  CheckoutId checkout;
  std::string funding_url;
  Timestamp created_at;
  std::optional<Timestamp> funded_at;
  std::optional<Timestamp> closed_at;

  Cents budget() const { return reward_cents * target_submissions; }
  // When the task ends by itself; nullopt when it never will, or has ended.
  std::optional<Timestamp> due() const {
    const bool alive = status == TaskStatus::funding || status == TaskStatus::open;
    return alive ? deadline : std::nullopt;
  }
};
BOOST_DESCRIBE_STRUCT(Task, (),
                      (id, account, status, title, instructions, modalities, reward_cents, target_submissions,
                       approved_submissions, deadline, metadata, checkout, funding_url, created_at, funded_at,
                       closed_at))

void evolve(Task& state, const TaskCreated& event, Timestamp at);
void evolve(Task& state, const TaskFunded& event, Timestamp at);
void evolve(Task& state, const TaskCancelled& event, Timestamp at);
void evolve(Task& state, const TaskExpired& event, Timestamp at);

// --- commands
// -------------------------------------------------------------------------------------------------------

struct CreateTask {
  static constexpr std::string_view kName = "task.create";
  TaskId task;
  AccountId account;
  std::string title;
  std::string instructions;
  std::vector<Modality> modalities;
  Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::optional<Timestamp> deadline;
  JsonObject metadata;
  CheckoutId checkout;      // minted by the payments provider before the command is submitted
  std::string funding_url;  // where the customer pays
};
BOOST_DESCRIBE_STRUCT(CreateTask, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, metadata, checkout, funding_url))

// The payments provider says that the checkout was paid.
struct FundTask {
  static constexpr std::string_view kName = "task.fund";
  TaskId task;
  AccountId account;
  CheckoutId checkout;
  Cents amount_cents;
};
BOOST_DESCRIBE_STRUCT(FundTask, (), (task, account, checkout, amount_cents))

struct CancelTask {
  static constexpr std::string_view kName = "task.cancel";
  TaskId task;
  AccountId account;
  CancelReason reason{};
};
BOOST_DESCRIBE_STRUCT(CancelTask, (), (task, account, reason))

// The clock says that the deadline has passed. Whoever says so too early, or of a task that has ended,
// changes nothing.
struct ExpireTask {
  static constexpr std::string_view kName = "task.expire";
  TaskId task;
  AccountId account;
};
BOOST_DESCRIBE_STRUCT(ExpireTask, (), (task, account))

// What needs no state, so that a wrong request is answered before anything else is done (a checkout made,
// say).
std::optional<Rejection> check_budget(Cents reward_cents, std::int64_t target_submissions);

}  // namespace groundtruth::domain
