// Workers' tokens: what they are made of, how long they live, and everything that is none.
#include "api/common/jwt.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <stdexcept>

#include "journal/codec/base64.hpp"
#include "tests/unit/api/support.hpp"

using namespace groundtruth;
using api::testing::SeededRandomness;
using api::testing::VirtualClock;
using journal::codec::from_base64url;
using journal::codec::to_base64url;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kLastOfJuneMs = 1'782'863'990'000;  // 2026-06-30T23:59:50Z
const domain::WorkerId kWorker{"wrk_01hx4nvzgwq9k3m5p8r2s4t6v8"};

struct Parts {
  std::string header, payload, signature;
};

Parts parts_of(const std::string& token) {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  return {token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1)};
}

struct Desk {
  VirtualClock clock;
  SeededRandomness randomness;
  std::shared_ptr<journal::KeyStore> keys = journal::make_memory_key_store(randomness);
  api::WorkerTokens tokens{{}, *keys, clock};

  // Signed as ours are, with the seed that stands in the store under that name.
  std::string forge(const std::string& header, const std::string& payload,
                    const std::string& owner = "jwt:2026-06") {
    std::string token = to_base64url(header) + "." + to_base64url(payload);
    return token + "." + signature(token, owner);
  }
  std::string signature(const std::string& signed_text, const std::string& owner = "jwt:2026-06") {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> verifying;
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> signing;
    crypto_sign_seed_keypair(verifying.data(), signing.data(), keys->get_or_create(owner)->data());
    std::string made(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char*>(made.data()), nullptr,
                         reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
                         signing.data());
    return to_base64url(made);
  }
};

const std::string kHeader = R"({"alg":"EdDSA","kid":"2026-06","typ":"JWT"})";
const std::string kClaims =
    R"({"iss":"groundtruth","sub":"wrk_01hx4nvzgwq9k3m5p8r2s4t6v8","iat":1781792000,"exp":1781878400})";

}  // namespace

TEST_CASE("a token says who the worker is, from when and until when") {
  Desk desk;
  const std::string token = desk.tokens.sign(kWorker);
  const Parts parts = parts_of(token);
  CHECK(from_base64url(parts.header) == kHeader);
  CHECK(from_base64url(parts.payload) == kClaims);
  CHECK(token == desk.forge(kHeader, kClaims));
  const auto verified = desk.tokens.verify(token);
  REQUIRE(verified);
  CHECK(verified->subject == kWorker);
  CHECK(verified->issued_at.ms == VirtualClock::kEpochMs);
  CHECK(verified->expires_at.ms == VirtualClock::kEpochMs + kDayMs);
}

TEST_CASE("a token says after which change of the password it was made") {
  Desk desk;
  CHECK(desk.tokens.verify(desk.tokens.sign(kWorker))->password_changes == 0);
  const std::string token = desk.tokens.sign(kWorker, 3);
  CHECK(
      from_base64url(parts_of(token).payload) ==
      R"({"iss":"groundtruth","sub":"wrk_01hx4nvzgwq9k3m5p8r2s4t6v8","iat":1781792000,"exp":1781878400,"pwd":3})");
  CHECK(desk.tokens.verify(token)->password_changes == 3);
}

