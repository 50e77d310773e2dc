// The journal protocol with each of its rules taken away: some schedule then breaks a promise, so the
// schedules do notice.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/journal/protocol_sim.hpp"

namespace groundtruth::journal::sim {
namespace {

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

}  // namespace

TEST_CASE_TEMPLATE("protocol: with a rule taken away some schedule breaks a promise", Rules, Without<0>,
                   Without<1>, Without<2>, Without<3>, Without<4>, Without<5>, Without<6>, Without<7>) {
  const auto broken = play<Rules>(1, 20'000);
  MESSAGE(broken);
  CHECK(broken != "");
}

}  // namespace groundtruth::journal::sim
