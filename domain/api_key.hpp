// API key: what a program shows to act for an account. The journal holds the hash of its secret, never the
// secret.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/account.hpp"

namespace groundtruth::domain {

// Each scope contains the ones before it (CONTRACTS, "groundtruth").
enum class Scope : std::uint8_t { read, write, admin };
BOOST_DESCRIBE_ENUM(Scope, read, write, admin)

// --- events
// ---------------------------------------------------------------------------------------------------------

struct ApiKeyCreated {
  static constexpr std::string_view kType = "api_key.created";
  static constexpr int kSchema = 1;
  ApiKeyId key;
  AccountId account;
  std::string name;
  std::vector<Scope> scopes;
  std::string prefix;  // the first characters of the key, to recognise it by; holds no part of the secret
  std::string secret_hash;  // bcrypt, "$2b$10$…"
  std::optional<Timestamp> expires_at;
};
BOOST_DESCRIBE_STRUCT(ApiKeyCreated, (), (key, account, name, scopes, prefix, secret_hash, expires_at))

struct ApiKeyUsed {
  static constexpr std::string_view kType = "api_key.used";
  static constexpr int kSchema = 1;
  Timestamp used_at;  // to the minute
};
BOOST_DESCRIBE_STRUCT(ApiKeyUsed, (), (used_at))

struct ApiKeyRevoked {
  static constexpr std::string_view kType = "api_key.revoked";
  static constexpr int kSchema = 1;
  ApiKeyId key;
};
BOOST_DESCRIBE_STRUCT(ApiKeyRevoked, (), (key))

// --- state
// ----------------------------------------------------------------------------------------------------------

struct ApiKey {
  using Key = ApiKeyId;
  ApiKeyId id;  // "" while there is none
  AccountId account;
  std::string name;
  std::vector<Scope> scopes;
  std::string prefix;
  std::string secret_hash;
  Timestamp created_at;
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> last_used_at;
  std::optional<Timestamp> revoked_at;
};
BOOST_DESCRIBE_STRUCT(ApiKey, (),
                      (id, account, name, scopes, prefix, secret_hash, created_at, expires_at, last_used_at,
                       revoked_at))

void evolve(ApiKey& state, const ApiKeyCreated& event, Timestamp at);
void evolve(ApiKey& state, const ApiKeyUsed& event, Timestamp at);
void evolve(ApiKey& state, const ApiKeyRevoked& event, Timestamp at);

bool allows(const std::vector<Scope>& scopes, Scope needed);
constexpr Timestamp to_minute(Timestamp t) {
  return {t.ms - t.ms % 60'000};
}

// --- commands
// -------------------------------------------------------------------------------------------------------

struct CreateApiKey {
  static constexpr std::string_view kName = "api_key.create";
  ApiKeyId key;
  AccountId account;
  std::string name;
  std::vector<Scope> scopes;
  std::string prefix;
  std::string secret_hash;
  std::optional<Timestamp> expires_at;
};
BOOST_DESCRIBE_STRUCT(CreateApiKey, (), (key, account, name, scopes, prefix, secret_hash, expires_at))

struct UseApiKey {
  static constexpr std::string_view kName = "api_key.use";
  ApiKeyId key;
  Timestamp used_at;
};
BOOST_DESCRIBE_STRUCT(UseApiKey, (), (key, used_at))

struct RevokeApiKey {
  static constexpr std::string_view kName = "api_key.revoke";
  ApiKeyId key;
  AccountId account;  // whose key it must be
};
BOOST_DESCRIBE_STRUCT(RevokeApiKey, (), (key, account))

}  // namespace groundtruth::domain
