// What a stored object really is, read from its own bytes and never from what a client says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::ports {

struct MediaFacts {
  std::string content_type;                 // one of kMediaKinds (media_kinds.hpp)
  std::optional<std::int64_t> duration_ms;  // of video and audio; nullopt where it has none
};

// Nothing was found out, and that is not the object's fault: asked again, it may do.
struct MediaProbeAway : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Thread-safe; blocks while it reads the object in parts, in constant memory.
class MediaProbe {
 public:
  virtual ~MediaProbe() = default;
  // nullopt: the bytes are not media of a known kind, or are broken, or cost too much to look at. Throws
  // BlobStoreError, and MediaProbeAway once `stop` was asked for.
  virtual std::optional<MediaFacts> probe(BlobStore& store, std::string_view key, std::stop_token stop) = 0;
  std::optional<MediaFacts> probe(BlobStore& store, std::string_view key) { return probe(store, key, {}); }
};

}  // namespace groundtruth::ports
