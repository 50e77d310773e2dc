// The workers projection: workers, their standing among each other, what they earned on which day, and whose
// verification mail is not sent yet.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition workers_projection();

}  // namespace groundtruth::projections
