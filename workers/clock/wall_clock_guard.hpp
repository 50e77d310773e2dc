// Whether the wall clock can be believed: deadlines are kept by it, and what they cause cannot be taken back.
//
// A state machine without I/O. It compares the wall clock with one that never jumps. When the two drift apart
// at once by more than `kJump` (someone set the clock, or the machine slept), nothing is due until the new
// time has stood for `kSettle`: long enough for a person or NTP to put it right, and no harm where it was
// right all along. It knows only jumps that it has seen: the time that a process
// starts with is taken as it is. Not thread-safe.
#pragma once

#include <chrono>
#include <optional>

#include "domain/values.hpp"

namespace groundtruth::workers {

class WallClockGuard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kJump{60};
  static constexpr std::chrono::minutes kSettle{5};

  // True where `wall` may be acted on. To be asked every few seconds at least: slow drift is no jump.
  bool trusts(domain::Timestamp wall, TimePoint steady);

 private:
  std::optional<std::chrono::milliseconds> offset_;  // wall minus steady, when asked last
  std::optional<TimePoint> jumped_;
};

}  // namespace groundtruth::workers
