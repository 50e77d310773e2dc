// Tasks: described, funded, cancelled, and where the money is meanwhile.
#include <doctest/doctest.h>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

const FundTask kFund{kTask, kAcme, kCheckout, {25'000}};
const CancelTask kCancel{kTask, kAcme, CancelReason::by_customer};
const CancelTask kAbandon{kTask, kAcme, CancelReason::checkout_abandoned};

TEST_CASE("a budget below 25 dollars is refused, with both numbers") {
  struct Row {
    Cents reward_cents;
    std::int64_t target_submissions;
    bool accepted;
  };
  for (const auto& [reward_cents, target_submissions, accepted] :
       {Row{{250}, 100, true}, Row{{25}, 100, true}, Row{{2'500}, 1, true}, Row{{1}, 2'500, true},
        Row{{24}, 100, false}, Row{{2'499}, 1, false}, Row{{1}, 2'499, false},
        Row{{1'000'000}, 100'000, true}}) {
    CAPTURE(reward_cents.value);
    Business business;
    business.has_account();
    const auto rejection = business.give(street_scenes(reward_cents, target_submissions));
    CHECK(rejection == check_budget(reward_cents, target_submissions));
    CHECK(rejection.has_value() != accepted);
    if (!rejection) continue;
    CHECK(rejection->code == RejectionCode::insufficient_budget);
    CHECK(rejection->numbers ==
          std::map<std::string, std::int64_t>{{"budget_cents", (reward_cents * target_submissions).value},
                                              {"required_cents", 2'500}});
  }
}

TEST_CASE("a new task waits for its funding") {
  Business business;
  business.has_task();
  CHECK(business.task().status == TaskStatus::funding);
  CHECK(business.task().budget() == Cents{25'000});
  CHECK(business.task().created_at == kNow);
  CHECK(business.ask(street_scenes()) == "task_exists");
}

TEST_CASE("a deadline lies in the future") {
  struct Row {
    std::int64_t from_now_ms;
    std::string answer;
  };
  for (const auto& [from_now_ms, answer] :
       {Row{-1, "deadline_in_past"}, Row{0, "deadline_in_past"}, Row{1, ""}}) {
    Business business;
    business.has_account();
    auto create = street_scenes();
    create.deadline = Timestamp{kNow.ms + from_now_ms};
    CHECK(business.ask(create) == answer);
  }
}

TEST_CASE("a paid checkout opens the task and puts the budget into escrow") {
  Business business;
  business.has_task();
  CHECK(business.ask(kFund) == "");
  CHECK(business.task().status == TaskStatus::open);
  CHECK(business.task().funded_at == kNow);
  CHECK(business.wallet().escrow == Cents{25'000});
  CHECK(business.wallet().external == Cents{-25'000});
}

TEST_CASE("funding that does not fit is refused") {
  struct Row {
    FundTask fund;
    std::string answer;
  };
  for (const auto& [fund, answer] : {Row{{kTask, kAcme, kCheckout, {24'999}}, "amount_mismatch"},
                                     Row{{kTask, kAcme, kCheckout, {25'001}}, "amount_mismatch"},
                                     Row{{kTask, kAcme, {"cko_other"}, {25'000}}, "task_not_fundable"},
                                     Row{{kTask, kOther, kCheckout, {25'000}}, "task_not_found"},
                                     Row{{{"tsk_other"}, kAcme, kCheckout, {25'000}}, "task_not_found"}}) {
    Business business;
    business.has_task();
    CHECK(business.ask(fund) == answer);
    CHECK(business.task().status == TaskStatus::funding);
    CHECK(business.wallet().escrow == Cents{0});
  }
}

TEST_CASE("a checkout that is reported paid twice pays once") {
  Business business;
  business.has_open_task();
  const auto rejection = business.give(kFund);
  REQUIRE(rejection);
  CHECK(rejection->code == RejectionCode::task_not_fundable);
  CHECK(rejection->words.at("status") == "open");
  CHECK(business.wallet().escrow == Cents{25'000});
}

TEST_CASE("cancelling gives back what is not owed") {
  struct Row {
    bool paid;
    Cents refunded_cents;
  };
  for (const auto& [paid, refunded_cents] : {Row{false, {0}}, Row{true, {25'000}}}) {
    CAPTURE(paid);
    Business business;
    paid ? business.has_open_task() : business.has_task();
    CHECK(business.ask(kCancel) == "");
    CHECK(business.task().status == TaskStatus::cancelled);
    CHECK(business.task().closed_at == kNow);
    CHECK(business.last_event<TaskCancelled>()->refunded_cents == refunded_cents);
    CHECK((business.last_event<WalletPosted>() != nullptr) == paid);
    CHECK(business.wallet().escrow == Cents{0});
    CHECK(business.wallet().external == Cents{0});
  }
}

TEST_CASE("what was approved stays owed when a task is cancelled") {
  Task task;
  task.id = kTask;
  task.account = kAcme;
  task.status = TaskStatus::open;
  task.reward_cents = {250};
  task.target_submissions = 100;
  task.approved_submissions = 40;
  Wallet wallet;
  wallet.escrow = {25'000 - 40 * 250};
  const auto decision = decide(kCancel, task, wallet, kNow);
  REQUIRE(decision.rejection() == nullptr);
  const auto& posted = std::get<WalletPosted>(decision.events().at(1).event);
  CHECK(std::get<TaskCancelled>(decision.events().at(0).event).refunded_cents == Cents{60 * 250});
  CHECK(balances(posted));
  CHECK(covers(wallet, posted));
}

TEST_CASE("who may cancel what, and when") {
  struct Row {
    std::string state;
    CancelTask cancel;
    std::string answer;
  };
  for (const auto& [state, cancel, answer] :
       {Row{"none", kCancel, "task_not_found"}, Row{"funding", kCancel, ""}, Row{"funding", kAbandon, ""},
        Row{"open", kCancel, ""}, Row{"open", kAbandon, "task_not_cancellable"},
        Row{"cancelled", kCancel, "task_not_cancellable"}, Row{"cancelled", kAbandon, "task_not_cancellable"},
        Row{"open", {kTask, kOther, CancelReason::by_customer}, "task_not_found"}}) {
    CAPTURE(state);
    Business business;
    if (state != "none") business.has_task();
    if (state == "open") business.ask(kFund);
    if (state == "cancelled") business.ask(kCancel);
    CHECK(business.ask(cancel) == answer);
  }
}

TEST_CASE("a cancelled task takes no money any more") {
  Business business;
  business.has_task();
  business.ask(kCancel);
  const auto rejection = business.give(kFund);
  REQUIRE(rejection);
  CHECK(rejection->code == RejectionCode::task_not_fundable);
  CHECK(rejection->words.at("status") == "cancelled");
}

const ExpireTask kExpire{kTask, kAcme};

TEST_CASE("a task ends at its deadline, not before, and gives back what is not owed") {
  struct Row {
    std::string state;
    std::int64_t after_deadline_ms;
    bool ends;
    Cents refunded_cents;
  };
  for (const auto& [state, after_deadline_ms, ends, refunded_cents] :
       {Row{"funding", -1, false, {0}}, Row{"funding", 0, true, {0}}, Row{"open", -1, false, {0}},
        Row{"open", 0, true, {25'000}}, Row{"open", 86'400'000, true, {25'000}},
        Row{"cancelled", 0, false, {0}}}) {
    CAPTURE(state);
    CAPTURE(after_deadline_ms);
    Business business;
    business.has_account();
    auto create = street_scenes();
    create.deadline = Timestamp{kNow.ms + 1'000};
    business.ask(create);
    if (state == "open") business.ask(kFund);
    if (state == "cancelled") business.ask(kCancel);
    business.now = Timestamp{create.deadline->ms + after_deadline_ms};
    CHECK(business.ask(kExpire) == "");
    CHECK((business.task().status == TaskStatus::expired) == ends);
    CHECK(business.last().empty() == !ends);
    if (!ends) continue;
    CHECK(business.task().closed_at == business.now);
    CHECK_FALSE(business.task().due());
    CHECK(business.last_event<TaskExpired>()->refunded_cents == refunded_cents);
    CHECK(business.wallet().escrow == Cents{0});
    CHECK(business.ask(kExpire) == "");
    CHECK(business.last().empty());
    CHECK(business.ask(kFund) == "task_not_fundable");
    CHECK(business.ask(kCancel) == "task_not_cancellable");
  }
}

TEST_CASE("a task without a deadline never ends by itself, and nobody ends another's") {
  Business business;
  business.has_open_task();
  business.now.ms += 1'000'000'000'000;
  CHECK(business.ask(kExpire) == "");
  CHECK(business.task().status == TaskStatus::open);
  CHECK(business.ask(ExpireTask{kTask, kOther}) == "task_not_found");
}

RenewCheckout renewal() {
  RenewCheckout renew;
  renew.task = kTask;
  renew.account = kAcme;
  renew.checkout = {"cko_01j9zq4k7w00yyyyyyyyyyyyyy"};
  renew.funding_url = "https://pay.example/2";
  return renew;
}

TEST_CASE("an unpaid task ends with its checkout, a paid one does not") {
  Business business;
  business.has_task();
  CHECK(business.task().due() == Timestamp{kNow.ms + kCheckoutMs});
  business.now.ms += kCheckoutMs - 1;
  CHECK(business.ask(kExpire) == "");
  CHECK(business.task().status == TaskStatus::funding);
  ++business.now.ms;
  CHECK(business.ask(kExpire) == "");
  CHECK(business.task().status == TaskStatus::expired);
  CHECK(business.last_event<TaskExpired>()->refunded_cents == Cents{0});
  CHECK(business.ask(kFund) == "task_not_fundable");

  Business paid;
  paid.has_open_task();
  CHECK_FALSE(paid.task().due());
}

TEST_CASE("the deadline ends an unpaid task where it comes first") {
  Business business;
  business.has_account();
  auto create = street_scenes();
  create.deadline = Timestamp{kNow.ms + 1'000};
  REQUIRE(business.ask(create).empty());
  CHECK(business.task().due() == create.deadline);
}

TEST_CASE("a task of before checkouts ended has a week") {
  Task task;
  evolve(task, TaskCreated{}, kNow);
  CHECK(task.due() == Timestamp{kNow.ms + kOldCheckoutMs});
}

TEST_CASE("who may have a new checkout, by what became of the task") {
  struct Row {
    std::string state, answer;
  };
  for (const auto& [state, answer] :
       {Row{"funding", ""}, Row{"over", ""}, Row{"expired", ""}, Row{"open", "task_not_fundable"},
        Row{"cancelled", "task_not_fundable"}, Row{"erased", "account_erased"}}) {
    CAPTURE(state);
    Business business;
    if (state == "open")
      business.has_open_task();
    else
      business.has_task();
    if (state == "over" || state == "expired") business.now.ms += kCheckoutMs;
    if (state == "expired") REQUIRE(business.ask(kExpire).empty());
    if (state == "cancelled") REQUIRE(business.ask(kCancel).empty());
    if (state == "erased") REQUIRE(business.ask(EraseAccount{kAcme, kMail}).empty());
    CHECK(business.ask(renewal()) == answer);
    if (!answer.empty()) continue;
    CHECK(business.task().status == TaskStatus::funding);
    CHECK_FALSE(business.task().closed_at);
    CHECK(business.task().due() == Timestamp{business.now.ms + kCheckoutMs});
    CHECK(business.ask(kFund) == "task_not_fundable");  // the checkout from before
    CHECK(business.ask(FundTask{kTask, kAcme, renewal().checkout, {25'000}}) == "");
    CHECK(business.wallet().escrow == Cents{25'000});
    CHECK(business.ask(renewal()) == "task_not_fundable");
  }
}

TEST_CASE("nobody renews another's checkout, nor one whose deadline has passed") {
  Business business;
  business.has_account();
  auto create = street_scenes();
  create.deadline = Timestamp{kNow.ms + 1'000};
  REQUIRE(business.ask(create).empty());
  auto foreign = renewal();
  foreign.account = kOther;
  CHECK(business.ask(foreign) == "task_not_found");
  business.now.ms += 1'000;
  CHECK(business.ask(renewal()) == "task_not_fundable");
  REQUIRE(business.ask(kExpire).empty());
  CHECK(business.ask(renewal()) == "task_not_fundable");
}

TEST_CASE("where there is no room for an unpaid task, none is made and none comes back") {
  Business business;
  business.has_account();
  auto create = street_scenes();
  create.has_room = false;
  CHECK(business.ask(create) == "too_many_unpaid_tasks");
  REQUIRE(business.ask(street_scenes()).empty());
  auto renew = renewal();
  renew.has_room = false;
  CHECK(business.ask(renew) == "");  // it has its place
  business.now.ms += kCheckoutMs;
  REQUIRE(business.ask(kExpire).empty());
  CHECK(business.ask(renew) == "too_many_unpaid_tasks");
  CHECK_FALSE(is_for_good(RejectionCode::too_many_unpaid_tasks));
}

TEST_CASE("a refused time says what it was compared with") {
  Business business;
  business.has_account();
  auto create = street_scenes();
  create.deadline = kNow;
  const auto rejection = business.give(create);
  REQUIRE(rejection);
  CHECK(rejection->words.at("now") == to_rfc3339_s(kNow));
}

}  // namespace
}  // namespace groundtruth::domain::test
