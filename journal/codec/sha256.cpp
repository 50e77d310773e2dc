// libsodium's SHA-256 (journal/codec/sha256.hpp).
#include "journal/codec/sha256.hpp"

#include "journal/codec/raw_bytes.hpp"

namespace groundtruth::journal::codec {

std::string to_hex(std::string_view bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), raw(bytes), bytes.size());
  out.pop_back();  // the terminating NUL
  return out;
}

Sha256::Sha256() {
  crypto_hash_sha256_init(&state_);
}

void Sha256::add(std::string_view piece) {
  crypto_hash_sha256_update(&state_, raw(piece), piece.size());
}

std::string Sha256::bytes() {
  std::string digest(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(&state_, raw(digest));
  return digest;
}

std::string sha256_bytes(std::string_view content) {
  Sha256 hash;
  hash.add(content);
  return hash.bytes();
}

std::string sha256_hex(std::string_view content) {
  return to_hex(sha256_bytes(content));
}

}  // namespace groundtruth::journal::codec
