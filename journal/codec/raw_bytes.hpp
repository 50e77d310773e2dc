// Text as libsodium takes it.
#pragma once

#include <string>
#include <string_view>

namespace groundtruth::journal::codec {

inline const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* raw(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace groundtruth::journal::codec
