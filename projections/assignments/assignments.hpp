// The assignments projection: who works on which task, what they submitted, and for each task how many
// submissions there are in each status.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition assignments_projection();

}  // namespace groundtruth::projections
