// Sealing with XChaCha20-Poly1305: single boxes, and the sealed fields of an event (DESIGN, section 8).
//
// A sealed field stands in the journal as {"key":"<owner>","nonce":"<base64url>","box":"<base64url>"}. The
// box holds the JSON of the value; its associated data is the JSON array [journal, stream, version, field],
// so that it opens nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/key_store.hpp"

namespace groundtruth::journal::codec {

inline constexpr std::size_t kNonceBytes = 24;

std::string seal_box(const DataKey& key, std::string_view nonce, std::string_view associated,
                     std::string_view plain);
// nullopt: another key, nonce or associated data, or changed bytes.
std::optional<std::string> open_box(const DataKey& key, std::string_view nonce, std::string_view associated,
                                    std::string_view box);

// Where a sealed field stands.
struct SealedPlace {
  std::string_view journal;
  std::string_view stream;
  std::uint32_t version = 0;
};
std::string associated_data(const SealedPlace& place, std::string_view field);

// Seals the fields of one event for `owner`.
class EventSealer : public Sealer {
 public:
  EventSealer(KeyStore& keys, Randomness& randomness, SealedPlace place, std::string_view owner)
      : keys_(keys), randomness_(randomness), place_(place), owner_(owner) {}
  void seal(std::string& out, std::string_view field, std::string_view plain) override;

 private:
  KeyStore& keys_;
  Randomness& randomness_;
  SealedPlace place_;
  std::string_view owner_;
  std::optional<DataKey> key_;
};

// Opens the fields of one event, and remembers whose keys they name.
class EventOpener : public Opener {
 public:
  EventOpener(KeyStore& keys, SealedPlace place) : keys_(keys), place_(place) {}
  std::optional<std::string> open(const JsonDocument& document, const JsonNode* sealed,
                                  std::string_view field) override;
  const std::vector<std::string>& owners() const { return owners_; }

 private:
  KeyStore& keys_;
  SealedPlace place_;
  std::vector<std::string> owners_;
};

}  // namespace groundtruth::journal::codec
