// One of the transfers that may run at once, given back by its end.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace groundtruth::api::media {

struct GiveBack {
  void operator()(std::atomic<std::size_t>* taken) const { --*taken; }
};
using Place = std::unique_ptr<std::atomic<std::size_t>, GiveBack>;

// nullptr: all are taken.
inline Place take_place(std::atomic<std::size_t>& running, std::size_t max) {
  std::size_t taken = running;
  while (taken < max) {
    if (running.compare_exchange_weak(taken, taken + 1)) return Place(&running);
  }
  return nullptr;
}

}  // namespace groundtruth::api::media