TEST_CASE("a token ends with its time, and is none before it") {
  Desk desk;
  const std::string token = desk.tokens.sign(kWorker);
  desk.clock.advance_ms(kDayMs - 1);
  CHECK(desk.tokens.verify(token));
  desk.clock.advance_ms(1);
  CHECK_FALSE(desk.tokens.verify(token));
  desk.clock.now_ms = VirtualClock::kEpochMs - 60'000;  // a node whose clock is a minute behind
  CHECK(desk.tokens.verify(token));
  desk.clock.advance_ms(-1'000);
  CHECK_FALSE(desk.tokens.verify(token));
}

TEST_CASE("a token made at a month's end is valid on, and its key is not used any more") {
  Desk desk;
  desk.clock.now_ms = kLastOfJuneMs;
  const std::string june = desk.tokens.sign(kWorker);
  desk.clock.advance_ms(kDayMs - 1'000);
  CHECK(desk.tokens.verify(june));
  const std::string july = desk.tokens.sign(kWorker);
  CHECK(from_base64url(parts_of(july).header) == R"({"alg":"EdDSA","kid":"2026-07","typ":"JWT"})");
  CHECK(desk.tokens.verify(july));
}

TEST_CASE("a node whose month is about to end takes tokens of the next") {
  Desk desk;
  desk.clock.now_ms = kLastOfJuneMs + 20'000;
  const std::string july = desk.tokens.sign(kWorker);
  desk.clock.now_ms = kLastOfJuneMs;
  CHECK(desk.tokens.verify(july));
}

TEST_CASE("a key of two months ago verifies nothing, whatever the claims say") {
  Desk desk;
  const std::string claims =
      R"({"iss":"groundtruth","sub":"wrk_01hx4nvzgwq9k3m5p8r2s4t6v8","iat":1781792000,"exp":9999999999})";
  const auto signed_in = [&](const std::string& kid) {
    return desk.forge(R"({"alg":"EdDSA","kid":")" + kid + R"(","typ":"JWT"})", claims, "jwt:" + kid);
  };
  CHECK(desk.tokens.verify(signed_in("2026-06")));
  CHECK(desk.tokens.verify(signed_in("2026-05")));
  for (const char* kid : {"2026-04", "2026-07", "2025-06", "", "2026-6", "2026-06 ", "../2026-06"})
    CHECK_FALSE_MESSAGE(desk.tokens.verify(signed_in(kid)), kid);
}

TEST_CASE("all nodes on one key store take each other's tokens; others do not") {
  Desk desk;
  api::WorkerTokens other({}, *desk.keys, desk.clock);
  CHECK(other.verify(desk.tokens.sign(kWorker)));
  CHECK_FALSE(api::WorkerTokens({"elsewhere"}, *desk.keys, desk.clock).verify(desk.tokens.sign(kWorker)));
  SeededRandomness another_seed;
  another_seed.bits();
  const auto stranger_keys = journal::make_memory_key_store(another_seed);
  api::WorkerTokens stranger({}, *stranger_keys, desk.clock);
  CHECK_FALSE(desk.tokens.verify(stranger.sign(kWorker)));
  CHECK_FALSE(stranger.verify(desk.tokens.sign(kWorker)));
}

TEST_CASE("no key is made for a name that a client sends") {
  Desk desk;
  Desk forger;
  CHECK_FALSE(desk.tokens.verify(forger.forge(kHeader, kClaims)));
  CHECK_FALSE(desk.keys->get("jwt:2026-06"));
}

TEST_CASE("a destroyed key signs and verifies nothing") {
  Desk desk;
  desk.keys->destroy("jwt:2026-06");
  CHECK_THROWS_AS(desk.tokens.sign(kWorker), std::runtime_error);
  Desk forger;
  CHECK_FALSE(desk.tokens.verify(forger.forge(kHeader, kClaims)));
}

TEST_CASE("the header is ours to the letter, however well it is signed") {
  Desk desk;
  REQUIRE(desk.tokens.verify(desk.forge(kHeader, kClaims)));
  for (const char* header : {
           R"({"alg":"none","kid":"2026-06","typ":"JWT"})",
           R"({"alg":"HS256","kid":"2026-06","typ":"JWT"})",
           R"({"alg":"ES256","kid":"2026-06","typ":"JWT"})",
           R"({"alg":"eddsa","kid":"2026-06","typ":"JWT"})",
           R"({"alg":"EdDSA","typ":"JWT"})",
           R"({"kid":"2026-06","typ":"JWT"})",
           R"({"alg":"EdDSA","kid":"2026-06","typ":"JWT","crit":["exp"]})",
           R"({"alg":"EdDSA","kid":"2026-06","typ":"JWT","b64":false,"crit":["b64"]})",
           R"({"alg":"EdDSA","kid":"2026-06","typ":"JWT","jwk":{"kty":"OKP"}})",
           R"({"alg":"EdDSA","kid":"2026-06","typ":"JWT","jku":"https://evil.example"})",
           R"({"alg":"EdDSA","alg":"none","kid":"2026-06","typ":"JWT"})",
           R"({"alg":"EdDSA","kid":"2026-06","typ":"at+jwt"})",
           R"({"alg":"EdDSA", "kid":"2026-06","typ":"JWT"})",
           "{}",
           "",
           "null",
       })
    CHECK_FALSE_MESSAGE(desk.tokens.verify(desk.forge(header, kClaims)), header);
}

TEST_CASE("other algorithms' signatures are none") {
  Desk desk;
  const std::string token = desk.tokens.sign(kWorker);
  const Parts parts = parts_of(token);
  const std::string none = to_base64url(R"({"alg":"none","typ":"JWT"})") + "." + parts.payload + ".";
  CHECK_FALSE(desk.tokens.verify(none));
  CHECK_FALSE(desk.tokens.verify(parts.header + "." + parts.payload + "."));
  // The classic: an HMAC with the public key.
  const std::string hs256 =
      to_base64url(R"({"alg":"HS256","kid":"2026-06","typ":"JWT"})") + "." + parts.payload;
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> verifying;
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> signing;
  crypto_sign_seed_keypair(verifying.data(), signing.data(), desk.keys->get("jwt:2026-06")->data());
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256(reinterpret_cast<unsigned char*>(mac.data()),
                         reinterpret_cast<const unsigned char*>(hs256.data()), hs256.size(),
                         verifying.data());
  CHECK_FALSE(desk.tokens.verify(hs256 + "." + to_base64url(mac)));
}

TEST_CASE("claims count only as we write them") {
  Desk desk;
  const auto with = [&](const std::string& claims) {
    return desk.tokens.verify(desk.forge(kHeader, claims));
  };
  const std::string sub = R"("sub":"wrk_01hx4nvzgwq9k3m5p8r2s4t6v8")";
  for (
      const std::string& claims : std::initializer_list<std::string>{
          R"({"iss":"elsewhere",)" + sub + R"(,"iat":1781792000,"exp":1781878400})",
          R"({"iss":"groundtruth","sub":"org_01hx4nvzgwq9k3m5p8r2s4t6v8","iat":1781792000,"exp":1781878400})",
          R"({"iss":"groundtruth","sub":"wrk_","iat":1781792000,"exp":1781878400})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000,"exp":"1781878400"})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000,"exp":1781878400.5})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000,"exp":1781878400,"exp":1881878400})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000,"exp":1781792000})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792061,"exp":1781878400})",
          R"({"iss":"groundtruth",)" + sub + R"(,"iat":1781792000,"exp":1781878400,"nbf":1})",
          "[]",
          "{",
          "",
      })
    CHECK_FALSE_MESSAGE(with(claims), claims);
}

TEST_CASE("no byte of a token can be changed, added or left out") {
  Desk desk;
  const std::string token = desk.tokens.sign(kWorker);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CHECK_FALSE(desk.tokens.verify(changed));
    CHECK_FALSE(desk.tokens.verify(token.substr(0, i)));
    CHECK_FALSE(desk.tokens.verify(std::string(token).erase(i, 1)));
  }
  for (const char* end : {"=", "==", "A", " ", "\n", ".", ".x"}) CHECK_FALSE(desk.tokens.verify(token + end));
  for (const char* begin : {" ", ".", "Bearer "}) CHECK_FALSE(desk.tokens.verify(begin + token));
  for (const char* other : {"", ".", "..", "...", "a.b.c", "a.b.c.d.e"})
    CHECK_FALSE(desk.tokens.verify(other));
  CHECK_FALSE(desk.tokens.verify(token + std::string(100'000, 'A')));
}

TEST_CASE("base64 that means the same bytes in another way is refused, even where it is signed") {
  Desk desk;
  const auto signed_text = [&](std::string payload) {
    const std::string text = to_base64url(kHeader) + "." + std::move(payload);
    return text + "." + desk.signature(text);
  };
  const std::string payload = to_base64url(kClaims);
  REQUIRE(desk.tokens.verify(signed_text(payload)));
  for (const char* end : {"=", "==", "\n", "."}) CHECK_FALSE(desk.tokens.verify(signed_text(payload + end)));
  // 64 bytes are 85 full characters and one of which two bits count: the other four must be zero.
  std::string token = signed_text(payload);
  ++token.back();
  CHECK_FALSE(desk.tokens.verify(token));
}

TEST_CASE("a token never outlives the key that verifies it") {
  Desk desk;
  for (const std::chrono::seconds lifetime :
       {std::chrono::seconds{0}, std::chrono::seconds{-1}, std::chrono::seconds{std::chrono::days{29}}})
    CHECK_THROWS_AS(api::WorkerTokens({"groundtruth", lifetime}, *desk.keys, desk.clock),
                    std::invalid_argument);
}
