// Accounts for operators: the list over all customers, and the owner of an e-mail address.
#pragma once

#include <optional>
#include <vector>

#include "domain/account.hpp"
#include "projections/read_pool.hpp"

namespace groundtruth::ops {

struct AccountPage {
  std::vector<domain::Account> accounts;  // oldest first
  bool more = false;
};

// Those behind `after` in the order of creation; from the start without it. Any thread; throws sqlite::Error.
AccountPage list_accounts_after(projections::ReadPool& accounts,
                                const std::optional<domain::AccountId>& after, std::uint32_t limit);

// nullopt: nobody has the address.
std::optional<domain::AccountId> owner_of(projections::ReadPool& accounts, const domain::EmailClaimId& claim);

}  // namespace groundtruth::ops
