// How often a password may be tried: by address and account, under a virtual clock.
#include "api/worker/login_limits.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/api/support.hpp"

using namespace groundtruth;
using api::testing::VirtualClock;
using api::worker::LoginLimits;

namespace {

api::RateLimit limit_of(std::uint32_t requests) {
  api::RateLimit limit;
  limit.requests = requests;
  return limit;
}

bool wrong(LoginLimits& limits, const std::string& address) {
  return limits.begin("owner", address).allowed();
}

bool right(LoginLimits& limits, const std::string& address) {
  const auto attempt = limits.begin("owner", address);
  if (attempt.allowed()) limits.forget("owner", address, attempt);
  return attempt.allowed();
}

}  // namespace

TEST_CASE("wrong passwords from one address do not keep the owner out of another") {
  VirtualClock clock;
  LoginLimits limits(limit_of(10), limit_of(200), clock);
  for (int i = 0; i < 10; ++i) CHECK(wrong(limits, "mallory"));
  for (int i = 0; i < 500; ++i) CHECK_FALSE(wrong(limits, "mallory"));
  for (int i = 0; i < 50; ++i) CHECK(right(limits, "home"));  // right ones do not count
  clock.advance_ms(60'000);
  CHECK(wrong(limits, "mallory"));
}

TEST_CASE("of many attempts at once no more pass than the limit says") {
  VirtualClock clock;
  LoginLimits limits(limit_of(10), limit_of(200), clock);
  int passed = 0;
  for (int i = 0; i < 500; ++i) passed += limits.begin("owner", "mallory").allowed();  // none is decided yet
  CHECK(passed == 10);
}

TEST_CASE("many addresses together get one attempt each, and the owner's new one gets in") {
  VirtualClock clock;
  LoginLimits limits(limit_of(10), limit_of(200), clock);
  int passed = 0;
  for (int address = 0; address < 20; ++address)
    for (int i = 0; i < 10; ++i) passed += wrong(limits, "bot " + std::to_string(address));
  CHECK(passed == 200);
  for (int address = 0; address < 20; ++address) CHECK_FALSE(wrong(limits, "bot " + std::to_string(address)));
  for (int address = 100; address < 200; ++address) {
    CHECK(wrong(limits, "bot " + std::to_string(address)));
    CHECK_FALSE(wrong(limits, "bot " + std::to_string(address)));
  }
  CHECK(right(limits, "home"));
  CHECK(right(limits, "home"));
  CHECK(limits.begin("another account", "bot 1").allowed());
}
