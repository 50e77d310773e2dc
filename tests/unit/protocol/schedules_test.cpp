// The journal protocol under tens of thousands of seeded schedules, and with each of its rules taken away.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/unit/journal/protocol_sim.hpp"

namespace groundtruth::journal::sim {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Plays schedules until one breaks a promise; "" when none does.
template <class Rules>
std::string play(std::uint64_t first_seed, std::uint64_t schedules, bool goes_ahead = true) {
  for (std::uint64_t seed = first_seed; seed < first_seed + schedules; ++seed) {
    World<Rules> world(seed, goes_ahead);
    const auto broken = world.run(120);
    if (!broken.empty()) return "seed " + std::to_string(seed) + ": " + broken;
  }
  return {};
}

}  // namespace

TEST_CASE("protocol: no schedule of faults loses, doubles or denies an effect") {
  const auto seed = setting("SEED", 1);
  const auto schedules = setting("SCHEDULES", 20'000);
  MESSAGE("seeds " << seed << " to " << seed + schedules - 1);
  CHECK(play<ProtocolRules>(seed, schedules) == "");
}

// An orphan of another node had been read, was lost, and was appended again in its old place; before it there
// was now a commit that our own one did not know. The follower, which looks at one record before, saw
// nothing.
TEST_CASE("protocol: what others append again hides no loss") {
  CHECK(play<ProtocolRules>(992'269'191, 1, false) == "");
}

template <int Which>
struct Without : ProtocolRules {
  static constexpr bool kAcceptanceChecksPrev = Which != 0;
  static constexpr bool kBytesStayAlive = Which != 1;
  static constexpr bool kJoinInFlight = Which != 2;
  static constexpr bool kRecordRejections = Which != 3;
  static constexpr bool kAnswerNeedsReport = Which != 4;
  static constexpr bool kHaltOnTruncation = Which != 5;
  static constexpr bool kRelayMarks = Which != 6;
  static constexpr bool kRelayOrder = Which != 7;
};

TEST_CASE_TEMPLATE("protocol: with a rule taken away some schedule breaks a promise", Rules, Without<0>,
                   Without<1>, Without<2>, Without<3>, Without<4>, Without<5>, Without<6>, Without<7>) {
  const auto broken = play<Rules>(1, 20'000);
  MESSAGE(broken);
  CHECK(broken != "");
}

}  // namespace groundtruth::journal::sim
