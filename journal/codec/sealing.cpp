// libsodium behind journal/codec/sealing.hpp.
#include "journal/codec/sealing.hpp"

#include <sodium.h>

#include <stdexcept>

#include "journal/codec/base64.hpp"
#include "journal/codec/raw_bytes.hpp"
#include "journal/commit.hpp"

namespace groundtruth::journal::codec {
namespace {

static_assert(kNonceBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(std::tuple_size_v<DataKey> == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

struct SealedField {
  std::string key, nonce, box;
};
BOOST_DESCRIBE_STRUCT(SealedField, (), (key, nonce, box))

}  // namespace

std::string seal_box(const DataKey& key, std::string_view nonce, std::string_view associated,
                     std::string_view plain) {
  if (nonce.size() != kNonceBytes) throw std::invalid_argument("a nonce has 24 bytes");
  std::string box(plain.size() + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(box), nullptr, raw(plain), plain.size(), raw(associated),
                                             associated.size(), nullptr, raw(nonce), key.data());
  return box;
}

std::optional<std::string> open_box(const DataKey& key, std::string_view nonce, std::string_view associated,
                                    std::string_view box) {
  if (nonce.size() != kNonceBytes || box.size() < kTagBytes) return std::nullopt;
  std::string plain(box.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(raw(plain), nullptr, nullptr, raw(box), box.size(),
                                                 raw(associated), associated.size(), raw(nonce),
                                                 key.data()) != 0)
    return std::nullopt;
  return plain;
}

std::string associated_data(const SealedPlace& place, std::string_view field) {
  std::string out = "[";
  append_string(out, place.journal);
  out += ',';
  append_string(out, place.stream);
  out += ',';
  out += std::to_string(place.version);
  out += ',';
  append_string(out, field);
  out += ']';
  return out;
}

void EventSealer::seal(std::string& out, std::string_view field, std::string_view plain) {
  if (!key_) key_ = keys_.get_or_create(owner_);
  if (!key_) throw ErasedOwner("the data key of " + std::string(owner_) + " was destroyed");
  std::string nonce(kNonceBytes, '\0');
  randomness_.fill({raw(nonce), nonce.size()});
  write_json(out, SealedField{std::string(owner_), to_base64url(nonce),
                              to_base64url(seal_box(*key_, nonce, associated_data(place_, field), plain))});
}

std::optional<std::string> EventOpener::open(const JsonDocument& document, const JsonNode* sealed,
                                             std::string_view field) {
  SealedField parts;
  std::vector<FieldError> errors;
  read_json(document, sealed, parts, errors);
  const auto nonce = from_base64url(parts.nonce);
  const auto box = from_base64url(parts.box);
  if (!errors.empty() || !nonce || !box || nonce->size() != kNonceBytes)
    throw BadSealedValue("'" + std::string(field) + "' is no sealed value");
  owners_.push_back(parts.key);
  const auto key = keys_.get(parts.key);
  if (!key && !keys_.was_destroyed(parts.key))
    throw LostKey("the data key of " + parts.key +
                  " is lost: the key store has neither it nor a trace of its destruction. Stop, and restore "
                  "the newest copy of the keys");
  if (!key) return std::nullopt;
  auto plain = open_box(*key, *nonce, associated_data(place_, field), *box);
  if (!plain) throw BadSealedValue("the sealed value of '" + std::string(field) + "' does not authenticate");
  return plain;
}

}  // namespace groundtruth::journal::codec
