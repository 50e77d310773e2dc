// From an API key to who shows it: cache, then the read models, then one bcrypt check off the I/O threads.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "api/common/api_key_format.hpp"
#include "api/common/bcrypt.hpp"
#include "api/common/key_cache.hpp"
#include "api/common/rate_limiter.hpp"
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
    bad,      // malformed, unknown, wrong, revoked, expired or of an erased account: they all look alike
    busy,     // too many unknown keys wait for their check: 503
    limited,  // who shows it has shown too many wrong ones: 429
  };
  Outcome outcome = Outcome::bad;
  std::shared_ptr<const Credential> credential;  // where good
  RateState limit;                               // of the address, where it was asked
};

// Who shows a key that is not known yet.
struct KeyBearer {
  std::string address;   // address_subject()
  std::stop_token gone;  // http::Request::abandoned
};

// Thread-safe. Everything given must outlive it.
class Authenticator {
 public:
  Authenticator(AuthenticatorOptions options, const projections::AccountQueries& accounts, Bcrypt& bcrypt,
                RateLimiter& address_limits, const journal::Clock& clock);

  // The cheap way: no I/O. Null says nothing about the key.
  std::shared_ptr<const Credential> cached(std::string_view key);

  // The whole way. An unknown id costs one indexed read and no bcrypt; requests that show the same key at the
  // same time share one check. A wrong key counts against its address; of many at once no more are checked
  // than the limit leaves. `key` must outlive the operation.
  http::Async<Authentication> authenticate(std::string_view key, KeyBearer bearer);

  // For Projector::on_committed, not earlier: the drop must come after the read models know, or a check in
  // between would read the old row and keep it. A revocation is answered after this ran.
  void observe(const journal::Accepted& accepted);

 private:
  struct Checks;  // under way, by digest; shared with the pool's callbacks, which may outlive this object
  class EndOfCheck;
  enum class Verdict : std::uint8_t { wrong, right, busy, limited };
  struct Check {
    KeyDigest digest;
    std::string secret, hash;
    KeyBearer bearer;
    RateState limit;  // of the bearer's address
  };

  bool is_expired(const std::optional<domain::Timestamp>& expires_at) const;
  void begin_check(Check& check, std::function<void(Verdict)> done);
  Authentication wrong(const KeyBearer& bearer, const RateState& taken);

  AuthenticatorOptions options_;
  const projections::AccountQueries& accounts_;
  Bcrypt& bcrypt_;
  RateLimiter& address_limits_;
  const journal::Clock& clock_;
  KeyCache cache_;
  std::shared_ptr<Checks> checks_;
};

// "Authorization: Bearer <token>", given exactly once. nullopt: none, doubled, or another scheme.
std::optional<std::string_view> bearer_token(const http::Headers& headers);

}  // namespace groundtruth::api
