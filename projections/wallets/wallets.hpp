// The wallets projection: one row a wallet, its balances.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition wallets_projection();

}  // namespace groundtruth::projections
