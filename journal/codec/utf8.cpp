// simdjson's validation (journal/codec/utf8.hpp).
#include "journal/codec/utf8.hpp"

#include <simdjson.h>

namespace groundtruth::journal::codec {

bool is_utf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace groundtruth::journal::codec
