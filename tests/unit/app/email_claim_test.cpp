// Who owns an e-mail address is decided by this hash for ever, so its results are pinned.
#include "api/ops/email_claim.hpp"

#include <doctest/doctest.h>

using namespace groundtruth;
using namespace groundtruth::ops;

namespace {

journal::DataKey key_of(std::uint8_t first) {
  journal::DataKey key{};
  key[0] = first;
  return key;
}

EmailClaimRef claim(std::string_view email, domain::Surface surface = domain::Surface::groundtruth,
                    std::string_view kind = "organization", std::uint8_t key = 1) {
  return email_claim(key_of(key), surface, kind, email);
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

TEST_CASE("surface, kind and key each make another claim") {
  const auto made = claim("someone@example.com");
  CHECK(claim("someone@example.com", domain::Surface::humanping).id != made.id);
  CHECK(claim("someone@example.com", domain::Surface::groundtruth, "worker").id != made.id);
  CHECK(claim("someone@example.com", domain::Surface::groundtruth, "organization", 2).id != made.id);
}

TEST_CASE("the shape of an address") {
  for (const char* good : {"a@b", "a.b+c@d.example"}) CHECK_MESSAGE(is_email(good), good);
  for (const char* bad : {"", "@", "a@", "@b", "ab", "a@b@c", "a b@c", "a@b\n"})
    CHECK_MESSAGE(!is_email(bad), bad);
  CHECK_FALSE(is_email(std::string(250, 'a') + "@b.cd"));
}
