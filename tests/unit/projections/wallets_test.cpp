// The wallets projection: balances, statements, and the sums over all wallets.
#include <doctest/doctest.h>

#include "projections/wallets/queries.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

WalletQueries wallets_of(Desk& desk) {
  return WalletQueries(desk.projector().readers("wallets"));
}

std::vector<StoredPosting> walk(const WalletQueries& wallets, const AccountId& account, std::uint32_t limit) {
  std::vector<StoredPosting> all;
  for (WalletStatement page;; page = {}) {
    const auto after = all.empty() ? std::nullopt : std::optional(all.back().place);
    page = wallets.statement(wallet_of(account), after, limit);
    CHECK(page.postings.size() <= limit);
    all.insert(all.end(), page.postings.begin(), page.postings.end());
    if (!page.more) return all;
  }
}

}  // namespace

TEST_CASE("wallets: a statement says what happened, oldest first") {
  Story story(1);
  const TempDir directory;
  Desk desk(directory.path());
  const auto acme = story.account(), other = story.account("Other", "o@other.test");
  story.deposit(acme, {700});
  story.pass(5'000);
  const auto task = story.task(acme, {500}, 10);
  story.fund(task);
  story.deposit(other, {1});
  story.cancel(task);
  desk.catch_up(story);
  const auto wallets = wallets_of(desk);
  const auto statement = wallets.statement(wallet_of(acme), std::nullopt, 100);
  CHECK_FALSE(statement.more);
  REQUIRE(statement.postings.size() == 3);
  const auto& [deposit, funding, refund] =
      std::tie(statement.postings[0], statement.postings[1], statement.postings[2]);
  CHECK(deposit.reason == PostingReason::deposit);
  CHECK(deposit.reference == "wire");
  CHECK(deposit.place.position.partition == story.home(acme.value));
  CHECK(deposit.place.event == 0);
  CHECK(deposit.at.ms == story.now().ms - 5'000);
  CHECK(funding.reason == PostingReason::task_funding);
  CHECK(funding.reference == task.value);
  CHECK(funding.place.event == 1);  // behind task.funded
  CHECK(funding.at == story.now());
  REQUIRE(funding.entries.size() == 2);
  CHECK(funding.entries[0].account == LedgerAccount::external);
  CHECK(funding.entries[0].amount_cents == Cents{-5'000});
  CHECK(funding.entries[1].account == LedgerAccount::escrow);
  CHECK(funding.entries[1].amount_cents == Cents{5'000});
  CHECK(refund.reason == PostingReason::task_refund);
  CHECK(deposit.place < funding.place);
  CHECK(funding.place < refund.place);
  CHECK(wallets.statement(wallet_of(other), std::nullopt, 100).postings.size() == 1);
  CHECK(wallets.statement(WalletId{"wal_00000000000000000000000000"}, std::nullopt, 1).postings.empty());
}

TEST_CASE("wallets: walking a statement neither repeats nor skips, whatever is posted meanwhile") {
  Story story(2);
  const TempDir directory;
  Desk desk(directory.path());
  const auto acme = story.account();
  for (int i = 1; i <= 12; ++i) story.deposit(acme, {i});
  desk.catch_up(story);
  const auto wallets = wallets_of(desk);
  const auto all = walk(wallets, acme, 100);
  REQUIRE(all.size() == 12);
  for (const std::uint32_t limit : {1U, 5U, 12U}) {
    const auto walked = walk(wallets, acme, limit);
    REQUIRE(walked.size() == 12);
    for (std::size_t i = 0; i < 12; ++i) CHECK(walked[i].place == all[i].place);
  }
  const auto first = wallets.statement(wallet_of(acme), std::nullopt, 5);
  CHECK(first.more);
  story.deposit(acme, {13});
  desk.catch_up(story);
  const auto rest = wallets.statement(wallet_of(acme), first.postings.back().place, 100);
  REQUIRE(rest.postings.size() == 8);
  CHECK(rest.postings.front().place == all[5].place);
  CHECK(rest.postings.back().entries[1].amount_cents == Cents{13});
  // Behind the end there is nothing, however far.
  auto beyond = rest.postings.back().place;
  CHECK(wallets.statement(wallet_of(acme), beyond, 1).postings.empty());
  beyond.position.seq = ~std::uint64_t{0};
  CHECK(wallets.statement(wallet_of(acme), beyond, 1).postings.empty());
  CHECK_THROWS_AS(wallets.statement(wallet_of(acme), std::nullopt, 0), std::logic_error);
  CHECK_THROWS_AS(wallets.statement(wallet_of(acme), std::nullopt, 101), std::logic_error);
}

TEST_CASE("wallets: a place reads as it is written, and nothing else does") {
  const PostingPlace place{{{journal::Topic::tasks, 3}, 1234}, 1};
  CHECK(to_string(place) == "tasks.3.1234.1");
  CHECK(parse_posting_place("tasks.3.1234.1") == place);
  for (const char* wrong :
       {"", ".", "tasks.3.1234", "tasks.3.1234.", "tasks.3.1234.01", "tasks.3.1234.-1", "tasks.3.1234.1 ",
        "tasks.99.1.1", "nothing.3.1.1", "tasks.3.1.4294967296", "tasks.3.x.1", "1.1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_posting_place(wrong));
  }
}

TEST_CASE("wallets: over all of them the ledger sums to zero, and each is the sum of its statement") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  story.steps(1'500);
  desk.catch_up(story);
  REQUIRE(desk.failures().empty());
  const auto wallets = wallets_of(desk);
  LedgerSums expected{};
  std::uint64_t count = 0;
  auto accounts = story.accounts();
  for (const auto& worker : story.workers()) accounts.push_back(account_of(worker));
  for (const auto& account : accounts) {
    const auto row = wallets.wallet(wallet_of(account));
    if (!row) continue;
    ++count;
    Wallet summed;
    const auto postings = walk(wallets, account, 7);
    for (const auto& posting : postings)
      for (const auto& entry : posting.entries) summed.balance(entry.account) += entry.amount_cents;
    CHECK(postings.size() == row->version);
    for (std::size_t i = 0; i < kLedgerAccounts; ++i) {
      const auto which = static_cast<LedgerAccount>(i);
      CHECK(summed.balance(which) == row->state.balance(which));
      expected[i] += summed.balance(which);
    }
  }
  const auto balance = wallets.trial_balance();
  REQUIRE(count > 3);
  CHECK(balance.wallets == count);
  CHECK(balance.sums == expected);
  Cents total;
  for (const auto sum : balance.sums) total += sum;
  CHECK(total == Cents{0});
  CHECK(balance.sums[static_cast<std::size_t>(LedgerAccount::escrow)] > Cents{0});
}
