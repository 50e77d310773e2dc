// A commit's place as one number: rows of a partition stand together, in the order of its chain.
#pragma once

#include <cstdint>

#include "journal/position.hpp"

namespace groundtruth::projections {

// 7 bits of partition and 40 of seq: SQLite stores it in six bytes.
inline constexpr int kSeqBits = 40;
static_assert(journal::kPartitionTotal <= 128);

constexpr std::int64_t place_of(journal::Partition partition, std::uint64_t seq) {
  return static_cast<std::int64_t>(journal::index_of(partition) << kSeqBits | seq);
}
constexpr std::uint64_t seq_of(std::int64_t place) {
  return static_cast<std::uint64_t>(place) & ((std::uint64_t{1} << kSeqBits) - 1);
}

}  // namespace groundtruth::projections
