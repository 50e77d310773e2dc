// Packing of ids (contract in stream_key.hpp).
#include "projections/stream_key.hpp"

#include <array>
#include <cstdint>

namespace groundtruth::projections {
namespace {

constexpr std::size_t kBodyChars = 26, kPackedBytes = 17;
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
// The place in this list is stored: append only, at most 64.
constexpr std::string_view kPrefixes[] = {"eml_", "org_", "key_", "wal_", "tsk_", "cko_",
                                          "cmd_", "wrk_", "asg_", "sub_", "upl_", "wtr_"};

constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}();

int prefix_number(std::string_view prefix) {
  for (std::size_t i = 0; i < std::size(kPrefixes); ++i)
    if (kPrefixes[i] == prefix) return static_cast<int>(i);
  return -1;
}

}  // namespace

std::string stream_key(std::string_view stream) {
  if (stream.size() > kBodyChars) {
    const int prefix = prefix_number(stream.substr(0, stream.size() - kBodyChars));
    std::string key;
    key.reserve(kPackedBytes);
    unsigned pending = 0, bits = 0;
    bool packed = prefix >= 0;
    for (const char c : stream.substr(stream.size() - kBodyChars)) {
      const unsigned value = kValues[static_cast<unsigned char>(c)];
      packed = packed && value < 32;
      pending = (pending << 5 | (value & 31)) & 0xfff;
      bits += 5;
      if (bits >= 8) {
        bits -= 8;
        key += static_cast<char>(pending >> bits & 0xff);
      }
    }
    if (packed) {
      key += static_cast<char>((pending & 3) << 6 | static_cast<unsigned>(prefix));
      return key;
    }
  }
  return std::string(kPackedBytes, '\xff').append(stream);
}

}  // namespace groundtruth::projections
