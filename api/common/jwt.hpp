// Tokens that workers log in with: compact JWS, Ed25519, one signing key a month.
//
//   {"alg":"EdDSA","kid":"2026-11","typ":"JWT"} . {"iss":…,"sub":"wrk_…","iat":…,"exp":…,"pwd":…} . signature
//
// `pwd` counts the subject's changes of password before the token was made; it is left out while that is 0.
// Whoever takes a token compares it with the count of now: a new password makes all older tokens void.
// Seeds of the signing keys lie in the key store, wrapped as data keys are, under "jwt:<kid>" (DESIGN,
// section 8): every node of a journal takes the others' tokens.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "domain/ids.hpp"
#include "journal/key_store.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

struct WorkerTokenOptions {
  std::string issuer = "groundtruth";
  std::chrono::seconds lifetime =
      std::chrono::hours{24};           // at most four weeks: a key verifies for two months
  std::chrono::seconds clock_skew{60};  // by which another node's clock may be ahead
};

struct VerifiedToken {
  domain::WorkerId subject;
  domain::Timestamp issued_at;
  domain::Timestamp expires_at;
  std::int64_t password_changes = 0;
};

// Thread-safe. Key store and clock must outlive it.
class WorkerTokens {
 public:
  // Throws std::invalid_argument when a token would outlive its key.
  WorkerTokens(WorkerTokenOptions options, journal::KeyStore& keys, const journal::Clock& clock);
  ~WorkerTokens();

  // Signs with the key of the current UTC month, which the month's first token makes: that one waits until
  // the key is on disk. Throws http::Unavailable while the store is away, std::runtime_error when the key was
  // destroyed or the store cannot be used.
  std::string sign(const domain::WorkerId& subject, std::int64_t password_changes = 0);

  // nullopt for whatever is not a token of ours that is valid now. No I/O but for a month's first token.
  // Costs at most one look at the key store and one signature, whatever comes in; a token that was right
  // before costs a hash.
  std::optional<VerifiedToken> verify(std::string_view token);

 private:
  struct Key;

  std::shared_ptr<const Key> signing_key(const std::string& kid);
  std::shared_ptr<const Key> find_key(const std::string& kid);
  std::shared_ptr<const Key> remember(const std::string& kid, const journal::DataKey& seed);
  bool is_signed(std::string_view token, std::size_t content_bytes, const Key& key);

  const WorkerTokenOptions options_;
  journal::KeyStore& keys_;
  const journal::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Key>> cache_;  // by kid
  std::set<std::array<std::uint8_t, 32>> verified_;  // hashes of whole tokens whose signature was right
};

}  // namespace groundtruth::api
