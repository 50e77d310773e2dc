// See picture.hpp.
#include "workers/adapters/picture.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "workers/adapters/file_numbers.hpp"

namespace groundtruth::adapters {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxParts = 200'000;  // chunks, blocks, boxes, strips
constexpr std::uint64_t kMaxStrips = 65'536;

// Segments up to the first scan, and then an end of image (ITU-T T.81, annex B).
bool is_whole_jpeg(BlobReader& reader) {
  std::uint64_t at = 2;
  bool has_frame = false;
  for (int i = 0; i < kMaxParts; ++i) {
    const std::string header = reader.read_all(at, at + 4);
    if (header.size() < 4) return reader.is_spent();
    if (header[0] != '\xFF') return false;
    const auto marker = static_cast<unsigned char>(header[1]);
    if (marker == 0xFF) {  // fill
      ++at;
      continue;
    }
    if (marker == 0xD8 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) {
      at += 2;
      continue;
    }
    if (marker < 0xC0 || marker == 0xD9) return false;
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    has_frame = has_frame || is_frame;
    at += 2 + big_endian(std::string_view(header).substr(2, 2));
    if (marker == 0xDA)  // what is coded holds no end of image by chance
      return has_frame && (reader.find("\xFF\xD9", at, reader.size_bytes()) || reader.is_spent());
  }
  return false;
}

bool is_whole_png(BlobReader& reader) {
  std::uint64_t at = 8;
  bool has_header = false, has_data = false;
  for (int i = 0; i < kMaxParts; ++i) {
    const std::string header = reader.read_all(at, at + 8);
    if (header.size() < 8) return reader.is_spent() && has_header;
    const auto type = std::string_view(header).substr(4, 4);
    if (i == 0 && type != "IHDR") return false;
    has_header = true;
    has_data = has_data || type == "IDAT";
    at += 12 + big_endian(std::string_view(header).substr(0, 4));
    if (at > reader.size_bytes()) return false;
    if (type == "IEND") return has_data;
  }
  return false;
}

// Blocks up to the trailer (GIF89a, appendix A).
bool is_whole_gif(BlobReader& reader) {
  const auto byte_at = [&](std::uint64_t at) -> int {
    const std::string one = reader.read_all(at, at + 1);
    return one.empty() ? -1 : static_cast<unsigned char>(one[0]);
  };
  const auto palette_bytes = [](int flags) {
    return (flags & 0x80) != 0 ? std::uint64_t{3} << ((static_cast<unsigned>(flags) & 7U) + 1U) : 0;
  };
  const int flags = byte_at(10);
  if (flags < 0) return false;
  std::uint64_t at = 13 + palette_bytes(flags);
  bool has_image = false;
  for (int i = 0; i < kMaxParts; ++i) {
    const int block = byte_at(at);
    if (block < 0) return reader.is_spent() && has_image;
    if (block == 0x3B) return has_image;
    if (block == 0x2C) {
      has_image = true;
      const int of_image = byte_at(at + 9);
      if (of_image < 0) return false;
      at += 11 + palette_bytes(of_image);
    } else if (block == 0x21) {
      at += 2;
    } else {
      return false;
    }
    for (int part = 1; part != 0;) {
      part = byte_at(at);
      if (part < 0) return reader.is_spent() && has_image;
      at += 1 + static_cast<std::uint64_t>(part);
    }
  }
  return false;
}

bool is_whole_webp(BlobReader& reader) {
  const std::string head = reader.read_all(0, 30);
  if (head.size() < 30) return false;
  const auto first = std::string_view(head).substr(12, 4);
  if (first != "VP8 " && first != "VP8L" && first != "VP8X") return false;
  return 8 + little_endian(std::string_view(head).substr(4, 4)) <= reader.size_bytes();
}

// HEIC, HEIF, AVIF: its boxes, one of which describes the items, or the film that it is.
bool is_whole_boxes(BlobReader& reader) {
  std::uint64_t at = 0;
  bool has_items = false, has_data = false;
  for (int i = 0; i < kMaxParts && at < reader.size_bytes(); ++i) {
    const std::string header = reader.read_all(at, at + 16);
    if (reader.is_spent()) break;
    const bool is_open = header.size() >= 8 && big_endian(std::string_view(header).substr(0, 4)) == 0;
    const auto type = std::string_view(header).substr(0, 8).substr(std::min<std::size_t>(header.size(), 4));
    has_items = has_items || type == "meta" || type == "moov";
    has_data = has_data || type == "mdat" || type == "idat" || type == "meta";
    if (is_open) break;
    const auto box = read_box_header(header);
    // What is no box, behind all that a picture needs, is a maker's trailer.
    if (!box) return has_items && has_data;
    if (box->bytes > reader.size_bytes() - at) return false;
    at += box->bytes;
  }
  return has_items && has_data;
}

// The first directory, and that its strips or tiles lie within the file (TIFF 6.0).
class Tiff {
 public:
  explicit Tiff(BlobReader& reader) : reader_(reader), is_little_(reader.read_all(0, 1) == "I") {}

  bool is_whole() {
    const auto directory = number(4, 4);
    const auto entries = number(directory, 2);
    if (directory < 8 || entries == 0 || entries > 4'096) return false;
    bool has_width = false, has_height = false;
    Field offsets, sizes;
    for (std::uint64_t i = 0; i < entries; ++i) {
      const std::uint64_t at = directory + 2 + 12 * i;
      const auto tag = number(at, 2);
      const Field field{at, number(at + 2, 2), number(at + 4, 4)};
      has_width = has_width || tag == 256;
      has_height = has_height || tag == 257;
      if (tag == 273 || tag == 324) offsets = field;
      if (tag == 279 || tag == 325) sizes = field;
    }
    if (!is_good_ || !has_width || !has_height) return false;
    if (offsets.count == 0 || offsets.count != sizes.count) return false;
    for (std::uint64_t i = 0; i < std::min(offsets.count, kMaxStrips); ++i)
      if (item(offsets, i) + item(sizes, i) > reader_.size_bytes()) return false;
    return is_good_ || reader_.is_spent();
  }

 private:
  struct Field {
    std::uint64_t at = 0, type = 0, count = 0;
  };

  std::uint64_t number(std::uint64_t at, std::size_t bytes) {
    const std::string text = reader_.read_all(at, at + bytes);
    is_good_ = is_good_ && text.size() == bytes;
    return is_little_ ? little_endian(text) : big_endian(text);
  }
  std::uint64_t item(const Field& field, std::uint64_t index) {
    const std::size_t bytes = field.type == 3 ? 2 : 4;
    const bool is_here = field.count * bytes <= 4;
    return number((is_here ? field.at + 8 : number(field.at + 8, 4)) + index * bytes, bytes);
  }

  BlobReader& reader_;
  const bool is_little_;
  bool is_good_ = true;
};

}  // namespace

bool is_whole_picture(BlobReader& reader, MediaFormat format) {
  switch (format) {
    case MediaFormat::jpeg:
      return is_whole_jpeg(reader);
    case MediaFormat::png:
      return is_whole_png(reader);
    case MediaFormat::gif:
      return is_whole_gif(reader);
    case MediaFormat::webp:
      return is_whole_webp(reader);
    case MediaFormat::tiff:
      return Tiff(reader).is_whole();
    case MediaFormat::iso_picture:
      return is_whole_boxes(reader);
    case MediaFormat::unknown:
    case MediaFormat::container:
      break;
  }
  return false;
}

}  // namespace groundtruth::adapters
