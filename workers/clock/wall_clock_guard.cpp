// See wall_clock_guard.hpp.
#include "workers/clock/wall_clock_guard.hpp"

namespace groundtruth::workers {

bool WallClockGuard::trusts(domain::Timestamp wall, TimePoint steady) {
  const auto since_start = std::chrono::duration_cast<std::chrono::milliseconds>(steady.time_since_epoch());
  const std::chrono::milliseconds offset{wall.ms - since_start.count()};
  if (offset_ && std::chrono::abs(offset - *offset_) > kJump) jumped_ = steady;
  offset_ = offset;
  if (jumped_ && steady - *jumped_ >= kSettle) jumped_.reset();
  return !jumped_;
}

}  // namespace groundtruth::workers
