// Which stream stands for an e-mail address, and in which bucket the account that owns it lives (DESIGN,
// section 3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domain/account.hpp"
#include "journal/key_store.hpp"

namespace groundtruth::api {

// What the key is derived from the master key for.
inline constexpr std::string_view kEmailHashPurpose = "email-hash";

struct EmailClaimRef {
  domain::EmailClaimId id;
  domain::Bucket bucket;
};

// What the owner of an address is. One person may have one of each with the same address.
enum class EmailOwner : std::uint8_t { account, worker };

// The claims that an address may have. Whoever claims it now claims `claim`. Before there was one form of an
// address (api/common/text.hpp), each spelling had a claim of its own: whoever holds one of those has the
// address, too. Most addresses never had another spelling than one with a dot at its end.
struct EmailClaims {
  EmailClaimRef claim;
  std::vector<EmailClaimRef> older;
};

// A pure function of its arguments, kept for ever: it decides who has an address. Keyed, so that ids do not
// give away who is a customer. Text that is no address has a claim, too, which nobody holds.
EmailClaims email_claims(const journal::DataKey& key, domain::Surface surface, EmailOwner owner,
                         std::string_view email);

// Who holds one of them, as `owner_of(id)` knows it; nullopt: nobody.
template <class OwnerOf>
auto owner_of_any(const EmailClaims& claims, const OwnerOf& owner_of) {
  auto owner = owner_of(claims.claim.id);
  for (const auto& older : claims.older) {
    auto other = owner_of(older.id);  // all are asked: how long it takes says nothing
    if (!owner) owner = std::move(other);
  }
  return owner;
}

}  // namespace groundtruth::api
