// SHA-256, and bytes as lower-case hex digits: how objects outside of the journal are named and checked.
#pragma once

#include <sodium.h>

#include <string>
#include <string_view>

namespace groundtruth::journal::codec {

std::string to_hex(std::string_view bytes);

// Of what comes piece by piece. After `bytes` or `hex` it is used up.
class Sha256 {
 public:
  Sha256();
  void add(std::string_view piece);
  std::string bytes();
  std::string hex() { return to_hex(bytes()); }

 private:
  crypto_hash_sha256_state state_;
};

std::string sha256_bytes(std::string_view content);
std::string sha256_hex(std::string_view content);

}  // namespace groundtruth::journal::codec
