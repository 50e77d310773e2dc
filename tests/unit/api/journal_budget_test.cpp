// What somebody may write in a day: taken before it is written, settled after, and free again a day later.
#include "api/common/journal_budget.hpp"

#include <doctest/doctest.h>

#include "journal/commit.hpp"

using namespace groundtruth;
using namespace groundtruth::api;

namespace {

struct ManualClock final : journal::Clock {
  std::chrono::steady_clock::time_point at{std::chrono::hours(1'000)};
  domain::Timestamp now() const override { return {0}; }
  std::chrono::steady_clock::time_point steady() const override { return at; }
};

const journal::Actor kKey{journal::ActorKind::api_key, "key_1", "org_1"};
const journal::Actor kNobody{journal::ActorKind::system, "registration", "eml_1"};

journal::Answer appended(std::size_t bytes) {
  journal::Answer answer;
  answer.kind = journal::AnswerKind::accepted;
  answer.commit = std::make_shared<journal::Commit>();
  answer.appended_bytes = bytes;
  return answer;
}

JournalBudgetOptions limits(std::uint64_t bytes) {
  JournalBudgetOptions options;
  options.account_bytes = options.worker_bytes = options.address_bytes = bytes;
  return options;
}

}  // namespace

TEST_CASE("what is on its way counts, and what was not written is given back") {
  ManualClock clock;
  JournalBudget budget(limits(10'000), clock);
  auto first = budget.take(kKey, "192.0.2.1", 1'000);
  auto second = budget.take(kKey, "192.0.2.1", 1'000);
  CHECK(first.refused_for.count() == 0);
  CHECK(second.refused_for.count() == 0);
  CHECK(budget.take(kKey, "192.0.2.1", 1'000).refused_for.count() > 0);
  CHECK(budget.refused() == 1);
  {
    const auto gone = std::move(first.share);
  }
  CHECK(budget.take(kKey, "192.0.2.1", 1'000).refused_for.count() == 0);
}

TEST_CASE("a commit costs its bytes and what follows from it, a replay and an unrecorded refusal nothing") {
  ManualClock clock;
  JournalBudget budget(limits(10'000), clock);
  budget.take(kKey, "", 4'000).share.settle(appended(500));
  CHECK(budget.used("org_1") == 1'524);
  auto replay = appended(0);
  replay.replayed = true;
  budget.take(kKey, "", 4'000).share.settle(replay);
  journal::Answer refused;
  refused.kind = journal::AnswerKind::rejected;
  budget.take(kKey, "", 4'000).share.settle(refused);
  CHECK(budget.used("org_1") == 1'524);
}

TEST_CASE("what may have been written, and what another node wrote, counts as it was estimated") {
  ManualClock clock;
  JournalBudget budget(limits(100'000), clock);
  journal::Answer unknown;
  unknown.kind = journal::AnswerKind::unknown;
  budget.take(kKey, "", 1'000).share.settle(unknown);
  const auto estimate = budget.used("org_1");
  CHECK(estimate > 1'000);
  budget.take(kKey, "", 1'000).share.settle(appended(0));
  CHECK(budget.used("org_1") == 2 * estimate);
}

TEST_CASE("without a credential the address counts, an IPv6 one as its network") {
  ManualClock clock;
  JournalBudget budget(limits(5'000), clock);
  const auto held = budget.take(kNobody, "2001:db8::1", 0);
  CHECK(held.refused_for.count() == 0);
  CHECK(budget.take(kNobody, "2001:db8::2", 0).refused_for.count() > 0);
  CHECK(budget.take(kNobody, "2001:db8:0:1::1", 0).refused_for.count() == 0);
  CHECK(budget.take(kKey, "2001:db8::1", 0).refused_for.count() == 0);
}

TEST_CASE("a day later there is room again, and the wait that was said is enough") {
  ManualClock clock;
  JournalBudget budget(limits(6'000), clock);
  budget.take(kKey, "", 0).share.settle(appended(4'000));
  const auto wait = budget.take(kKey, "", 0).refused_for;
  CHECK(wait.count() > 0);
  CHECK(wait <= std::chrono::hours(24));
  clock.at += wait;
  CHECK(budget.used("org_1") == 0);
  CHECK(budget.take(kKey, "", 0).refused_for.count() == 0);
}

TEST_CASE("an account may have its own budget; without enforcement nobody has one") {
  ManualClock clock;
  auto options = limits(5'000);
  options.accounts.emplace("org_1", 100'000);
  JournalBudget budget(options, clock);
  for (int i = 0; i < 10; ++i) CHECK(budget.take(kKey, "", 0).refused_for.count() == 0);
  options.enforced = false;
  JournalBudget off(options, clock);
  for (int i = 0; i < 100; ++i) off.take(kNobody, "192.0.2.1", 9'000).share.settle(appended(9'000));
  CHECK(off.refused() == 0);
}

TEST_CASE("the longest unseen is forgotten, and its share is harmless then") {
  ManualClock clock;
  auto options = limits(1'000'000);
  options.max_subjects = 2;
  JournalBudget budget(options, clock);
  auto held = budget.take({journal::ActorKind::api_key, "k", "org_a"}, "", 0);
  budget.take({journal::ActorKind::api_key, "k", "org_b"}, "", 0).share.settle(appended(10));
  budget.take({journal::ActorKind::api_key, "k", "org_c"}, "", 0).share.settle(appended(10));
  held.share.settle(appended(10));
  CHECK(budget.used("org_a") == 0);
}
