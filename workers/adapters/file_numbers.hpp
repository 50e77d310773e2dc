// Numbers in headers of files, and the boxes of ISO base media.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace groundtruth::adapters {

// Of up to eight bytes.
constexpr std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

constexpr std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (auto c = bytes.rbegin(); c != bytes.rend(); ++c) value = value << 8U | static_cast<unsigned char>(*c);
  return value;
}

struct BoxHeader {
  std::uint64_t header_bytes = 8;
  std::uint64_t bytes = 0;  // header and content
};

// nullopt: one that goes on to the end of the file, whose size nothing says; and what cannot be a box.
constexpr std::optional<BoxHeader> read_box_header(std::string_view box) {
  if (box.size() < 8) return std::nullopt;
  BoxHeader header{8, big_endian(box.substr(0, 4))};
  if (header.bytes == 1) {
    if (box.size() < 16) return std::nullopt;
    header = {16, big_endian(box.substr(8, 8))};
  }
  if (header.bytes < header.header_bytes) return std::nullopt;
  return header;
}

}  // namespace groundtruth::adapters
