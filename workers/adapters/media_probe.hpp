// Media by its own bytes: its first ones say what it can be, libavformat whether it is and how long it takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "workers/adapters/blob_reader.hpp"
#include "workers/ports/media_probe.hpp"

namespace groundtruth::adapters {

struct MediaProbeOptions {
  std::uint64_t max_fetched_bytes = std::uint64_t{64} << 20;  // of one object
  std::uint64_t max_text_bytes = std::uint64_t{1} << 20;      // a longer text is not taken for one
};

// What the bytes are, of the kinds in workers/ports/media_kinds.hpp. nullopt: none of these, or broken.
// Parses what strangers wrote, in the calling process: the server has it done by a child
// (child_media_probe.hpp). Throws what the reader throws. init_libav() comes first.
std::optional<ports::MediaFacts> inspect_media(BlobReader& reader, std::uint64_t max_text_bytes);

// The same within this process: for tests, which look at files of their own making. Thread-safe.
class LibMediaProbe final : public ports::MediaProbe {
 public:
  explicit LibMediaProbe(MediaProbeOptions options = {});

  using ports::MediaProbe::probe;
  std::optional<ports::MediaFacts> probe(ports::BlobStore& store, std::string_view key,
                                         std::stop_token stop) override;

 private:
  const MediaProbeOptions options_;
};

}  // namespace groundtruth::adapters
