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

// none -> funding -> open -> completed; funding and open may become cancelled or expired. What expired before
// it was paid for may become funding again, by a new checkout.
enum class TaskStatus : std::uint8_t { none, funding, open, completed, cancelled, expired };
BOOST_DESCRIBE_ENUM(TaskStatus, none, funding, open, completed, cancelled, expired)

inline constexpr Cents kMinimumBudget{2'500};
inline constexpr std::int64_t kCheckoutMs = 86'400'000;  // how long a checkout can be paid, if nobody says
inline constexpr std::int64_t kOldCheckoutMs = 7 * 86'400'000;  // the same of those made before it was said

// --- events
// ---------------------------------------------------------------------------------------------------------

struct TaskCreated {
  static constexpr std::string_view kType = "task.created";
  static constexpr int kSchema = 3;
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
  std::optional<Timestamp> checkout_until = std::nullopt;  // unpaid by then, the task expires
};
BOOST_DESCRIBE_STRUCT(TaskCreated, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, requirements, metadata, checkout, funding_url, checkout_until))

// The task can be paid for at another checkout, and at none from before.
struct TaskCheckoutRenewed {
  static constexpr std::string_view kType = "task.checkout_renewed";
  static constexpr int kSchema = 1;
  TaskId task;
  AccountId account;
  Cents reward_cents;  // this and the next as the task was created: what the checkout is for
  std::int64_t target_submissions = 0;
  CheckoutId checkout;
  std::string funding_url;
  Timestamp checkout_until;
};
BOOST_DESCRIBE_STRUCT(TaskCheckoutRenewed, (),
                      (task, account, reward_cents, target_submissions, checkout, funding_url,
                       checkout_until))

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
  Timestamp checkout_until;
  Timestamp created_at;
  std::optional<Timestamp> funded_at;
  std::optional<Timestamp> closed_at;

  Cents budget() const { return reward_cents * target_submissions; }
  // May still be paid, worked on or cancelled.
  bool is_alive() const { return status == TaskStatus::funding || status == TaskStatus::open; }
  // When the task ends by itself; nullopt when it never will, or has ended.
  std::optional<Timestamp> due() const {
    if (status != TaskStatus::funding) return is_alive() ? deadline : std::nullopt;
    return deadline && *deadline < checkout_until ? *deadline : checkout_until;
  }
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
                       metadata, checkout, funding_url, checkout_until, created_at, funded_at, closed_at))

void evolve(Task& state, const TaskCreated& event, Timestamp at);
void evolve(Task& state, const TaskCheckoutRenewed& event, Timestamp at);
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
  CheckoutId checkout;                     // minted by the payments provider before the command is submitted
  std::string funding_url;                 // where the customer pays
  std::int64_t checkout_ms = kCheckoutMs;  // for how long
  bool has_room = true;                    // among the account's unpaid tasks: they are counted by the caller
};
BOOST_DESCRIBE_STRUCT(CreateTask, (),
                      (task, account, title, instructions, modalities, reward_cents, target_submissions,
                       deadline, requirements, metadata, checkout, funding_url, checkout_ms, has_room))

// Another checkout for a task that was never paid for, be it because the one before is over.
struct RenewCheckout {
  static constexpr std::string_view kName = "task.renew_checkout";
  TaskId task;
  AccountId account;
  CheckoutId checkout;
  std::string funding_url;
  std::int64_t checkout_ms = kCheckoutMs;
  bool has_room = true;  // as CreateTask's; a task that is unpaid now has its place already
};
BOOST_DESCRIBE_STRUCT(RenewCheckout, (), (task, account, checkout, funding_url, checkout_ms, has_room))

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

// The clock says that the deadline has passed, or that nobody paid in time. Whoever says so too early, or of
// a task that has ended, changes nothing.
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
