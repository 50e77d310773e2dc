// The accounts projection: e-mail claims, accounts and API keys.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition accounts_projection();

}  // namespace groundtruth::projections
