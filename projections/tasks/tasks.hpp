// The tasks projection: tasks, for each account how many there are in each status, and the feed: those that a
// worker may take.
#pragma once

#include <array>

#include "domain/task.hpp"
#include "projections/projection.hpp"

namespace groundtruth::projections {

// Counters stand in one row an account, a column a status.
inline constexpr std::size_t kTaskStatuses = 6;
static_assert(static_cast<std::size_t>(domain::TaskStatus::expired) + 1 == kTaskStatuses,
              "a new status needs a column, hence a new version of this projection");

Definition tasks_projection();

}  // namespace groundtruth::projections
