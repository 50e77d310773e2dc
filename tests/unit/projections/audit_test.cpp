// The ledger's auditor holds its peace about what is right, and finds each kind of wrong.
#include "projections/wallets/audit.hpp"

#include <doctest/doctest.h>

#include <set>

#include "projections/stream_key.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

LedgerFindings audit(const Story& story, std::optional<WalletSnapshot> model = std::nullopt) {
  LedgerAudit audit(std::move(model));
  for (const auto& accepted : story.accepted())
    if (accepted.commit) audit.take(accepted.partition, *accepted.commit);
  return audit.finish();
}

WalletSnapshot model_of(Desk& desk) {
  return WalletQueries(desk.projector().readers("wallets")).snapshot();
}

// The rules that were broken, in the order in which they were found.
std::vector<LedgerRule> rules(const LedgerFindings& findings) {
  std::vector<LedgerRule> broken;
  for (const auto& violation : findings.violations) broken.push_back(violation.rule);
  return broken;
}

// An account whose story can be continued by forged commits.
struct Forger {
  Story story{1};
  AccountId account = story.account();
  std::uint32_t postings = 0;

  journal::Position post(PostingReason reason, std::vector<PostingEntry> entries) {
    const auto& accepted = story.append(story.home(account.value),
                                        {{wallet_of(account).value, ++postings,
                                          WalletPosted{account, reason, "forged", std::move(entries)}}});
    return {accepted.partition, accepted.seq};
  }
};

using enum LedgerAccount;

}  // namespace

TEST_CASE("audit: whatever a journal tells by its own rules holds, with its read model") {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    story.steps(1500);
    desk.catch_up(story);
    const auto model = model_of(desk);
    const auto trial = WalletQueries(desk.projector().readers("wallets")).trial_balance();
    auto findings = audit(story, model);
    CHECK(findings.holds());
    CHECK(findings.violations.empty());
    CHECK(findings.compared == model.wallets.size());
    CHECK(findings.wallets == trial.wallets);
    CHECK(findings.sums == trial.sums);
    // And it was a story worth telling.
    CHECK(trial.sums[static_cast<std::size_t>(payable)] > Cents{0});
    std::set<AssignmentStatus> met;
    for (const auto& work : story.works()) met.insert(story.state<Assignment>(work.value).status);
    CHECK(met.size() >= 4);
    std::uint64_t open = 0;
    for (const auto& task : story.tasks()) open += story.state<Task>(task.value).status == TaskStatus::open;
    CHECK(findings.open_tasks == open);
    // The journal goes on while it is read: what the model had not seen yet is no finding.
    story.steps(300);
    CHECK(audit(story, model).holds());
    CHECK(audit(story).holds());
    CHECK_FALSE(audit(story).compared.has_value());
  }
}

TEST_CASE("audit: a posting that makes money is found, with its place and account") {
  Forger forger;
  forger.story.deposit(forger.account, {100});
  forger.postings = 1;
  const auto at = forger.post(PostingReason::deposit, {{external, {-5}}, {available, {6}}});
  const auto findings = audit(forger.story);
  CHECK_FALSE(findings.holds());
  REQUIRE(rules(findings) == std::vector{LedgerRule::balance});
  CHECK(findings.violations[0].position == at);
  CHECK(findings.violations[0].account == forger.account);
  CHECK(findings.violations[0].what == "a posting does not sum to zero: external -5, available 6");
}

TEST_CASE("audit: a posting that goes the wrong way is found") {
  Forger forger;
  const auto at = forger.post(PostingReason::deposit, {{external, {-5}}, {payable, {5}}});
  const auto findings = audit(forger.story);
  REQUIRE(rules(findings) == std::vector{LedgerRule::direction});
  CHECK(findings.violations[0].position == at);
  CHECK(findings.violations[0].what ==
        "a deposit moves money from external to available, and this one is: external -5, payable 5");
}

TEST_CASE("audit: a posting in somebody else's wallet is found") {
  Story story(2);
  const auto account = story.account();
  const auto other = story.account("Other", "o@other.test");
  story.append(story.home(account.value),
               {{wallet_of(account).value, 1, transfer(other, PostingReason::deposit, "x", {5})}});
  const auto findings = audit(story);
  REQUIRE(rules(findings) == std::vector{LedgerRule::owner});
  CHECK(findings.violations[0].account == other);
}

TEST_CASE("audit: debts are found, once for as long as they last") {
  Forger forger;
  const auto at = forger.post(PostingReason::task_refund, {{available, {-5}}, {external, {5}}});
  forger.post(PostingReason::deposit, {{external, {-2}}, {available, {2}}});    // still a debt
  forger.post(PostingReason::deposit, {{external, {-10}}, {available, {10}}});  // paid
  const auto again = forger.post(PostingReason::task_refund, {{available, {-8}}, {external, {8}}});
  const auto findings = audit(forger.story);
  REQUIRE(rules(findings) ==
          std::vector{LedgerRule::direction, LedgerRule::debt, LedgerRule::direction, LedgerRule::debt});
  CHECK(findings.violations[1].position == at);
  CHECK(findings.violations[1].what == "available is below zero: -5 cents");
  CHECK(findings.violations[3].position == again);
}

