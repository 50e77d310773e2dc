// Where media lies: a store of immutable objects outside of the journal, which keeps their hash and size
// (DESIGN, section 8; CONTRACTS, "groundtruth", Media). Clients write and read objects themselves, through
// signed URLs; this side only signs, looks and reads.
//
// Keys are this program's own: segments of [a-z0-9_-] with '/' between them, never anything that a client
// chose. An object holds what its spec said or does not exist: writing the same spec again changes nothing.
//
// Threads: any. Signing is a calculation; everything else may block for as long as the network does, and
// belongs on a pool. Errors: BlobStoreError where the store cannot be reached or refuses us.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domain/values.hpp"

namespace groundtruth::ports {

// How a SHA-256 is written here: 64 lower-case hex digits.
inline bool is_sha256_hex(std::string_view text) {
  constexpr std::size_t digits = 64;
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

struct BlobSpec {
  std::string key;
  std::string content_type;
  std::uint64_t bytes = 0;
  std::string sha256;  // in hex, as above
};

// A request that the holder may make until `expires_at`, with exactly these headers.
struct SignedUpload {
  std::string url;  // for PUT
  std::vector<std::pair<std::string, std::string>> headers;
  domain::Timestamp expires_at;
};

struct BlobStoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  virtual SignedUpload sign_upload(const BlobSpec& spec, domain::Timestamp now,
                                   std::chrono::seconds valid) const = 0;
  // A URL for GET, with Range. It carries X-Amz-Expires=<valid>.
  virtual std::string sign_download(std::string_view key, domain::Timestamp now,
                                    std::chrono::seconds valid) const = 0;

  // What the store holds under that key, as it was verified when it was written, and will hold after a loss
  // of power; nullopt: nothing.
  virtual std::optional<BlobSpec> find(std::string_view key) = 0;
  // For small objects that came through our own API. Throws std::invalid_argument when content and spec
  // differ.
  virtual void put(const BlobSpec& spec, std::string_view content) = 0;
  // The same without blocking, where the store can: true, and `done` is told once it is stored, or what went
  // wrong ("": nothing), on a thread of the store's; spec and content must live until then. False: the caller
  // may `put` it.
  using Done = std::function<void(std::string error)>;
  virtual bool put_aside(const BlobSpec&, std::string_view, const Done&) { return false; }
  // Up to `max_bytes` from `offset`; "" past the end. Throws BlobStoreError when there is no such object.
  virtual std::string read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) = 0;
  virtual void remove(std::string_view key) = 0;  // idempotent
};

}  // namespace groundtruth::ports
