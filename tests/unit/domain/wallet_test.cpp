// The ledger: money moves only by postings that sum to zero.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

Cents sum_of(const Wallet& w) {
  return w.available + w.escrow + w.fees + w.transit + w.payable + w.external;
}

TEST_CASE("a deposit comes from outside and is free to spend") {
  Business business;
  business.has_account();
  CHECK(business.ask(Deposit{kAcme, {500}, "top-up"}) == "");
  CHECK(business.wallet().account == kAcme);
  CHECK(business.wallet().available == Cents{500});
  CHECK(business.wallet().external == Cents{-500});
  CHECK(business.ask(Deposit{kAcme, {0}, "x"}) == "amount_mismatch");
  CHECK(business.ask(Deposit{kAcme, {-1}, "x"}) == "amount_mismatch");
}

TEST_CASE("a transfer balances, and says what it would overdraw") {
  Wallet wallet;
  wallet.escrow = {100};
  struct Row {
    LedgerAccount from, to;
    Cents amount;
    bool covered;
  };
  using enum LedgerAccount;
  for (const auto& [from, to, amount, covered] :
       {Row{escrow, transit, {100}, true}, Row{escrow, transit, {101}, false},
        Row{available, escrow, {1}, false}, Row{external, available, {1'000'000}, true},
        Row{escrow, external, {100}, true}, Row{payable, external, {1}, false}}) {
    const auto posting = transfer(kAcme, PostingReason::task_refund, "t", from, to, amount);
    CHECK(balances(posting));
    CHECK(covers(wallet, posting) == covered);
  }
}

TEST_CASE("a posting that makes money is seen") {
  CHECK_FALSE(balances({kAcme, PostingReason::deposit, "", {{LedgerAccount::available, {1}}}}));
  CHECK_FALSE(balances({kAcme,
                        PostingReason::deposit,
                        "",
                        {{LedgerAccount::available, {2}}, {LedgerAccount::external, {-1}}}}));
  CHECK(balances(
      {kAcme,
       PostingReason::deposit,
       "",
       {{LedgerAccount::fees, {2}}, {LedgerAccount::transit, {8}}, {LedgerAccount::escrow, {-10}}}}));
}

TEST_CASE("whatever happens, the ledger sums to zero and nothing but the outside is in debt") {
  const char* given = std::getenv("SEED");  // NOLINT(concurrency-mt-unsafe)
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 engine(seed);
  const auto below = [&](std::uint64_t n) { return engine() % n; };
  for (int round = 0; round < 200; ++round) {
    Business business;
    business.has_account();
    Cents promised;  // what open tasks have in escrow, by the tasks' own account
    for (int step = 0; step < 100; ++step) {
      const TaskId task{"tsk_" + std::to_string(below(5))};
      const CheckoutId checkout{"cko_" + task.value};
      const Task before = business.get<Task>(task.value);
      const Wallet wallet = business.wallet();
      Command command;
      switch (below(5)) {
        case 0: {
          auto create =
              street_scenes({static_cast<std::int64_t>(below(2'000))}, static_cast<std::int64_t>(below(50)));
          create.task = task;
          create.checkout = checkout;
          command = create;
          break;
        }
        case 1:
          command = FundTask{task, kAcme, checkout, before.budget()};
          break;
        case 2:
          command = FundTask{task, kAcme, checkout, {static_cast<std::int64_t>(below(100'000))}};
          break;
        case 3:
          command = CancelTask{task, below(9) == 0 ? kOther : kAcme,
                               below(2) == 0 ? CancelReason::by_customer : CancelReason::checkout_abandoned};
          break;
        default:
          command = Deposit{kAcme, {static_cast<std::int64_t>(below(100'000)) - 50}, "top-up"};
      }
      if (!business.give(command)) {
        if (const auto* posted = business.last_event<WalletPosted>()) {
          REQUIRE(balances(*posted));
          REQUIRE(covers(wallet, *posted));
        }
        const Task& after = business.get<Task>(task.value);
        if (before.status != TaskStatus::open && after.status == TaskStatus::open) promised += after.budget();
        if (before.status == TaskStatus::open && after.status != TaskStatus::open)
          promised += -after.budget();
      }
      REQUIRE(sum_of(business.wallet()) == Cents{0});
      REQUIRE(business.wallet().escrow == promised);
    }
  }
}

TEST_CASE("a wallet takes no other aggregate's events") {
  Aggregate wallet = Wallet{};
  CHECK_FALSE(evolve(wallet, TaskFunded{kCheckout, {1}}, kNow));
  CHECK(evolve(
      wallet,
      transfer(kAcme, PostingReason::deposit, "x", LedgerAccount::external, LedgerAccount::available, {1}),
      kNow));
}

TEST_CASE("every event belongs to one aggregate, but the refusal of a command") {
  CHECK_FALSE(aggregate_for(CommandRejected{}));
  CHECK(std::holds_alternative<Task>(aggregate_for(TaskCreated{}).value()));
  CHECK(std::holds_alternative<EmailClaim>(aggregate_for(EmailReleased{}).value()));
  CHECK(std::holds_alternative<ApiKey>(aggregate_for(ApiKeyUsed{}).value()));
}

}  // namespace
}  // namespace groundtruth::domain::test
