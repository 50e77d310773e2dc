// The Idempotency-Key header and keyed hashes (api/common/idempotency.hpp).
#include "api/common/idempotency.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace groundtruth::api {
namespace {

constexpr std::size_t kMaxKeyChars = 255;
constexpr std::int64_t kDayMs = 86'400'000;

// Parts with their lengths in front: no two lists of parts hash the same bytes.
class KeyedHash {
 public:
  KeyedHash(const journal::DataKey& key, std::size_t bytes) : bytes_(bytes) {
    crypto_generichash_init(&state_, key.data(), key.size(), bytes);
  }
  KeyedHash& part(std::string_view text) {
    const std::uint64_t size = text.size();
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(&size), sizeof size);
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    return *this;
  }
  template <std::size_t N>
  std::array<unsigned char, N> finish() {
    std::array<unsigned char, N> out;
    crypto_generichash_final(&state_, out.data(), bytes_);
    return out;
  }

 private:
  crypto_generichash_state state_;
  std::size_t bytes_;
};

}  // namespace

std::optional<std::string> parse_idempotency_key(std::string_view header) {
  const bool is_quoted = header.size() >= 2 && header.front() == '"' && header.back() == '"';
  if (is_quoted) header = header.substr(1, header.size() - 2);
  if (header.empty() || header.size() > kMaxKeyChars) return std::nullopt;
  if (!is_quoted && (header.front() == ' ' || header.back() == ' ')) return std::nullopt;
  const bool is_printable =
      std::all_of(header.begin(), header.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"'; });
  if (!is_printable) return std::nullopt;
  return std::string(header);
}

RequestHasher::RequestHasher(const journal::MasterKey& master)
    : request_key_(master.derive("request-hash")), bits_key_(master.derive("retry-ids")) {}

std::string RequestHasher::hash(const http::Request& request) const {
  constexpr std::size_t bytes = 16;
  const auto digest = KeyedHash(request_key_, bytes)
                          .part(http::to_string(request.method))
                          .part(request.target)
                          .part(request.body)
                          .finish<bytes>();
  std::array<char, bytes * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}

domain::RandomBits RequestHasher::stable_bits(std::string_view account, const journal::KeyedRequest& keyed,
                                              domain::Timestamp now) const {
  const auto digest = KeyedHash(bits_key_, sizeof(domain::RandomBits))
                          .part(account)
                          .part(keyed.scope)
                          .part(keyed.key)
                          .part(keyed.request_hash)
                          .part(std::to_string(now.ms / kDayMs))
                          .finish<sizeof(domain::RandomBits)>();
  domain::RandomBits bits;
  std::memcpy(bits.data(), digest.data(), sizeof bits);
  return bits;
}

IdempotencyHeader read_idempotency(const http::Request& request, const RequestHasher& hasher) {
  IdempotencyHeader read;
  const auto header = request.headers.find("Idempotency-Key");
  if (!header) return read;
  auto key = request.headers.count("Idempotency-Key") == 1 ? parse_idempotency_key(*header) : std::nullopt;
  if (!key) {
    read.malformed = true;
    return read;
  }
  std::string scope(http::to_string(request.method));
  scope += ' ';
  scope += request.path;
  read.keyed = journal::KeyedRequest{std::move(*key), std::move(scope), hasher.hash(request)};
  return read;
}

}  // namespace groundtruth::api
