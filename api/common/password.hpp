// Passwords of people: Argon2id, off the I/O threads, and as slow for an unknown name as for a wrong
// password.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "api/common/work_pool.hpp"

namespace groundtruth::api {

// Above what OWASP's Password Storage sheet asks for at least (19 MiB, 2 passes). Each thread of the pool
// takes this much memory while it calculates.
struct PasswordOptions {
  std::uint64_t passes = 2;
  std::size_t memory_bytes = std::size_t{64} << 20;
};
inline constexpr PasswordOptions kCheapestPasswords{1, 8192};  // the least that libsodium knows, for tests

// A hash is a line of text that names its own parameters: "$argon2id$v=19$m=65536,t=2,p=1$…". Its salt comes
// from libsodium's own generator. Both throw std::runtime_error where the machine has not the memory: that is
// no wrong password.
std::string password_hash(const std::string& password, const PasswordOptions& options);
bool password_verify(const std::string& password,
                     const std::string& hash);  // false also for a malformed hash
// True for a hash of other parameters than these, to be made anew while the password is at hand.
bool password_needs_rehash(const std::string& hash, const PasswordOptions& options);

// Thread-safe. Callbacks run on a thread of the pool and must be short; what still waits when the pool ends
// is destroyed uncalled. The pool must outlive it.
class Passwords {
 public:
  // Blocks for one calculation: the hash that nobody has.
  Passwords(WorkPool& pool, PasswordOptions options);

  struct Verdict {
    bool is_right = false;
    bool needs_rehash = false;  // of a right one only
  };

  // A password is hashed as RFC 8265 prepares it (OpaqueString, api/common/text.hpp), so that it is the same
  // one by any keyboard. What was hashed before that was so, as it was typed, stays right: where the two
  // differ both are tried, for nobody's password, too.
  //
  // False when the pool has no room; `done` is then never called, nor where `whom.dropped` is.
  bool try_hash(std::string password, std::function<void(std::string hash)> done, WorkFor whom = {});
  // nullopt says that there is no such person. The password is then checked against a hash of nobody, so that
  // the answer takes as long, and is always wrong.
  bool try_verify(std::string password, std::optional<std::string> hash, std::function<void(Verdict)> done,
                  WorkFor whom = {});

 private:
  WorkPool& pool_;
  const PasswordOptions options_;
  const std::string nobody_;
};

}  // namespace groundtruth::api
