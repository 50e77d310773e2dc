// The wallets projection: one row a wallet, its balances; and one row a posting, so that a person can read
// how a balance came about.
#pragma once

#include "projections/projection.hpp"

namespace groundtruth::projections {

Definition wallets_projection();

}  // namespace groundtruth::projections
