// Hex to bytes and back; text of another form stays as it is, behind a mark.
#include "projections/commands/request_hash.hpp"

namespace groundtruth::projections {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr char kHex = 'h', kText = 't';

}  // namespace

std::string pack_request_hash(std::string_view text) {
  if (text.size() % 2 != 0 || text.find_first_not_of(kDigits) != std::string_view::npos)
    return std::string(1, kText).append(text);
  std::string packed(1, kHex);
  for (std::size_t i = 0; i < text.size(); i += 2)
    packed += static_cast<char>(kDigits.find(text[i]) << 4 | kDigits.find(text[i + 1]));
  return packed;
}

std::string unpack_request_hash(std::string_view packed) {
  if (packed.empty()) return {};
  const auto rest = packed.substr(1);
  if (packed.front() == kText) return std::string(rest);
  std::string text;
  for (const char c : rest) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace groundtruth::projections
