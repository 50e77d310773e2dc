// Names of keyed requests and relays (journal/read_models.hpp).
#include "journal/read_models.hpp"

#include <sodium.h>

namespace groundtruth::journal {

CommandKey command_key(std::string_view account, const KeyedRequest& request) {
  crypto_generichash_state state;
  CommandKey key{};
  crypto_generichash_init(&state, nullptr, 0, key.size());
  // A length stands before each part, so that no two requests read the same.
  for (const std::string_view part :
       {account, std::string_view(request.scope), std::string_view(request.key)}) {
    unsigned char size[8];
    for (int i = 0; i < 8; ++i) size[i] = static_cast<unsigned char>(std::uint64_t{part.size()} >> (8 * i));
    crypto_generichash_update(&state, size, sizeof size);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(part.data()), part.size());
  }
  crypto_generichash_final(&state, key.data(), key.size());
  return key;
}

}  // namespace groundtruth::journal
