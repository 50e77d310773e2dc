// What a container of video or audio says of itself, read with libavformat: headers and packets, never a
// decoder.
#pragma once

#include <cstdint>
#include <optional>

#include "workers/adapters/blob_reader.hpp"

namespace groundtruth::adapters {

struct ContainerFacts {
  bool has_video = false;  // moving pictures; a cover is none
  bool has_audio = false;
  std::optional<std::int64_t> duration_ms;
};

// Before any other use: errors in what is read are ordinary here and not to be printed, and no table that a
// file claims to have may take all memory. Both are settings of the whole process, which has no other use for
// libav.
void init_libav();

// `demuxer` is libavformat's short name for the one that reads it: no other is tried. nullopt: not such a
// container, or a broken one. No file but this object and no network is ever opened. Throws BlobStoreError.
//
// The duration is what the header says; without one, what all packets add up to; for Matroska and WebM, which
// browsers record without one, and transport streams, which have none, the time of the last packets. nullopt
// where too much would have to be read.
std::optional<ContainerFacts> inspect_container(BlobReader& reader, const char* demuxer);

}  // namespace groundtruth::adapters
