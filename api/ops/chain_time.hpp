// How far the history's time is ahead of a clock (app/chain_clock.hpp says why it can be).
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "journal/node.hpp"

namespace groundtruth::ops {

inline constexpr std::chrono::seconds kChainAheadMatters{
    5};  // less is what clocks of several nodes differ by

// Of the partition that is furthest ahead; 0 where none is.
inline std::chrono::seconds chain_ahead(const journal::NodeStatus& status, domain::Timestamp now) {
  std::int64_t ahead_ms = 0;
  for (const auto& partition : status.partitions)
    if (partition.exists) ahead_ms = std::max(ahead_ms, partition.head_at.ms - now.ms);
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds(ahead_ms));
}

inline std::string chain_ahead_warning(std::chrono::seconds ahead) {
  return "the history's time is " + std::to_string(ahead.count()) +
         " s ahead of this machine's clock: a clock was ahead once, or this one is behind. Until the clock "
         "has come "
         "there, leases last longer than they say and times before the history's are refused; see "
         "docs/operations.md, Clocks";
}

}  // namespace groundtruth::ops
