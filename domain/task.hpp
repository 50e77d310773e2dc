// Task: recorded data that a customer pays people for. Source of the rules: seed 000 and CONTRACTS,
// "groundtruth".
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/account.hpp"
#include "domain/requirements.hpp"

namespace groundtruth::domain {

// none -> funding -> open -> completed; funding and open may become cancelled or expired.
enum class TaskStatus : std::uint8_t { none, funding, open, completed, cancelled, expired };
BOOST_DESCRIBE_ENUM(TaskStatus, none, funding, open, completed, cancelled, expired)

inline constexpr Cents kMinimumBudget{2'500};

// --- events
// ---------------------------------------------------------------------------------------------------------

struct TaskCreated {
  static constexpr std::string_view kType = "task.created";
  static constexpr int kSchema = 2;
  TaskId task;
  AccountId account;
  std::string title;
  std::string instructions;
  std::vector<Modality> modalities;
  Cents reward_cents;
  std::int64_t target_submissions = 0;
  std::optional<Timestamp> deadline;
  std::optional<Requirements> requirements;
  JsonObject metadata;
  CheckoutId checkout;
  std::string funding_url;
};
BOOST_DESCRIBE_STRUCT(TaskCreated, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, requirements, metadata, checkout, funding_url))

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

// How the places of a task are taken, after what happened.
struct TaskProgressed {
  static constexpr std::string_view kType = "task.progressed";
  static constexpr int kSchema = 1;
  std::int64_t leased = 0;    // workers are at it
  std::int64_t pending = 0;   // submissions that wait for their review
  std::int64_t approved = 0;  // submissions that were bought
  std::int64_t taken() const { return leased + pending + approved; }
};
BOOST_DESCRIBE_STRUCT(TaskProgressed, (), (leased, pending, approved))

struct TaskCompleted {
  static constexpr std::string_view kType = "task.completed";
  static constexpr int kSchema = 1;
  TaskId task;
  std::int64_t approved_submissions = 0;
};
BOOST_DESCRIBE_STRUCT(TaskCompleted, (), (task, approved_submissions))

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
  std::int64_t leased_places = 0;
  std::int64_t pending_submissions = 0;
  std::int64_t approved_submissions = 0;
  std::optional<Timestamp> deadline;
  Requirements requirements;
  JsonObject metadata;
  CheckoutId checkout;
  std::string funding_url;
  Timestamp created_at;
  std::optional<Timestamp> funded_at;
  std::optional<Timestamp> closed_at;

  Cents budget() const { return reward_cents * target_submissions; }
  // May still be paid, worked on or cancelled.
  bool is_alive() const { return status == TaskStatus::funding || status == TaskStatus::open; }
  // When the task ends by itself; nullopt when it never will, or has ended.
  std::optional<Timestamp> due() const { return is_alive() ? deadline : std::nullopt; }
  TaskProgressed progress() const { return {leased_places, pending_submissions, approved_submissions}; }
  // A worker may take one.
  bool has_free_place() const {
    return status == TaskStatus::open && progress().taken() < target_submissions;
  }
  // Submissions that escrow holds money for: of an open task all that are not bought yet, of one that has
  // ended those that wait for their review.
  std::int64_t promised_submissions() const {
    if (status == TaskStatus::open) return target_submissions - approved_submissions;
    return status == TaskStatus::funding ? 0 : pending_submissions;
  }
  std::optional<Rejection> closed_to_work(Timestamp at) const;
};
BOOST_DESCRIBE_STRUCT(Task, (),
                      (id, account, status, title, instructions, modalities, reward_cents, target_submissions,
                       leased_places, pending_submissions, approved_submissions, deadline, requirements,
                       metadata, checkout, funding_url, created_at, funded_at, closed_at))

void evolve(Task& state, const TaskCreated& event, Timestamp at);
void evolve(Task& state, const TaskFunded& event, Timestamp at);
void evolve(Task& state, const TaskProgressed& event, Timestamp at);
void evolve(Task& state, const TaskCompleted& event, Timestamp at);
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
  std::optional<Requirements> requirements;
  JsonObject metadata;
  CheckoutId checkout;      // minted by the payments provider before the command is submitted
  std::string funding_url;  // where the customer pays
};
BOOST_DESCRIBE_STRUCT(CreateTask, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, requirements, metadata, checkout, funding_url))

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
