// Passwords: what fits a hash, and that nobody's password is as good as a wrong one.
#include "api/common/password.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <stdexcept>

using namespace groundtruth;
using api::kCheapestPasswords;

namespace {

api::Passwords::Verdict verify(api::Passwords& passwords, std::string password,
                               std::optional<std::string> hash) {
  const auto verdict = std::make_shared<std::promise<api::Passwords::Verdict>>();
  REQUIRE(passwords.try_verify(std::move(password), std::move(hash),
                               [verdict](api::Passwords::Verdict done) { verdict->set_value(done); }));
  return verdict->get_future().get();
}

}  // namespace

TEST_CASE("a password's hash fits it and no other") {
  const std::string password = "correct horse \xe9\xa6\xac";
  const std::string hash = api::password_hash(password, kCheapestPasswords);
  CHECK(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
  CHECK(hash != api::password_hash(password, kCheapestPasswords));
  CHECK(api::password_verify(password, hash));
  for (const char* wrong : {"", "correct horse", "correct horse \xe9\xa6\xac ", "Correct horse \xe9\xa6\xac"})
    CHECK_FALSE(api::password_verify(wrong, hash));
  // Every byte counts, also after a NUL and far behind bcrypt's 72.
  const std::string longer = std::string(200, 'x') + '\0' + "y";
  const std::string of_longer = api::password_hash(longer, kCheapestPasswords);
  CHECK(api::password_verify(longer, of_longer));
  CHECK_FALSE(api::password_verify(longer.substr(0, 201) + "z", of_longer));
  for (const char* malformed : {"", "plain", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$", "$2b$04$x"})
    CHECK_FALSE(api::password_verify(password, malformed));
}

TEST_CASE("a hash made by another implementation fits") {
  // The reference implementation's test vector: password "password", salt "somesalt", 64 MiB, 2 passes.
  CHECK(api::password_verify("password",
                             "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
                             "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"));
}

TEST_CASE("the default parameters are those that are documented") {
  const std::string hash = api::password_hash("password", {});
  CHECK(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"));
  CHECK_FALSE(api::password_needs_rehash(hash, {}));
  CHECK(api::password_needs_rehash(hash, kCheapestPasswords));
}

TEST_CASE("memory that is not there is no wrong password") {
  CHECK_THROWS_AS(api::password_hash("password", {1, ~std::size_t{0}}), std::runtime_error);
}

TEST_CASE("hashes and checks of passwords are answered by the pool") {
  api::WorkPool pool({});
  api::Passwords passwords(pool, kCheapestPasswords);
  const auto hashed = std::make_shared<std::promise<std::string>>();
  REQUIRE(
      passwords.try_hash("secret words", [hashed](std::string hash) { hashed->set_value(std::move(hash)); }));
  const std::string hash = hashed->get_future().get();

  CHECK(verify(passwords, "secret words", hash).is_right);
  CHECK_FALSE(verify(passwords, "secret words", hash).needs_rehash);
  CHECK_FALSE(verify(passwords, "Secret words", hash).is_right);

  const std::string older = api::password_hash("secret words", {2, 8192});
  CHECK(verify(passwords, "secret words", older).needs_rehash);
  CHECK_FALSE(verify(passwords, "Secret words", older).needs_rehash);
}

TEST_CASE("a password is right by any keyboard, and as it was hashed before that was so") {
  api::WorkPool pool({});
  api::Passwords passwords(pool, kCheapestPasswords);
  const std::string composed = "caf\u00e9 au lait", decomposed = "cafe\u0301\u00a0au lait";
  const auto hashed = std::make_shared<std::promise<std::string>>();
  REQUIRE(passwords.try_hash(decomposed, [hashed](std::string hash) { hashed->set_value(std::move(hash)); }));
  const std::string today = hashed->get_future().get();
  const std::string of_decomposed = api::password_hash(decomposed, kCheapestPasswords);
  CHECK(verify(passwords, composed, today).is_right);
  CHECK(verify(passwords, decomposed, today).is_right);
  CHECK_FALSE(verify(passwords, "cafe au lait", today).is_right);
  CHECK(verify(passwords, decomposed, of_decomposed).is_right);
  CHECK_FALSE(verify(passwords, composed, of_decomposed).is_right);
  CHECK_FALSE(verify(passwords, decomposed, std::nullopt).is_right);
}

TEST_CASE("nobody has a password") {
  api::WorkPool pool({});
  api::Passwords passwords(pool, kCheapestPasswords);
  for (const char* guess : {"", "secret words"}) CHECK_FALSE(verify(passwords, guess, std::nullopt).is_right);
}

TEST_CASE("a full pool takes no password") {
  api::WorkPool pool({1, 0});
  api::Passwords passwords(pool, kCheapestPasswords);
  CHECK_FALSE(passwords.try_hash("secret words", [](const std::string&) {}));
  CHECK_FALSE(passwords.try_verify("secret words", std::nullopt, [](api::Passwords::Verdict) {}));
}
