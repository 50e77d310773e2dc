// The ledger: money moves only by postings that sum to zero.
#include <doctest/doctest.h>

#include <limits>
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

TEST_CASE("money goes one way for each reason") {
  using enum LedgerAccount;
  struct Row {
    PostingReason reason;
    LedgerAccount from, to;
  };
  for (const auto& [reason, from, to] :
       {Row{PostingReason::deposit, external, available}, Row{PostingReason::task_funding, external, escrow},
        Row{PostingReason::task_refund, escrow, external}}) {
    const auto posting = transfer(kAcme, reason, "why", {7});
    CHECK(posting.account == kAcme);
    CHECK(posting.reason == reason);
    CHECK(posting.reference == "why");
    REQUIRE(posting.entries.size() == 2);
    CHECK(posting.entries[0].account == from);
    CHECK(posting.entries[0].amount_cents == Cents{-7});
    CHECK(posting.entries[1].account == to);
    CHECK(posting.entries[1].amount_cents == Cents{7});
    CHECK(balances(posting));
    CHECK(follows_rules(posting));
  }
}

TEST_CASE("a posting that goes another way than its reason says is seen") {
  using enum LedgerAccount;
  constexpr auto kReason = PostingReason::task_funding;  // external -> escrow
  constexpr Cents kMost{std::numeric_limits<std::int64_t>::max()}, kLeast = {-kMost.value - 1};
  struct Row {
    const char* words;
    std::vector<PostingEntry> entries;
  };
  for (const Row& row :
       {Row{"backwards", {{escrow, {-5}}, {external, {5}}}},
        Row{"a negative amount", {{external, {5}}, {escrow, {-5}}}},
        Row{"to another account", {{external, {-5}}, {available, {5}}}},
        Row{"from another account", {{available, {-5}}, {escrow, {5}}}},
        Row{"written the other way round", {{escrow, {5}}, {external, {-5}}}}, Row{"nothing", {}},
        Row{"no money", {{external, {0}}, {escrow, {0}}}},
        Row{"with a share for somebody", {{external, {-5}}, {escrow, {4}}, {fees, {1}}}},
        Row{"unbalanced", {{external, {-5}}, {escrow, {6}}}}, Row{"half of it", {{escrow, {5}}}},
        Row{"what no int64 negates", {{external, kLeast}, {escrow, kLeast}}}}) {
    CAPTURE(row.words);
    CHECK_FALSE(follows_rules({kAcme, kReason, "t", row.entries}));
  }
  CHECK(follows_rules({kAcme, kReason, "t", {{external, {-kMost.value}}, {escrow, kMost}}}));
}

TEST_CASE("a sum that leaves the integers does not balance") {
  constexpr Cents kMost{std::numeric_limits<std::int64_t>::max()};
  using enum LedgerAccount;
  CHECK_FALSE(balances({kAcme, PostingReason::deposit, "", {{fees, kMost}, {fees, kMost}, {fees, {2}}}}));
}

TEST_CASE("a posting says what it would overdraw") {
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
    const WalletPosted posting{kAcme, PostingReason::task_refund, "t", {{from, -amount}, {to, amount}}};
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
  const std::uint64_t seed = seed_of_run();
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
          REQUIRE(follows_rules(*posted));
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
  CHECK(evolve(wallet, transfer(kAcme, PostingReason::deposit, "x", {1}), kNow));
}

TEST_CASE("every event belongs to one aggregate, but the refusal of a command") {
  CHECK_FALSE(aggregate_for(CommandRejected{}));
  CHECK(std::holds_alternative<Task>(aggregate_for(TaskCreated{}).value()));
  CHECK(std::holds_alternative<EmailClaim>(aggregate_for(EmailReleased{}).value()));
  CHECK(std::holds_alternative<ApiKey>(aggregate_for(ApiKeyUsed{}).value()));
}

}  // namespace
}  // namespace groundtruth::domain::test
