// Data keys: what personal data in the journal is sealed with (DESIGN, section 8). Destroying an owner's key
// is how history forgets without being rewritten. Keys are wrapped by the master key; neither ever stands in
// the journal.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
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
  // Throws std::runtime_error that names the file and the mend when it is missing, malformed, readable by
  // others or somebody else's. The file and its name are synced when it returns, whoever wrote it: what is
  // sealed from now on is lost without it.
  static MasterKey load(const std::filesystem::path& file);
  // Whole and on disk under its name, or not there at all, however it is interrupted. Throws when there is
  // one. One process at a time may make one there.
  static MasterKey create(const std::filesystem::path& file, Randomness& randomness);
  static constexpr std::size_t kFileBytes = 2 * std::tuple_size_v<DataKey> + 1;  // hex and LF
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
  // nullopt: it was destroyed, or there never was one, or it was lost; `was_destroyed` tells.
  virtual std::optional<DataKey> get(std::string_view owner) = 0;
  // nullopt when the owner's key was destroyed: it never comes back.
  virtual std::optional<DataKey> get_or_create(std::string_view owner) = 0;
  virtual void destroy(std::string_view owner) = 0;  // idempotent and durable
  virtual bool was_destroyed(std::string_view owner) = 0;

  enum class State : std::uint8_t {
    live,
    destroyed,
    damaged,  // what is kept under the name does not open with the master key
  };
  using Row = std::function<void(const std::string& owner, State)>;
  virtual void for_each(const Row& row) = 0;  // by name; `row` must not call back
};

std::unique_ptr<KeyStore> make_memory_key_store(Randomness& randomness);

}  // namespace groundtruth::journal
