// Rebuilds projections from the journal beside the live files, then puts the new files in their place.
//
// The live file goes on serving and being fed meanwhile. A build that a crash left half done is deleted at
// the next start. Several projections share one pass over the journal.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "journal/commit.hpp"
#include "journal/journal.hpp"
#include "projections/projector.hpp"

namespace groundtruth::projections {

struct RebuildProgress {
  std::uint64_t records = 0;        // read so far
  std::uint64_t records_known = 0;  // in the journal when last asked
  std::string phase;                // "loading", "indexing", "catching up", "swapping", "done"
};

struct RebuildOptions {
  std::size_t batch_commits = 16'384;  // one transaction of the build
  std::function<void(const RebuildProgress&)> progress = [](const RebuildProgress&) {};
  const std::atomic<bool>* cancel = nullptr;  // set it to give up: throws RebuildCancelled
};

struct RebuildCancelled : std::runtime_error {
  RebuildCancelled() : std::runtime_error("the rebuild was cancelled") {}
};

// Blocks until the new files serve; reads on a thread of its own and makes each file on another. Throws with
// the reason when the journal does not continue what the live files have seen, a commit cannot be read or
// applied, or the disk is full; the live files are then as before. One rebuild of a projection at a time: a
// second one throws.
void rebuild(Projector& projector, const journal::Journal& journal, const journal::CommitCodec& codec,
             const std::vector<std::string>& projections, RebuildOptions options = {});

// The same for every projection whose file is new (a changed version, a file that was moved aside), which the
// follower would otherwise feed from the beginning. Called before the follower starts. Returns their names.
std::vector<std::string> rebuild_empty(Projector& projector, const journal::Journal& journal,
                                       const journal::CommitCodec& codec, RebuildOptions options = {});

}  // namespace groundtruth::projections
