// The sliding window under a virtual clock.
#include "api/common/rate_limiter.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/api/support.hpp"

using namespace groundtruth;
using api::testing::VirtualClock;

namespace {

api::RateLimit five_a_minute() {
  api::RateLimit limit;
  limit.requests = 5;
  return limit;
}

// Seconds rounded up, as headers show them.
std::int64_t reset_in_s(const api::RateState& state, const VirtualClock& clock) {
  return (state.reset.ms - clock.now_ms + 999) / 1000;
}

}  // namespace

TEST_CASE("a window counts down, refuses, and opens as requests grow old") {
  struct Step {
    const char* what;
    std::int64_t wait_ms;
    bool allowed;
    std::uint32_t remaining;
    std::int64_t retry_after_s;
  };
  const std::vector<Step> steps = {
      {"the first", 0, true, 4, 0},
      {"at once", 0, true, 3, 0},
      {"half a minute later", 30'000, true, 2, 0},
      {"again", 0, true, 1, 0},
      {"the last", 0, true, 0, 0},
      {"one too many: the first two leave in 30 s", 0, false, 0, 30},
      {"still", 29'000, false, 0, 1},
      {"the first two have left", 1'000, true, 1, 0},
      {"and one more", 0, true, 0, 0},
      {"full again until the three of half a minute ago leave", 0, false, 0, 30},
      {"they have left", 30'000, true, 2, 0},
      {"long after", 600'000, true, 4, 0},
  };
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  for (const Step& step : steps) {
    CAPTURE(step.what);
    clock.advance_ms(step.wait_ms);
    const auto state = limiter.take("key_a");
    CHECK(state.allowed == step.allowed);
    CHECK(state.limit == 5);
    CHECK(state.remaining == step.remaining);
    CHECK(state.retry_after.count() == step.retry_after_s);
    CHECK(reset_in_s(state, clock) >= 1);
    CHECK(reset_in_s(state, clock) <= 60);
  }
}

TEST_CASE("a subject may have a limit of its own") {
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  for (int i = 0; i < 7; ++i) CHECK(limiter.take("a", 7).remaining == static_cast<std::uint32_t>(6 - i));
  const auto refused = limiter.take("a", 7);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.limit == 7);
  CHECK(limiter.take("b", 1).allowed);
  CHECK_FALSE(limiter.take("b", 1).allowed);
  CHECK(limiter.take("c").limit == 5);
}

TEST_CASE("after a burst nobody waits longer than a window, and the stated wait is enough") {
  for (const std::int64_t offset_ms : {0, 1, 500, 999, 59'999}) {
    CAPTURE(offset_ms);
    VirtualClock clock;
    clock.advance_ms(offset_ms);
    api::RateLimiter limiter(five_a_minute(), clock);
    for (int i = 0; i < 5; ++i) CHECK(limiter.take("a").allowed);
    const auto refused = limiter.take("a");
    REQUIRE_FALSE(refused.allowed);
    CHECK(refused.retry_after.count() >= 1);
    CHECK(refused.retry_after.count() <= 60);
    clock.advance_ms(refused.retry_after.count() * 1000);
    CHECK(limiter.take("a").remaining == 4);
  }
}

TEST_CASE("no stretch of 59 seconds ever sees more than the limit") {
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  std::vector<std::int64_t> allowed_at;
  for (int i = 0; i < 2'000; ++i) {
    clock.advance_ms((i * 7919) % 4'000);
    if (limiter.take("a").allowed) allowed_at.push_back(clock.now_ms);
  }
  REQUIRE(allowed_at.size() > 100);
  for (std::size_t i = 5; i < allowed_at.size(); ++i) CHECK(allowed_at[i] - allowed_at[i - 5] > 59'000);
}

TEST_CASE("subjects have windows of their own, and looking counts nothing") {
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  for (int i = 0; i < 9; ++i) limiter.take("a");
  CHECK_FALSE(limiter.look("a").allowed);
  for (int i = 0; i < 9; ++i) CHECK(limiter.look("b").remaining == 5);
  CHECK(limiter.take("b").allowed);
}

TEST_CASE("switched off it reports and never refuses") {
  VirtualClock clock;
  auto limit = five_a_minute();
  limit.enforced = false;
  api::RateLimiter limiter(limit, clock);
  for (int i = 0; i < 50; ++i) CHECK(limiter.take("a").allowed);
  const auto state = limiter.take("a");
  CHECK(state.limit == 5);
  CHECK(state.remaining == 0);
  CHECK(state.retry_after.count() == 0);
}

TEST_CASE("memory is bounded: the longest unseen subject is forgotten") {
  VirtualClock clock;
  auto limit = five_a_minute();
  limit.max_subjects = 16;
  api::RateLimiter limiter(limit, clock);
  for (int i = 0; i < 5; ++i) limiter.take("a");
  CHECK_FALSE(limiter.look("a").allowed);
  for (int i = 0; i < 1'000; ++i) limiter.take("other " + std::to_string(i));
  CHECK(limiter.look("a").allowed);
}

TEST_CASE("what was taken and did not count is given back, in its own slice") {
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  const auto first = limiter.take("a");
  clock.advance_ms(30'000);
  std::vector<api::RateState> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(limiter.take("a"));
  CHECK_FALSE(limiter.take("a").allowed);
  limiter.give_back("a", taken[0]);
  CHECK(limiter.take("a").remaining == 0);
  limiter.give_back("a", first);
  clock.advance_ms(30'000);  // the first would have left now: it is gone once, not twice
  CHECK(limiter.look("a").remaining == 1);
  clock.advance_ms(60'000);
  limiter.give_back("a", taken[1]);  // its slice has left
  limiter.give_back("nobody", taken[1]);
  CHECK(limiter.look("a").remaining == 5);
}

TEST_CASE("a refused request has nothing to give back") {
  VirtualClock clock;
  api::RateLimiter limiter(five_a_minute(), clock);
  for (int i = 0; i < 5; ++i) limiter.take("a");
  limiter.give_back("a", limiter.take("a"));
  limiter.give_back("a", limiter.look("a"));
  CHECK_FALSE(limiter.look("a").allowed);
}

TEST_CASE("one customer's IPv6 network is one address") {
  CHECK(api::address_subject("192.0.2.7") == "192.0.2.7");
  CHECK(api::address_subject("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(api::address_subject("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(api::address_subject("2001:db8:1:2::9") == "2001:db8:1:2::/64");
  CHECK(api::address_subject("fe80::1%eth0") == "fe80::/64");
  CHECK(api::address_subject("not an address") == "not an address");
}
