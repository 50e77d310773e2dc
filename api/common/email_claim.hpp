// Which stream stands for an e-mail address, and in which bucket the account that owns it lives (DESIGN,
// section 3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

// The address as it is compared: without surrounding white space, ASCII letters lower-cased.
std::string normalized_email(std::string_view email);

// A pure function of its arguments, kept for ever: it decides who has an address. Keyed, so that ids do not
// give away who is a customer.
EmailClaimRef email_claim(const journal::DataKey& key, domain::Surface surface, EmailOwner owner,
                          std::string_view email);

// Shape only, but no other address than mail can be sent to: one '@' between a plain local part, without
// quotes, and a host; at most 254 bytes. Both may hold letters of any script.
bool is_email(std::string_view email);

}  // namespace groundtruth::api
