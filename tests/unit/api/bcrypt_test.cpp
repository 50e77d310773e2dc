// Hashes of keys, and the cache of good ones.
#include "api/common/bcrypt.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>

#include "api/common/key_cache.hpp"
#include "tests/unit/api/support.hpp"

using namespace groundtruth;
using api::testing::SeededRandomness;

namespace {

constexpr unsigned kCheapest = 4;

std::shared_ptr<const api::Credential> credential(std::string key, std::string account) {
  auto made = std::make_shared<api::Credential>();
  made->key.value = std::move(key);
  made->account.value = std::move(account);
  return made;
}

}  // namespace

TEST_CASE("a hash fits its secret and no other") {
  SeededRandomness randomness;
  const std::string secret(43, 'x');
  const std::string hash = api::bcrypt_hash(secret, kCheapest, randomness);
  CHECK(hash.starts_with("$2b$04$"));
  CHECK(hash.size() == 60);
  CHECK(hash != api::bcrypt_hash(secret, kCheapest, randomness));
  CHECK(api::bcrypt_verify(secret, hash));
  CHECK_FALSE(api::bcrypt_verify(secret + "x", hash));
  CHECK_FALSE(api::bcrypt_verify("", hash));
  for (const char* malformed : {"", "*0", "$2b$", "$2b$04$short", "plain", "$6$salt$x"})
    CHECK_FALSE(api::bcrypt_verify(secret, malformed));
  // Made by another implementation (the OpenBSD test vector).
  CHECK(api::bcrypt_verify("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

TEST_CASE("hashes and checks are answered by the pool") {
  SeededRandomness randomness;
  api::WorkPool pool({});
  api::Bcrypt bcrypt(pool, randomness, kCheapest);
  const auto hashed = std::make_shared<std::promise<std::string>>();
  REQUIRE(bcrypt.try_hash("secret", [hashed](std::string hash) { hashed->set_value(std::move(hash)); }));
  const std::string hash = hashed->get_future().get();
  for (const bool right : {true, false}) {
    const auto verified = std::make_shared<std::promise<bool>>();
    REQUIRE(bcrypt.try_verify(right ? "secret" : "Secret", hash,
                              [verified](bool fits) { verified->set_value(fits); }));
    CHECK(verified->get_future().get() == right);
  }
}

TEST_CASE("a cached key is found until it is dropped") {
  api::KeyCache cache(64);
  const auto digest = api::digest_of_key("gt_sk_a");
  CHECK_FALSE(cache.find(digest));
  cache.put(cache.ticket(), digest, credential("key_a", "org_a"));
  REQUIRE(cache.find(digest));
  CHECK(cache.find(digest)->key.value == "key_a");
  cache.drop(domain::ApiKeyId{"key_b"});
  CHECK(cache.find(digest));
  cache.drop(domain::ApiKeyId{"key_a"});
  CHECK_FALSE(cache.find(digest));

  cache.put(cache.ticket(), digest, credential("key_a", "org_a"));
  cache.drop(domain::AccountId{"org_a"});
  CHECK_FALSE(cache.find(digest));
}

TEST_CASE("a check that began before a revocation does not put the key back") {
  api::KeyCache cache(64);
  const auto digest = api::digest_of_key("gt_sk_a");
  const auto ticket = cache.ticket();
  cache.drop(domain::ApiKeyId{"key_a"});  // while bcrypt was at work
  cache.put(ticket, digest, credential("key_a", "org_a"));
  CHECK_FALSE(cache.find(digest));
}

TEST_CASE("the cache is bounded") {
  api::KeyCache cache(32);
  int found = 0;
  for (int i = 0; i < 1'000; ++i)
    cache.put(cache.ticket(), api::digest_of_key(std::to_string(i)), credential("key", "org"));
  for (int i = 0; i < 1'000; ++i) found += cache.find(api::digest_of_key(std::to_string(i))) != nullptr;
  CHECK(found <= 32);
  CHECK(found >= 16);
}
