// What a stored object really is, read from its own bytes and never from what a client says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::ports {

struct MediaFacts {
  std::string content_type;                 // by its first bytes: "video/mp4", "image/jpeg", …
  std::optional<std::int64_t> duration_ms;  // of video and audio; nullopt where it has none
};

// Thread-safe; blocks while it reads the object in parts, in constant memory. Throws BlobStoreError.
class MediaProbe {
 public:
  virtual ~MediaProbe() = default;
  // nullopt: the bytes are not media of a known kind, or are broken.
  virtual std::optional<MediaFacts> probe(BlobStore& store, std::string_view key) = 0;
};

}  // namespace groundtruth::ports
