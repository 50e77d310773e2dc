// The cache of good keys (api/common/key_cache.hpp).
#include "api/common/key_cache.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace groundtruth::api {

KeyDigest digest_of_key(std::string_view key) {
  KeyDigest digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(key.data()), key.size());
  return digest;
}

std::size_t KeyCache::DigestHash::operator()(const KeyDigest& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

KeyCache::KeyCache(std::size_t max_keys)
    : max_keys_per_shard_(std::max<std::size_t>(max_keys / kShards, 1)) {}

std::shared_ptr<const Credential> KeyCache::find(const KeyDigest& digest) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_digest.find(digest);
  if (found == shard.by_digest.end()) return nullptr;
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  return found->second->credential;
}

void KeyCache::put(Ticket ticket, const KeyDigest& digest, std::shared_ptr<const Credential> credential) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  // Under the lock: a drop counts first and sweeps then, so either it is seen here or its sweep sees the
  // entry.
  if (ticket != drops_.load(std::memory_order_acquire) || shard.by_digest.contains(digest)) return;
  if (shard.recent.size() >= max_keys_per_shard_) {
    shard.by_digest.erase(shard.recent.back().digest);
    shard.recent.pop_back();
  }
  shard.recent.push_front({digest, std::move(credential)});
  shard.by_digest.emplace(digest, shard.recent.begin());
}

void KeyCache::drop(const domain::ApiKeyId& key) {
  drop_where([&](const Credential& credential) { return credential.key == key; });
}

void KeyCache::drop(const domain::AccountId& account) {
  drop_where([&](const Credential& credential) { return credential.account == account; });
}

// A sweep over everything: revocations are rare, and a second index would have to be right at all times.
template <class Predicate>
void KeyCache::drop_where(Predicate predicate) {
  drops_.fetch_add(1, std::memory_order_acq_rel);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto entry = shard.recent.begin(); entry != shard.recent.end();) {
      if (predicate(*entry->credential)) {
        shard.by_digest.erase(entry->digest);
        entry = shard.recent.erase(entry);
      } else {
        ++entry;
      }
    }
  }
}

}  // namespace groundtruth::api
