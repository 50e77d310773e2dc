// A projection's content as one number: the same journal positions give the same digest, whether the file
// grew live or was rebuilt, in whatever batches.
#pragma once

#include <cstdint>
#include <string>

#include "projections/file.hpp"
#include "projections/projection.hpp"

namespace groundtruth::projections {

struct Digest {
  std::string hex;          // BLAKE2b-256, 64 digits
  std::uint64_t rows = 0;   // that went into it
  Checkpoints checkpoints;  // of the same snapshot
};

// Walks the whole file on one snapshot: seconds for millions of rows. Any thread; the connection is the
// caller's, e.g. of ReadPool::lease_lengthy. Throws sqlite::Error.
Digest digest_of(sqlite::Connection& connection, const Definition& definition);

}  // namespace groundtruth::projections
