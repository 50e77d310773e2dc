// Crockford base32 in and out (domain/ids.hpp).
#include "domain/ids.hpp"

namespace groundtruth::domain {
namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kTimeChars = 10, kBucketChars = 2, kRandomChars = 14;
constexpr std::size_t kBodyChars = kTimeChars + kBucketChars + kRandomChars;

constexpr auto kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}();

void put(std::string& out, std::uint64_t value, std::size_t chars) {
  for (std::size_t i = chars; i-- > 0;) out += kAlphabet[(value >> (5 * i)) & 31];
}

// The 26 characters after the prefix, or "" when the id is malformed.
std::string_view body_of(std::string_view id) {
  if (id.size() <= kBodyChars || id[id.size() - kBodyChars - 1] != '_') return {};
  const auto body = id.substr(id.size() - kBodyChars);
  for (const char c : body)
    if (kValues[static_cast<unsigned char>(c)] < 0) return {};
  return body;
}

}  // namespace

std::string encode_id(std::string_view prefix, Timestamp at, Bucket bucket, RandomBits random) {
  std::string out;
  out.reserve(prefix.size() + kBodyChars);
  out += prefix;
  put(out, static_cast<std::uint64_t>(at.ms), kTimeChars);
  put(out, bucket.value, kBucketChars);
  put(out, random[0], 7);
  put(out, random[1], 7);
  return out;
}

std::optional<Bucket> bucket_of(std::string_view id) {
  const auto body = body_of(id);
  if (body.empty()) return std::nullopt;
  const auto high = kValues[static_cast<unsigned char>(body[kTimeChars])];
  const auto low = kValues[static_cast<unsigned char>(body[kTimeChars + 1])];
  return Bucket{static_cast<std::uint16_t>(high * 32 + low)};
}

bool is_id(std::string_view id, std::string_view prefix) {
  return id.size() == prefix.size() + kBodyChars && id.starts_with(prefix) && !body_of(id).empty();
}

WalletId wallet_of(const AccountId& account) {
  return {"wal_" + std::string(body_of(account.value))};
}

}  // namespace groundtruth::domain
