// From an API key to who shows it: cache, then the read models, then one bcrypt check off the I/O threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/common/api_key_format.hpp"
#include "api/common/bcrypt.hpp"
#include "api/common/key_cache.hpp"
#include "api/http/message.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"
#include "projections/accounts/queries.hpp"

namespace groundtruth::api {

struct AuthenticatorOptions {
  std::string key_prefix{kGroundtruthKeyPrefix};
  std::size_t max_cached_keys = 65'536;
};

struct Authentication {
  enum class Outcome : std::uint8_t {
    good,
    bad,   // malformed, unknown, wrong, revoked, expired or of an erased account: they all look alike
    busy,  // too many unknown keys wait for their check: 503
  };
  Outcome outcome = Outcome::bad;
  std::shared_ptr<const Credential> credential;  // where good
};

// Thread-safe. Everything given must outlive it.
class Authenticator {
 public:
  Authenticator(AuthenticatorOptions options, const projections::AccountQueries& accounts, Bcrypt& bcrypt,
                const journal::Clock& clock);

  // The cheap way: no I/O. Null says nothing about the key.
  std::shared_ptr<const Credential> cached(std::string_view key);

  // The whole way. An unknown id costs one indexed read and no bcrypt; requests that show the same key at the
  // same time share one check. `key` must outlive the operation.
  http::Async<Authentication> authenticate(std::string_view key);

  // For Projector::on_committed, not earlier: the drop must come after the read models know, or a check in
  // between would read the old row and keep it. A revocation is answered after this ran.
  void observe(const journal::Accepted& accepted);

 private:
  struct Checks;  // under way, by digest; shared with the pool's callbacks, which may outlive this object

  bool is_expired(const std::optional<domain::Timestamp>& expires_at) const;
  bool begin_check(const KeyDigest& digest, std::string secret, std::string hash,
                   std::function<void(bool)> done);

  AuthenticatorOptions options_;
  const projections::AccountQueries& accounts_;
  Bcrypt& bcrypt_;
  const journal::Clock& clock_;
  KeyCache cache_;
  std::shared_ptr<Checks> checks_;
};

// "Authorization: Bearer <token>", given exactly once. nullopt: none, doubled, or another scheme.
std::optional<std::string_view> bearer_token(const http::Headers& headers);

}  // namespace groundtruth::api
