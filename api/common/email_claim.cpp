// See email_claim.hpp.
#include "api/common/email_claim.hpp"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

#include "journal/codec/json_writer.hpp"

namespace groundtruth::api {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

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

}  // namespace

std::string normalized_email(std::string_view email) {
  const auto begin = email.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  std::string out(email.substr(begin, email.find_last_not_of(kBlanks) - begin + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

EmailClaimRef email_claim(const journal::DataKey& key, domain::Surface surface, EmailOwner owner,
                          std::string_view email) {
  std::string input = journal::codec::to_json(surface);
  input += '\0';
  input += word_for(owner);
  input += '\0';
  input += normalized_email(email);
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

// Letters, digits, what is not ASCII, and these.
static bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80 ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_email(std::string_view email) {
  const auto at = email.find('@');
  if (email.size() > 254 || at == 0 || at == std::string_view::npos || at + 1 == email.size()) return false;
  return has_only(email.substr(0, at), "!#$%&'*+-/=?^_`{|}~.") && has_only(email.substr(at + 1), "-.");
}

}  // namespace groundtruth::api
