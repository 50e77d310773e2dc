// Reads of the accounts projection: accounts and their API keys.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error; a missing row is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/account.hpp"
#include "domain/api_key.hpp"
#include "projections/read_pool.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

struct AccountPage {
  std::vector<domain::Account> accounts;  // oldest first
  bool more = false;
};

class AccountQueries {
 public:
  explicit AccountQueries(ReadPool& readers) : readers_(&readers) {}

  std::optional<Versioned<domain::Account>> account(const domain::AccountId& id) const;
  // All customers', behind `after` in the order of creation; from the start without it.
  AccountPage accounts_after(const std::optional<domain::AccountId>& after, std::uint32_t limit) const;
  // nullopt: nobody has the address.
  std::optional<domain::AccountId> owner_of(const domain::EmailClaimId& claim) const;
  std::optional<Versioned<domain::ApiKey>> api_key(const domain::ApiKeyId& id) const;

  // The account's keys, revoked ones included, newest first. 1 ≤ limit ≤ kMaxPage.
  Page<domain::ApiKey> api_keys(const domain::AccountId& account, std::uint64_t offset,
                                std::uint32_t limit) const;
  // The ones behind `after` (the last item of the page before); from the start without it. nullopt: `after`
  // is no key of this account.
  std::optional<Page<domain::ApiKey>> api_keys_after(const domain::AccountId& account,
                                                     const std::optional<domain::ApiKeyId>& after,
                                                     std::uint32_t limit) const;
  // Those that are not revoked, newest first: `offset` of them behind `after`, or from the start without it.
  // nullopt as above.
  std::optional<Page<domain::ApiKey>> live_keys(const domain::AccountId& account,
                                                const std::optional<domain::ApiKeyId>& after,
                                                std::uint64_t offset, std::uint32_t limit) const;

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
