// The process beside the server that looks at media: `groundtruth media-probe`, hidden from the usage.
//
// The server starts it once, with nothing of its own in it: no key, no environment, no open file. It loads
// its libraries and waits. For each object it forks a child, which gives up what it still could do
// (media_sandbox.hpp) and parses one file, whose bytes it asks of the server piece by piece. So no child
// knows of another's file, and none can do more than answer wrongly about its own. The helper itself reads
// nothing of strangers. It ends with the server, and children end with it.
#pragma once

#include <functional>
#include <optional>

#include "workers/adapters/blob_reader.hpp"
#include "workers/adapters/media_sandbox.hpp"
#include "workers/ports/media_probe.hpp"

namespace groundtruth::adapters {

inline constexpr const char* kMediaHelperCommand = "media-probe";

using InspectMedia =
    std::function<std::optional<ports::MediaFacts>(BlobReader& reader, std::uint64_t max_text_bytes)>;

// The helper's main(), before which nothing else was started. Returns its exit code.
int run_media_helper(const SandboxLimits& limits, const InspectMedia& inspect);

}  // namespace groundtruth::adapters
