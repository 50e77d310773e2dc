// Reads of the wallets projection.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error.
#pragma once

#include <optional>

#include "domain/wallet.hpp"
#include "projections/read_pool.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

class WalletQueries {
 public:
  explicit WalletQueries(ReadPool& readers) : readers_(&readers) {}

  // nullopt: the account never moved money.
  std::optional<Versioned<domain::Wallet>> wallet(const domain::WalletId& id) const;

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
