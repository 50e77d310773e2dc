// Where data keys are kept, wrapped by the master key: the half of a KeyStore that never sees a key. Two
// kinds: a table beside the embedded journal, and a compacted topic that all nodes share
// (kafka/key_topic.hpp).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/key_store.hpp"

namespace groundtruth::journal {

// XChaCha20-Poly1305 under a key that the master key derives; associated data: the owner's name.
struct WrappedKey {
  std::string nonce;
  std::string box;  // empty, as the nonce, once it was destroyed

  bool is_destroyed() const { return box.empty(); }
  friend bool operator==(const WrappedKey&, const WrappedKey&) = default;
};

// A known value under this name, the first to be added, tells another master key apart from erased owners.
// No owner's name begins with a control character.
inline constexpr std::string_view kMasterKeyCheck = "\x01 check";

struct NamedKey {
  std::string owner;
  WrappedKey key;
};

// Threads: any. Errors: JournalUnavailable where others hold the keys and do not answer, and nothing was
// done or nobody will see that it was; else std::runtime_error that names the place.
class WrappedKeys {
 public:
  virtual ~WrappedKeys() = default;
  // What is known here, at once: others may have added one since.
  virtual std::optional<WrappedKey> known(std::string_view owner) = 0;
  // What was durable anywhere before this call.
  virtual std::optional<WrappedKey> find(std::string_view owner) = 0;
  // Each owner's key from now on, durable: the given one, or another that was there before it, also a
  // destroyed one.
  virtual std::vector<WrappedKey> add(const std::vector<NamedKey>& keys) = 0;
  virtual void destroy(std::string_view owner) = 0;  // idempotent; it never comes back
  using Row = std::function<void(const std::string& owner, const WrappedKey&)>;
  virtual void for_each(const Row& row) = 0;  // by name; `row` must not call back
  // Called, on any thread, when a key was destroyed, also by another process. Set once, before use.
  virtual void on_destroyed(std::function<void(const std::string& owner)> gone) = 0;
};

// Makes the file where it is missing. One process may have it open. While the disk is full it throws
// JournalUnavailable, nothing having been written, and takes keys again once there is room. `fatal` is called
// after any other failure of the file, as a journal's is, and must not return: what the disk has of it is for
// the next start to see. Without one such a failure is thrown.
std::unique_ptr<WrappedKeys> open_wrapped_keys_file(const std::filesystem::path& file,
                                                    std::function<void(const std::string& why)> fatal = {});

// Throws std::runtime_error where `keys` were wrapped by another master key. `place` is for people.
std::unique_ptr<KeyStore> open_key_store(std::unique_ptr<WrappedKeys> keys, const std::string& place,
                                         const MasterKey& master, Randomness& randomness);

// Adds what `to` does not have, and destroys there what is destroyed in `from`; what was made under one
// master key opens under no other. Returns how many were not there.
std::uint64_t copy_keys(WrappedKeys& from, WrappedKeys& to);

}  // namespace groundtruth::journal
