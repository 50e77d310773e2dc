// bcrypt off the I/O threads: a check takes 50 ms and more, so it has threads of its own and a bounded queue.
#pragma once

#include <functional>
#include <string>

#include "api/common/work_pool.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

struct BcryptOptions {
  unsigned threads = 2;
  std::size_t max_waiting = 256;  // one more is refused: answer 503
  unsigned cost = 10;             // 2^cost rounds; 4 is the least that bcrypt knows, for tests
};

// Thread-safe. Callbacks run on a thread of the pool and must be short. The destructor finishes nothing:
// callbacks of what still waits are destroyed uncalled.
class BcryptPool {
 public:
  BcryptPool(BcryptOptions options, journal::Randomness& randomness);

  // False when the queue is full; `done` is then never called. Secrets are at most 72 bytes.
  bool try_hash(std::string secret, std::function<void(std::string hash)> done);
  bool try_verify(std::string secret, std::string hash, std::function<void(bool)> done);

 private:
  BcryptOptions options_;
  journal::Randomness& randomness_;
  WorkPool threads_;
};

// The calculation itself, for who may block (the command line). Throws std::runtime_error when libcrypt
// fails.
std::string bcrypt_hash(const std::string& secret, unsigned cost, journal::Randomness& randomness);
bool bcrypt_verify(const std::string& secret, const std::string& hash);  // false also for a malformed hash

}  // namespace groundtruth::api
