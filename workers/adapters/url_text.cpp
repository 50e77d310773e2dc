// See url_text.hpp.
#include "workers/adapters/url_text.hpp"

namespace groundtruth::adapters {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF", plain = "-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          plain.find(c) != std::string_view::npos;
    if (is_plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

std::string basic_time(std::string rfc3339) {
  std::erase_if(rfc3339, [](char c) { return c == '-' || c == ':'; });
  return rfc3339;
}

}  // namespace groundtruth::adapters
