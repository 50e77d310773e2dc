// Whether a picture is all there: its structure from the first byte to its end, never its pixels.
#pragma once

#include "workers/adapters/blob_reader.hpp"
#include "workers/adapters/media_sniff.hpp"

namespace groundtruth::adapters {

// False: cut, or nothing but a picture's first bytes. What follows the end of a picture is nobody's business:
// phones put films and second pictures there. Where looking would fetch more than the reader may, what was
// seen so far counts.
bool is_whole_picture(BlobReader& reader, MediaFormat format);

}  // namespace groundtruth::adapters
