// Tokens for links: what they say, until when, and that nothing in them can be changed.
#include "journal/signed_token.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace groundtruth::journal {
namespace {

constexpr std::string_view kWorker = "wrk_01hx4nvzgwq9k3m5p8r2s4t6v8";
constexpr domain::Timestamp kNow{1'781'792'000'000};
constexpr domain::Timestamp kExpiry{1'781'878'400'500};

MasterKey master(std::uint8_t fill = 1) {
  DataKey bytes;
  bytes.fill(fill);
  return MasterKey::from_bytes(bytes);
}

}  // namespace

TEST_CASE("a token says whose it is until it expires") {
  const SignedToken tokens(master(), "verify-mail");
  const std::string token = tokens.mint(kWorker, kExpiry);
  CHECK(token.starts_with(std::string(kWorker) + ".1781878400."));
  CHECK(token.size() == kWorker.size() + 12 + 43);
  CHECK(token == tokens.mint(kWorker, kExpiry));
  CHECK(tokens.check(token, kNow) == kWorker);
  CHECK(tokens.check(token, {1'781'878'399'999}) == kWorker);
  CHECK_FALSE(tokens.check(token, {1'781'878'400'000}));
}

TEST_CASE("what stands in an expired token can be read, and in no forged one") {
  const SignedToken tokens(master(), "verify-mail");
  const std::string token = tokens.mint(kWorker, kExpiry);
  const auto content = tokens.read(token);
  REQUIRE(content);
  CHECK(content->subject == kWorker);
  CHECK(content->expires_at.ms == 1'781'878'400'000);
  CHECK_FALSE(tokens.read(token.substr(1)));
  CHECK_FALSE(SignedToken(master(), "reset-password").read(token));
}

TEST_CASE("a token is of one purpose and one master key") {
  const std::string token = SignedToken(master(), "verify-mail").mint(kWorker, kExpiry);
  CHECK_FALSE(SignedToken(master(), "reset-password").check(token, kNow));
  CHECK_FALSE(SignedToken(master(2), "verify-mail").check(token, kNow));
}

TEST_CASE("no byte of a token can be changed, added or left out") {
  const SignedToken tokens(master(), "verify-mail");
  const std::string token = tokens.mint(kWorker, kExpiry);
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char c : {'0', 'z', '.', '=', '\0'}) {
      std::string changed = token;
      changed[i] = c;
      if (changed != token) CHECK_FALSE(tokens.check(changed, kNow));
      CHECK_FALSE(tokens.check(std::string(token).insert(i, 1, c), kNow));
    }
    CHECK_FALSE(tokens.check(std::string(token).erase(i, 1), kNow));
    CHECK_FALSE(tokens.check(token.substr(0, i), kNow));
  }
  for (const char* end : {".", "=", "A", " ", "\n"}) CHECK_FALSE(tokens.check(token + end, kNow));
  CHECK_FALSE(tokens.check(std::string(100'000, '.'), kNow));
}

TEST_CASE("a subject that would blur the token's parts is refused") {
  CHECK_THROWS_AS(SignedToken(master(), "verify-mail").mint("a.b", kExpiry), std::invalid_argument);
}

}  // namespace groundtruth::journal
