// What queries answer with: aggregates as the domain knows them, with the version of their stream.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace groundtruth::projections {

template <class State>
struct Versioned {
  State state;
  std::uint32_t version = 0;  // of the stream: the number of its events
};

// A part of a list. `items` and `total` are of one snapshot.
template <class State>
struct Page {
  std::vector<Versioned<State>> items;
  std::uint64_t total = 0;  // of the whole list under the same filter
  bool more = false;        // there are items behind the last one
};

// No query gives more items at once (CONTRACTS, "Pagination"); a larger limit is an error of the caller.
inline constexpr std::uint32_t kMaxPage = 100;
inline void check_limit(std::uint32_t limit) {
  if (limit < 1 || limit > kMaxPage) throw std::logic_error("a page holds 1 to 100 items");
}

}  // namespace groundtruth::projections
