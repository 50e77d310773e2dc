// A folder that goes away with its test, hashes, and the query of a signed URL.
#pragma once

#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/key_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gt-media-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline journal::MasterKey master_key(std::uint8_t fill = 1) {
  journal::DataKey bytes;
  bytes.fill(fill);
  return journal::MasterKey::from_bytes(bytes);
}

inline std::string sha256_of(std::string_view content) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(content.data()), content.size());
  std::array<char, digest.size() * 2 + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  return hex.data();
}

inline ports::BlobSpec spec_of(std::string key, std::string_view content,
                               std::string content_type = "video/mp4") {
  return {std::move(key), std::move(content_type), content.size(), sha256_of(content)};
}

// Bytes of which no two stretches are alike.
inline std::string content_of(std::size_t bytes) {
  std::string text;
  text.reserve(bytes + 16);
  for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * 2654435761U) + ",";
  text.resize(bytes);
  return text;
}

}  // namespace groundtruth::adapters::testing
