// bcrypt, for the secrets of API keys. A check takes 50 ms and more, so servers run it on a WorkPool.
#pragma once

#include <functional>
#include <string>

#include "api/common/work_pool.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

inline constexpr unsigned kBcryptCost = 10;  // 2^cost rounds; 4 is the least that bcrypt knows, for tests

// Thread-safe. Callbacks run on a thread of the pool and must be short; what still waits when the pool ends
// is destroyed uncalled. Pool and randomness must outlive it, the randomness also the pool.
class Bcrypt {
 public:
  Bcrypt(WorkPool& pool, journal::Randomness& randomness, unsigned cost = kBcryptCost)
      : pool_(pool), randomness_(randomness), cost_(cost) {}

  // False when the pool has no room; `done` is then never called, nor where `whom.dropped` is. Secrets are at
  // most 72 bytes.
  bool try_hash(std::string secret, std::function<void(std::string hash)> done, WorkFor whom = {});
  bool try_verify(std::string secret, std::string hash, std::function<void(bool)> done, WorkFor whom = {});

 private:
  WorkPool& pool_;
  journal::Randomness& randomness_;
  const unsigned cost_;
};

// The calculation itself, for who may block (the command line). Throws std::runtime_error when libcrypt
// fails.
std::string bcrypt_hash(const std::string& secret, unsigned cost, journal::Randomness& randomness);
bool bcrypt_verify(const std::string& secret, const std::string& hash);  // false also for a malformed hash

}  // namespace groundtruth::api
