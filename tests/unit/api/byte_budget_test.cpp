// How many bytes somebody may bring within a day.
#include "api/common/byte_budget.hpp"

#include <doctest/doctest.h>

using namespace groundtruth;
using api::ByteBudget;
using namespace std::chrono_literals;

namespace {

class SteppingClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {now_ms}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms));
  }
  void pass(std::chrono::milliseconds time) { now_ms += time.count(); }
  std::int64_t now_ms = 1'000;
};

}  // namespace

TEST_CASE("what was brought counts for a day, each subject for itself") {
  SteppingClock clock;
  ByteBudget budget({1'000}, clock);
  CHECK(budget.take("a", 600).left_bytes == 400);
  clock.pass(10h);
  CHECK(budget.take("a", 400).allowed);
  const auto refused = budget.take("a", 1);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.left_bytes == 0);
  CHECK(budget.take("b", 1'000).allowed);
  // The first 600 leave a day after they came, in half an hour at most.
  CHECK(refused.available_at.ms > clock.now_ms + 13 * 3'600'000);
  CHECK(refused.available_at.ms <= clock.now_ms + 14 * 3'600'000 + 1'800'000);
  clock.pass(std::chrono::milliseconds(refused.available_at.ms - clock.now_ms - 1));
  CHECK_FALSE(budget.take("a", 1).allowed);
  clock.pass(1ms);
  CHECK(budget.take("a", 600).allowed);
  const auto more = budget.take("a", 500);
  CHECK_FALSE(more.allowed);
  CHECK_MESSAGE(more.available_at.ms > clock.now_ms + 20 * 3'600'000,
                "the 400 that leave first are not enough");
}

TEST_CASE("what comes to nothing is given back") {
  SteppingClock clock;
  ByteBudget budget({1'000}, clock);
  CHECK(budget.take("a", 300).allowed);
  clock.pass(1h);
  CHECK(budget.take("a", 700).allowed);
  budget.give_back("a", 700);
  CHECK(budget.take("a", 700).allowed);
  CHECK_FALSE(budget.take("a", 1).allowed);
  clock.pass(240h);
  CHECK(budget.take("a", 1'000).left_bytes == 0);
}

TEST_CASE("who was not seen for longest is forgotten") {
  SteppingClock clock;
  api::ByteBudgetOptions options;
  options.bytes = 10;
  options.max_subjects = 2;
  ByteBudget budget(options, clock);
  for (const char* subject : {"a", "b", "a", "c"}) budget.take(subject, 5);
  CHECK_FALSE(budget.take("a", 1).allowed);
  CHECK(budget.take("b", 10).allowed);
}
