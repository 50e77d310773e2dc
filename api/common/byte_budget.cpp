// See byte_budget.hpp.
#include "api/common/byte_budget.hpp"

#include <algorithm>
#include <numeric>

namespace groundtruth::api {

// Such that no part of any window has a number below 0, however lately the machine began to count.
std::int64_t ByteBudget::now_ms() const {
  const auto counted =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady().time_since_epoch());
  return (options_.window + counted).count();
}

ByteBudget::Window& ByteBudget::window_of(std::string_view subject, std::int64_t part) {
  const auto known = by_subject_.find(subject);
  if (known == by_subject_.end()) {
    if (recent_.size() >= options_.max_subjects) {
      by_subject_.erase(recent_.back().subject);
      recent_.pop_back();
    }
    recent_.push_front({std::string(subject), part, {}});
    by_subject_.emplace(recent_.front().subject, recent_.begin());
  } else {
    recent_.splice(recent_.begin(), recent_, known->second);
  }
  Window& window = recent_.front();
  for (std::int64_t gone = std::max(window.part, part - kParts) + 1; gone <= part; ++gone)
    window.bytes[static_cast<std::size_t>(gone % kParts)] = 0;
  window.part = std::max(window.part, part);
  return window;
}

ByteBudget::Answer ByteBudget::take(std::string_view subject, std::int64_t bytes) {
  const std::int64_t now = now_ms(), part = now / part_ms();
  const std::lock_guard lock(mutex_);
  Window& window = window_of(subject, part);
  const auto in = [&](std::int64_t number) -> std::int64_t& {
    return window.bytes[static_cast<std::size_t>(number % kParts)];
  };
  Answer answer;
  answer.left_bytes =
      options_.bytes - std::accumulate(window.bytes.begin(), window.bytes.end(), std::int64_t{0});
  if (bytes <= answer.left_bytes) {
    in(part) += bytes;
    answer.left_bytes -= bytes;
    return answer;
  }
  answer.allowed = false;
  // The oldest parts leave first: after which of them is there room?
  std::int64_t left = answer.left_bytes, oldest = part - kParts + 1;
  while (oldest < part && left + in(oldest) < bytes) left += in(oldest++);
  const std::int64_t wait_ms = std::max<std::int64_t>((oldest + kParts) * part_ms() - now, 1);
  answer.left_bytes = std::max<std::int64_t>(answer.left_bytes, 0);
  answer.available_at = {clock_.now().ms + wait_ms};
  answer.retry_after = std::chrono::seconds((wait_ms + 999) / 1'000);
  return answer;
}

void ByteBudget::give_back(std::string_view subject, std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  Window& window = window_of(subject, now_ms() / part_ms());
  // Into the newest part, and what that has not got into the one before it: it was taken a moment ago.
  for (std::int64_t age = 0; age < 2 && bytes > 0; ++age) {
    auto& there = window.bytes[static_cast<std::size_t>((window.part + kParts - age) % kParts)];
    const std::int64_t back = std::min(there, bytes);
    there -= back;
    bytes -= back;
  }
}

}  // namespace groundtruth::api
