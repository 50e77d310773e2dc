// Data keys: what personal data in the journal is sealed with (DESIGN, section 8). Destroying an owner's key
// is how history forgets without being rewritten. Keys are wrapped by the master key; neither ever stands in
// the journal.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/ports.hpp"

namespace groundtruth::journal {

using DataKey = std::array<std::uint8_t, 32>;

// The key that wraps all others, and from which keyed hashes are derived. A file of 0600 shared by all nodes.
class MasterKey {
 public:
  // Throws std::runtime_error that names the file and the mend when it is missing, malformed or readable by
  // others.
  static MasterKey load(const std::filesystem::path& file);
  static MasterKey create(const std::filesystem::path& file,
                          Randomness& randomness);  // throws when it exists
  static MasterKey from_bytes(const DataKey& bytes) { return MasterKey(bytes); }

  // A key of its own for each purpose ("data-keys", "email-hash", …), derived, never the master key itself.
  DataKey derive(std::string_view purpose) const;

 private:
  explicit MasterKey(const DataKey& bytes) : bytes_(bytes) {}
  DataKey bytes_;
};

// Thread-safe. `get_or_create` returns only after the new key is durable: bytes sealed with a key that a
// crash could take back would be lost. Both throw JournalUnavailable where the keys are kept elsewhere
// (wrapped_keys.hpp) and cannot be had now.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual std::optional<DataKey> get(std::string_view owner) = 0;
  // nullopt when the owner's key was destroyed: it never comes back.
  virtual std::optional<DataKey> get_or_create(std::string_view owner) = 0;
  virtual void destroy(std::string_view owner) = 0;  // idempotent and durable
};

std::unique_ptr<KeyStore> make_memory_key_store(Randomness& randomness);

}  // namespace groundtruth::journal
