// The writers projection: who was announced last as each chain's preferred writer.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition writers_projection();

}  // namespace groundtruth::projections
