// A commit's place as one number: rows of a partition stand together, in the order of its chain.
#pragma once

#include <cstdint>

#include "journal/position.hpp"
#include "projections/projection.hpp"

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
constexpr journal::Position position_of(std::int64_t place) {
  return {journal::partition_at(static_cast<std::size_t>(place >> kSeqBits)), seq_of(place)};
}

// For appliers: throws ApplyFailure when the chain is longer than 40 bits can count.
inline void check_countable(const journal::Accepted& accepted) {
  if (accepted.seq >> kSeqBits != 0)
    throw ApplyFailure(accepted.partition, accepted.seq,
                       "the chain is longer than this projection can count");
}

}  // namespace groundtruth::projections
