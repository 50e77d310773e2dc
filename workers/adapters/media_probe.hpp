// Media by its own bytes: libmagic says what it is, libavformat how long it takes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "workers/ports/media_probe.hpp"

namespace groundtruth::adapters {

class BlobReader;

struct MediaProbeOptions {
  std::uint64_t max_fetched_bytes = std::uint64_t{64} << 20;  // of one object
  std::uint64_t max_text_bytes = std::uint64_t{1} << 20;      // a longer text is not taken for one
};

// Thread-safe. Knows these, under these names and no others:
//
//   video/mp4, video/quicktime, video/webm, video/x-matroska
//   audio/mpeg, audio/mp4, audio/ogg, audio/wav, audio/webm, audio/flac, audio/aac
//   image/jpeg, image/png, image/webp, image/heic, image/heif, image/gif      by their first bytes alone
//   text/plain      all of it UTF-8 without control characters, whatever else it looks like
class LibMediaProbe final : public ports::MediaProbe {
 public:
  // Throws std::runtime_error when libmagic's own database cannot be read.
  explicit LibMediaProbe(MediaProbeOptions options = {});
  ~LibMediaProbe() override;

  std::optional<ports::MediaFacts> probe(ports::BlobStore& store, std::string_view key) override;

 private:
  struct Magic;

  std::string sniff(std::string_view first_bytes);
  bool is_text(BlobReader& reader) const;

  const MediaProbeOptions options_;
  std::mutex mutex_;  // libmagic's handle is for one thread at a time
  std::unique_ptr<Magic> magic_;
};

}  // namespace groundtruth::adapters
