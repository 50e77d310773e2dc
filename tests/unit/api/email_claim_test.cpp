// Who owns an e-mail address is decided by this hash for ever, so its results are pinned.
#include "api/common/email_claim.hpp"

#include <doctest/doctest.h>

using namespace groundtruth;
using namespace groundtruth::api;

namespace {

journal::DataKey key_of(std::uint8_t first) {
  journal::DataKey key{};
  key[0] = first;
  return key;
}

EmailClaimRef claim(std::string_view email, domain::Surface surface = domain::Surface::groundtruth,
                    EmailOwner owner = EmailOwner::account, std::uint8_t key = 1) {
  return email_claim(key_of(key), surface, owner, email);
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

TEST_CASE("the shape of an address") {
  for (const char* good : {"a@b", "a.b+c@d.example"}) CHECK_MESSAGE(is_email(good), good);
  for (const char* bad :
       {"", "@", "a@", "@b", "ab", "a@b@c", "a b@c", "a@b\n", "<a>@b", "a,b@c", "(a)@b", "a@b_c", "a@b*"})
    CHECK_MESSAGE(!is_email(bad), bad);
  CHECK_FALSE(is_email(std::string(250, 'a') + "@b.cd"));
}
