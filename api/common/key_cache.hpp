// Who a key turned out to be, remembered until it is revoked, so that bcrypt runs once a key and not once a
// request.
//
// Keyed by SHA-256 of the whole key: the cache holds no secret. A check that is under way while its key is
// revoked must not put the key back: it takes a ticket before it reads the read models, and a ticket from
// before any drop is void.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/api_key.hpp"

namespace groundtruth::api {

// What a good key stands for. Shared by all requests that show it; immutable but for the memory of its last
// use.
struct Credential {
  domain::ApiKeyId key;
  domain::AccountId account;
  domain::Bucket bucket;  // of the account
  std::vector<domain::Scope> scopes;
  std::optional<domain::Timestamp> expires_at;
  mutable std::atomic<std::int64_t> last_use_ms{0};  // the minute last reported
};

using KeyDigest = std::array<std::uint8_t, 32>;
KeyDigest digest_of_key(std::string_view key);

// Thread-safe, bounded: above `max_keys` the one longest unused is forgotten (and checked again when it comes
// back).
class KeyCache {
 public:
  using Ticket = std::uint64_t;

  explicit KeyCache(std::size_t max_keys);

  std::shared_ptr<const Credential> find(const KeyDigest& digest);
  Ticket ticket() const { return drops_.load(std::memory_order_acquire); }
  void put(Ticket ticket, const KeyDigest& digest, std::shared_ptr<const Credential> credential);

  void drop(const domain::ApiKeyId& key);
  void drop(const domain::AccountId& account);

 private:
  struct Entry {
    KeyDigest digest;
    std::shared_ptr<const Credential> credential;
  };
  struct DigestHash {
    std::size_t operator()(const KeyDigest& digest) const noexcept;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Entry> recent;  // most recently used first
    std::unordered_map<KeyDigest, std::list<Entry>::iterator, DigestHash> by_digest;
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard_of(const KeyDigest& digest) { return shards_[digest[31] % kShards]; }
  template <class Predicate>
  void drop_where(Predicate predicate);

  const std::size_t max_keys_per_shard_;
  std::atomic<std::uint64_t> drops_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace groundtruth::api