TEST_CASE("audit: an escrow that no open task explains is found") {
  Forger forger;
  auto& story = forger.story;
  const auto task = story.task(forger.account, {500}, 10);
  story.fund(task);
  forger.postings = 1;
  const auto at = forger.post(PostingReason::task_funding, {{external, {-7}}, {escrow, {7}}});
  story.deposit(forger.account, {3});  // says nothing new about the escrow
  const auto findings = audit(story);
  REQUIRE(rules(findings) == std::vector{LedgerRule::escrow});
  CHECK(findings.violations[0].position == at);
  CHECK(findings.violations[0].account == forger.account);
  CHECK(findings.violations[0].what == "escrow holds 5007 cents, and the open tasks promise 5000 cents");
  CHECK(findings.open_tasks == 1);
}

TEST_CASE("audit: a task that opens without its money, or closes and keeps it, is found") {
  Forger forger;
  auto& story = forger.story;
  const auto home = story.home(forger.account.value);
  const auto unpaid = story.task(forger.account, {100}, 30);
  story.append(home, {{unpaid.value, 2, TaskFunded{story.state<Task>(unpaid.value).checkout, {3'000}}}});
  CHECK(rules(audit(story)) == std::vector{LedgerRule::escrow});

  Forger keeper;
  const auto kept = keeper.story.task(keeper.account, {100}, 30);
  keeper.story.fund(kept);
  CHECK(audit(keeper.story).holds());
  keeper.story.append(keeper.story.home(keeper.account.value),
                      {{kept.value, 3, TaskCancelled{kept, CancelReason::by_customer, {3'000}}}});
  const auto findings = audit(keeper.story);
  REQUIRE(rules(findings) == std::vector{LedgerRule::escrow});
  CHECK(findings.violations[0].what == "escrow holds 3000 cents, and the open tasks promise 0 cents");
  CHECK(findings.open_tasks == 0);
}

TEST_CASE("audit: money that stays on its way between chains is found") {
  Forger forger;
  const auto at = forger.post(PostingReason::deposit, {{external, {-5}}, {transit, {5}}});
  const auto findings = audit(forger.story);
  REQUIRE(rules(findings) == std::vector{LedgerRule::direction, LedgerRule::transit});
  CHECK(findings.violations[1].position == at);
  CHECK(findings.violations[1].account == forger.account);
}

TEST_CASE("audit: a read model that says something else than the journal is found") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  const auto acme = story.account(), other = story.account("Other", "o@other.test");
  story.deposit(acme, {100});
  story.deposit(acme, {20});
  story.deposit(other, {3});
  desk.catch_up(story);
  const auto key = [](const AccountId& account) { return stream_key(wallet_of(account).value); };
  const auto right = model_of(desk);
  REQUIRE(audit(story, right).holds());

  SUBCASE("another balance") {
    auto model = right;
    model.wallets.at(key(acme)).state.available = {121};
    const auto findings = audit(story, model);
    REQUIRE(rules(findings) == std::vector{LedgerRule::read_model});
    CHECK(findings.violations[0].position == journal::Position{story.home(acme.value), 3});
    CHECK(findings.violations[0].account == acme);
    CHECK(findings.violations[0].what == "in the read model available is 121 there and 120 by the journal");
  }
  SUBCASE("a wallet too few") {
    auto model = right;
    model.wallets.erase(key(acme));
    const auto findings = audit(story, model);
    REQUIRE(rules(findings) == std::vector{LedgerRule::read_model});
    CHECK(findings.violations[0].position == journal::Position{story.home(acme.value), 2});
  }
  SUBCASE("a posting too few") {
    auto model = right;
    model.wallets.at(key(acme)).version = 1;
    model.wallets.at(key(acme)).state.available = {100};
    model.wallets.at(key(acme)).state.external = {-100};
    const auto findings = audit(story, model);
    REQUIRE(rules(findings) == std::vector{LedgerRule::read_model});
    CHECK(findings.violations[0].position == journal::Position{story.home(acme.value), 3});
  }
  SUBCASE("a posting too many, as where the journal was cut") {
    auto model = right;
    model.wallets.at(key(acme)).version = 3;
    const auto findings = audit(story, model);
    REQUIRE(rules(findings) == std::vector{LedgerRule::read_model});
    CHECK(findings.violations[0].what == "the read model has 3 postings of this wallet, the journal 2");
    CHECK(findings.violations[0].position == journal::Position{story.home(acme.value), 3});
  }
  SUBCASE("a wallet of nobody") {
    auto model = right;
    auto& row = model.wallets["nobody"];
    row.state.account = {"org_nobody"};
    row.version = 1;
    const auto findings = audit(story, model);
    REQUIRE(rules(findings) == std::vector{LedgerRule::read_model});
    CHECK_FALSE(findings.violations[0].position.has_value());
    CHECK(findings.violations[0].account == AccountId{"org_nobody"});
  }
}

TEST_CASE("audit: of many violations the first are kept, and all are counted") {
  Forger forger;
  for (std::size_t i = 0; i < kKeptViolations + 5; ++i)
    forger.post(PostingReason::deposit, {{external, {-1}}, {available, {2}}});
  const auto findings = audit(forger.story);
  CHECK(findings.violations.size() == kKeptViolations);
  CHECK(findings.violated == kKeptViolations + 5);
}
