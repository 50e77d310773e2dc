// Making and taking apart API keys (api/common/api_key_format.hpp).
#include "api/common/api_key_format.hpp"

#include <array>

namespace groundtruth::api {
namespace {

constexpr std::string_view kBase62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdChars = 26;
constexpr std::size_t kDisplayedIdChars = 16;

bool is_base62(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Bytes from 248 on are thrown away, so that every character is equally likely.
std::string random_base62(std::size_t chars, journal::Randomness& randomness) {
  std::string out;
  out.reserve(chars);
  while (out.size() < chars) {
    std::array<std::uint8_t, 64> bytes;
    randomness.fill(bytes);
    for (const std::uint8_t byte : bytes)
      if (byte < 248 && out.size() < chars) out += kBase62[byte % 62];
  }
  return out;
}

}  // namespace

std::optional<ParsedApiKey> parse_api_key(std::string_view key, std::string_view prefix) {
  if (key.size() != prefix.size() + kIdChars + kSecretChars || !key.starts_with(prefix)) return std::nullopt;
  ParsedApiKey parsed;
  parsed.id.value.reserve(kApiKeyIdPrefix.size() + kIdChars);
  parsed.id.value += kApiKeyIdPrefix;
  parsed.id.value += key.substr(prefix.size(), kIdChars);
  parsed.secret = key.substr(prefix.size() + kIdChars);
  if (!domain::is_id(parsed.id.value, kApiKeyIdPrefix)) return std::nullopt;
  for (const char c : parsed.secret)
    if (!is_base62(c)) return std::nullopt;
  return parsed;
}

MintedApiKey mint_api_key(domain::Timestamp now, domain::Bucket bucket, journal::Randomness& randomness,
                          std::string_view prefix) {
  MintedApiKey minted;
  minted.id = domain::new_id<domain::ApiKeyId>(kApiKeyIdPrefix, now, bucket, randomness.bits());
  minted.secret = random_base62(kSecretChars, randomness);
  const auto id_part = std::string_view(minted.id.value).substr(kApiKeyIdPrefix.size());
  minted.display = std::string(prefix) + std::string(id_part.substr(0, kDisplayedIdChars));
  minted.key = std::string(prefix) + std::string(id_part) + minted.secret;
  return minted;
}

}  // namespace groundtruth::api
