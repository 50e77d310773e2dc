// The commands projection: what makes retries and relays exact. It reads every commit, so it is the hot one.
//
// Content: for each partition the commands and keyed requests of its last 25 hours, and the relays' marks.
// "Last 25 hours" is a function of the chain alone: whenever a commit's `at` enters another hour than the
// commit before it, the partition's cutoff moves to `at` less 25 h, and rows before the cutoff are gone, for
// every query and for the digest. The bytes follow in small bites, a few rows with each batch: deleting a
// busy hour at once would hold up answers for seconds.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

inline constexpr std::int64_t kCommandRetentionMs = 25LL * 3'600'000;

Definition commands_projection();

}  // namespace groundtruth::projections
