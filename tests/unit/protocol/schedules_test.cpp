// The journal protocol under tens of thousands of seeded schedules.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tests/unit/journal/protocol_sim.hpp"

namespace groundtruth::journal::sim {
namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
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

}  // namespace groundtruth::journal::sim
