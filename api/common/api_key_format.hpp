// What an API key looks like: prefix + the 26 characters of its id + 43 random ones.
//
//   gt_sk_ 01hx4nvzgwq9k3m5p8r2s4t6v8 9Qm…43…x     the id routes and finds the key without any secret; only
//   the secret part is hashed, well below bcrypt's 72 bytes (CONTRACTS, "groundtruth")
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/ids.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

inline constexpr std::string_view kGroundtruthKeyPrefix = "gt_sk_";
inline constexpr std::string_view kApiKeyIdPrefix = "key_";
inline constexpr std::size_t kSecretChars = 43;  // 256 bits in base62

struct ParsedApiKey {
  domain::ApiKeyId id;
  std::string_view secret;  // points into what was parsed
};

// nullopt for anything but exactly such a key: what passes is worth a look-up.
std::optional<ParsedApiKey> parse_api_key(std::string_view key,
                                          std::string_view prefix = kGroundtruthKeyPrefix);

struct MintedApiKey {
  domain::ApiKeyId id;
  std::string key;      // the whole of it: shown once, never stored
  std::string secret;   // what is hashed
  std::string display;  // "gt_sk_01hx4nvzgwq9k3m5": to recognise it by, free of secret characters
};

MintedApiKey mint_api_key(domain::Timestamp now, domain::Bucket bucket, journal::Randomness& randomness,
                          std::string_view prefix = kGroundtruthKeyPrefix);

}  // namespace groundtruth::api
