// How many tasks a person may hold at a time, and how long they wait after tasks that came to nothing.
#include "domain/lease_rules.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace groundtruth::domain;

namespace {

constexpr std::int64_t kMinute = 60'000, kDay = 86'400'000;
constexpr std::int64_t kGood = 70;  // the trust that a worker begins with

}  // namespace

TEST_CASE("lease rules: a better record holds more, and little trust holds half") {
  const LeaseRules rules;
  struct Row {
    std::int64_t level, trust, max;
  };
  for (const Row& row : {Row{1, kGood, 5}, Row{2, kGood, 10}, Row{3, kGood, 20}, Row{5, 100, 80},
                         Row{1, 49, 2}, Row{2, 0, 5}, Row{1, 50, 5}}) {
    CAPTURE(row.level);
    CAPTURE(row.trust);
    CHECK(max_leases_of(rules, row.level, row.trust) == row.max);
  }
  CHECK(max_leases_of({.max_leases = 1}, 1, 0) == 1);  // at least one
  CHECK(max_leases_of({.max_leases = 10'000}, 5, kGood) == 160'000);
}

TEST_CASE("lease rules: the first ends are free, then each one doubles the wait, up to a day") {
  const LeaseRules rules;
  struct Row {
    std::int64_t fruitless, wait_ms;
  };
  for (const Row& row : {Row{0, 0}, Row{1, 0}, Row{2, 0}, Row{3, kMinute}, Row{4, 2 * kMinute},
                         Row{5, 4 * kMinute}, Row{12, 512 * kMinute}, Row{13, 1'024 * kMinute}, Row{14, kDay},
                         Row{64, kDay}, Row{std::numeric_limits<std::int64_t>::max(), kDay}}) {
    CAPTURE(row.fruitless);
    CHECK(wait_ms_after(rules, row.fruitless) == row.wait_ms);
  }
  CHECK(wait_ms_after({.wait_ms = 0}, 3) == 0);
  CHECK(wait_ms_after({.wait_ms = 5'000, .max_wait_ms = 1'000}, 3) == 1'000);
  CHECK(wait_ms_after({.free_ends = 0}, 1) == kMinute);
}

TEST_CASE("lease rules: who is refused is told when to come back") {
  const LeaseRules rules;
  LeaseRecord record;
  record.held = 5;
  record.first_over = {kDay + 90'500};
  const auto full = allowance_of(rules, 1, kGood, record).refusal({kDay});
  REQUIRE(full);
  CHECK(full->code == RejectionCode::too_many_leases);
  CHECK(full->numbers ==
        std::map<std::string, std::int64_t>{{"held", 5}, {"max_held", 5}, {"retry_after_seconds", 91}});
  CHECK_FALSE(allowance_of(rules, 2, kGood, record).refusal({kDay}));

  record = {};
  record.fruitless = 4;
  record.last_fruitless_at = {kDay};
  const auto allowance = allowance_of(rules, 1, kGood, record);
  const auto early = allowance.refusal({kDay + 1});
  REQUIRE(early);
  CHECK(early->code == RejectionCode::must_wait);
  CHECK(early->numbers.at("retry_after_seconds") == 120);
  CHECK(allowance.refusal({kDay + 2 * kMinute - 1})->numbers.at("retry_after_seconds") == 1);
  CHECK_FALSE(allowance.refusal({kDay + 2 * kMinute}));
  // Neither is remembered: the same request succeeds when the time has come.
  CHECK_FALSE(is_for_good(RejectionCode::too_many_leases));
  CHECK_FALSE(is_for_good(RejectionCode::must_wait));
}
