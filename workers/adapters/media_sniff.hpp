// What a file begins with: which kind it can be at most, and who is to read it.
//
// libmagic and libavformat's own probing look for this too; the first calls MP4 files of many makers unknown,
// the second tries three hundred demuxers, also on what stands behind the first bytes. Here what is two
// things at once is what its first bytes say.
#pragma once

#include <cstdint>
#include <string_view>

#include "workers/adapters/blob_reader.hpp"

namespace groundtruth::adapters {

enum class MediaFormat : std::uint8_t { unknown, container, jpeg, png, gif, webp, tiff, iso_picture };

struct Sniffed {
  MediaFormat format = MediaFormat::unknown;
  const char* demuxer = nullptr;  // of a container: libavformat's short name
  // Our names (workers/ports/media_kinds.hpp) for it with moving pictures, with sound alone, or as a picture.
  // "": not taken as that.
  std::string_view video, audio, picture;
};

Sniffed sniff(BlobReader& reader);

}  // namespace groundtruth::adapters
