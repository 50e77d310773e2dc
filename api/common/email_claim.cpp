// See email_claim.hpp.
#include "api/common/email_claim.hpp"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

#include "api/common/text.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::api {
namespace {

// Hashed, and so never changed: accounts were organizations when the first of these claims was made.
std::string_view word_for(EmailOwner owner) {
  switch (owner) {
    case EmailOwner::account:
      return "organization";
    case EmailOwner::worker:
      return "worker";
  }
  throw std::invalid_argument("an owner of an address without a name");
}

std::uint64_t number_at(const std::uint8_t* bytes) {
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = (number << 8) | bytes[i];
  return number;
}

// Of an address in one spelling. The bytes that are hashed are those of the first version.
EmailClaimRef claim_of(const journal::DataKey& key, domain::Surface surface, EmailOwner owner,
                       std::string_view spelling) {
  std::string input = journal::codec::to_json(surface);
  input += '\0';
  input += word_for(owner);
  input += '\0';
  input += spelling;
  std::array<std::uint8_t, 32> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()),
                     input.size(), key.data(), key.size());
  EmailClaimRef claim;
  claim.bucket = {static_cast<std::uint16_t>(number_at(&hash[24]) % domain::kBucketCount)};
  // All of the id but the bucket is hash: the part where other ids have their time is 50 bits of it.
  const auto first = static_cast<std::int64_t>(number_at(&hash[0]) >> 14);
  claim.id = domain::new_id<domain::EmailClaimId>("eml_", {first}, claim.bucket,
                                                  {number_at(&hash[8]), number_at(&hash[16])});
  return claim;
}

// The form in which addresses were hashed before they had a canonical one.
std::string first_form(std::string_view email) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = email.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  std::string out(email.substr(begin, email.find_last_not_of(blanks) - begin + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

EmailClaims email_claims(const journal::DataKey& key, domain::Surface surface, EmailOwner owner,
                         std::string_view email) {
  const std::string typed = first_form(email);
  const auto canonical = canonical_email(email);
  EmailClaims claims;
  claims.claim = claim_of(key, surface, owner, canonical.value_or(typed));
  if (!canonical) return claims;
  auto spellings = older_spellings(*canonical);
  if (typed != *canonical && std::find(spellings.begin(), spellings.end(), typed) == spellings.end())
    spellings.push_back(typed);
  for (const auto& spelling : spellings) claims.older.push_back(claim_of(key, surface, owner, spelling));
  return claims;
}

}  // namespace groundtruth::api
