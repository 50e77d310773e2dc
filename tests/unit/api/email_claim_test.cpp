// Who owns an e-mail address is decided by this hash for ever, so its results are pinned.
#include "api/common/email_claim.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace groundtruth;
using namespace groundtruth::api;

namespace {

// Made by the program of before addresses had one form, of ada@bücher.example: in NFC, in NFD, with a dot at
// its end, and with its domain in capitals.
constexpr const char* kUnicodeBefore = "eml_12scm562e55b3dhnnxg3dhr92k";
constexpr const char* kDecomposedBefore = "eml_thvgcm0p3dhqamgnexjfa6r36g";
constexpr const char* kDottedBefore = "eml_2cfb1bbkq4pzsgpcfbwweeyc8q";
constexpr const char* kCapitalsBefore = "eml_r7ywn7rmg00mp6f1d5wsegw33k";

journal::DataKey key_of(std::uint8_t first) {
  journal::DataKey key{};
  key[0] = first;
  return key;
}

EmailClaimRef claim(std::string_view email, domain::Surface surface = domain::Surface::groundtruth,
                    EmailOwner owner = EmailOwner::account, std::uint8_t key = 1) {
  return email_claims(key_of(key), surface, owner, email).claim;
}

}  // namespace

TEST_CASE("a claim is a well-formed id that carries its bucket") {
  for (const char* email : {"a@b.c", "someone@example.com", "\xc3\xa9@example.com"}) {
    const auto made = claim(email);
    CHECK(domain::is_id(made.id.value, "eml_"));
    CHECK(domain::bucket_of(made.id.value) == made.bucket);
    CHECK(made.bucket.value < domain::kBucketCount);
  }
}

TEST_CASE("case and surrounding white space do not make another address") {
  const auto made = claim("someone@example.com");
  CHECK(claim(" Someone@EXAMPLE.com\n").id == made.id);
  CHECK(claim("someone.else@example.com").id != made.id);
}

TEST_CASE("surface, owner and key each make another claim") {
  const auto made = claim("someone@example.com");
  CHECK(claim("someone@example.com", domain::Surface::humanping).id != made.id);
  CHECK(claim("someone@example.com", domain::Surface::groundtruth, EmailOwner::worker).id != made.id);
  CHECK(claim("someone@example.com", domain::Surface::groundtruth, EmailOwner::account, 2).id != made.id);
}

TEST_CASE("who has an address is decided as it always was") {
  CHECK(claim("someone@example.com").id.value == "eml_1x5v94mfjwdde6jc27tk68jz6e");
  CHECK(claim("someone@example.com", domain::Surface::humanping, EmailOwner::worker).id.value ==
        "eml_6sfrg6jant6wy322ygx71dc9dw");
}

TEST_CASE("whoever claimed an address in another spelling has it") {
  const std::string unicode = "ada@b\u00fccher.example", typed_otherwise = "ada@bu\u0308cher.example";
  const auto ascii = claim("ada@xn--bcher-kva.example").id;
  CHECK(claim(unicode).id == ascii);
  const auto older_of = [](std::string_view email) {
    std::vector<std::string> ids;
    for (const auto& older :
         email_claims(key_of(1), domain::Surface::groundtruth, EmailOwner::account, email).older)
      ids.push_back(older.id.value);
    return ids;
  };
  const auto has = [](const std::vector<std::string>& ids, std::string_view id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  for (const std::string& spelling : {unicode, typed_otherwise, std::string("ada@XN--bcher-KVA.example")}) {
    CHECK(has(older_of(spelling), kUnicodeBefore));
    CHECK(has(older_of(spelling), kDecomposedBefore));
    CHECK(has(older_of(spelling), kDottedBefore));
    CHECK_FALSE(has(older_of(spelling), ascii.value));
  }
  // A spelling that nobody would guess is found by whoever types it again.
  CHECK(has(older_of("ada@B\u00dcCHER.example"), kCapitalsBefore));
  CHECK(claim("someone@example.com.").id == claim("someone@example.com").id);
  CHECK(older_of("someone@example.com").size() == 1);
}

TEST_CASE("what is no address has a claim that no address has") {
  CHECK(
      email_claims(key_of(1), domain::Surface::groundtruth, EmailOwner::worker, "no address").older.empty());
  CHECK(claim("no address").id == claim("No Address ").id);
  CHECK(claim("a@b@c").id != claim("a@b").id);
}

TEST_CASE("an owner is found under whichever claim") {
  const auto claims =
      email_claims(key_of(1), domain::Surface::groundtruth, EmailOwner::account, "ada@b\u00fccher.example");
  std::size_t asked = 0;
  const auto owned = [&](const domain::EmailClaimId& wanted) {
    asked = 0;
    return owner_of_any(claims, [&](const domain::EmailClaimId& id) -> std::optional<domain::AccountId> {
      ++asked;
      if (id == wanted) return domain::AccountId{"org_" + id.value};
      return std::nullopt;
    });
  };
  CHECK(owned(claims.claim.id)->value == "org_" + claims.claim.id.value);
  CHECK(owned(claims.older.back().id)->value == "org_" + claims.older.back().id.value);
  CHECK_FALSE(owned({"eml_other"}));
  CHECK(asked == 1 + claims.older.size());
}
