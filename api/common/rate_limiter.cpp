// See rate_limiter.hpp.
#include "api/common/rate_limiter.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace groundtruth::api {
namespace {

std::int64_t steady_ms(const journal::Clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady().time_since_epoch()).count();
}

constexpr std::int64_t kMsPerSecond = 1'000;

}  // namespace

RateLimiter::RateLimiter(RateLimit limit, const journal::Clock& clock) : limit_(limit), clock_(clock) {
  limit_.requests = std::max<std::uint32_t>(limit_.requests, 1);
  limit_.max_subjects = std::max(limit_.max_subjects, kShards);
  slice_ms_ = std::max<std::int64_t>(limit_.window.count() / kSlices, 1);
}

RateState RateLimiter::take(std::string_view subject) {
  return measure(subject, limit_.requests, true);
}
RateState RateLimiter::take(std::string_view subject, std::uint32_t requests) {
  return measure(subject, requests, true);
}
RateState RateLimiter::look(std::string_view subject) {
  return measure(subject, limit_.requests, false);
}

RateState RateLimiter::measure(std::string_view subject, std::uint32_t requests, bool count) {
  const std::int64_t now_ms = steady_ms(clock_);
  const std::int64_t slice = now_ms / slice_ms_;
  Shard& shard = shards_[std::hash<std::string_view>{}(subject) % kShards];
  const std::lock_guard lock(shard.mutex);
  if (!count && !shard.by_subject.contains(subject))
    return state_of(Window{{}, slice, 0, {}}, requests, now_ms);
  Window& window = window_of(shard, subject, slice);
  RateState state = state_of(window, requests, now_ms);
  if (!count || !state.allowed) return state;
  std::optional<std::int64_t> counted;
  if (window.total < requests) {  // where nothing is refused, the count stops at the limit
    ++window.counts[static_cast<std::size_t>(slice % kSlices)];
    ++window.total;
    counted = slice;
  }
  state = state_of(window, requests, now_ms);
  state.counted = counted;
  state.allowed = true;
  state.retry_after = {};
  return state;
}

// A window that was forgotten, or a slice that has left it, has nothing to give.
void RateLimiter::give_back(std::string_view subject, const RateState& taken) {
  if (!taken.counted) return;
  Shard& shard = shards_[std::hash<std::string_view>{}(subject) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_subject.find(subject);
  if (found == shard.by_subject.end()) return;
  Window& window = *found->second;
  std::uint32_t& count = window.counts[static_cast<std::size_t>(*taken.counted % kSlices)];
  if (*taken.counted <= window.slice - kSlices || count == 0) return;
  --count;
  --window.total;
}

// The subject's window, moved on to this slice; made, and the longest unseen one forgotten, where there is
// none.
RateLimiter::Window& RateLimiter::window_of(Shard& shard, std::string_view subject, std::int64_t slice) {
  const auto found = shard.by_subject.find(subject);
  if (found == shard.by_subject.end()) {
    if (shard.recent.size() >= limit_.max_subjects / kShards) {
      shard.by_subject.erase(shard.recent.back().subject);
      shard.recent.pop_back();
    }
    shard.recent.push_front(Window{std::string(subject), slice, 0, {}});
    shard.by_subject.emplace(shard.recent.front().subject, shard.recent.begin());
    return shard.recent.front();
  }
  shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
  Window& window = *found->second;
  const std::int64_t first_new = std::max(window.slice + 1, slice - kSlices + 1);
  for (std::int64_t left = first_new; left <= slice; ++left) {
    std::uint32_t& reused = window.counts[static_cast<std::size_t>(left % kSlices)];
    window.total -= reused;
    reused = 0;
  }
  window.slice = std::max(window.slice, slice);
  return window;
}

RateState RateLimiter::state_of(const Window& window, std::uint32_t requests, std::int64_t now_ms) const {
  RateState state;
  state.limit = requests;
  state.remaining = requests - std::min(window.total, requests);
  state.allowed = state.remaining > 0 || !limit_.enforced;
  std::int64_t free_again_ms = now_ms;
  std::int64_t first_free_ms = now_ms;
  if (window.total > 0) {
    const auto is_used = [&](std::int64_t slice) {
      return window.counts[static_cast<std::size_t>((slice + kSlices) % kSlices)] > 0;
    };
    std::int64_t newest = window.slice;
    while (!is_used(newest)) --newest;
    free_again_ms = (newest + kSlices) * slice_ms_;
    if (!state.allowed) {
      std::int64_t oldest = window.slice - kSlices + 1;
      while (!is_used(oldest)) ++oldest;
      first_free_ms = (oldest + kSlices) * slice_ms_;
    }
  }
  state.reset = {clock_.now().ms + free_again_ms - now_ms};
  if (!state.allowed)
    state.retry_after = std::chrono::seconds{
        std::max<std::int64_t>((first_free_ms - now_ms + kMsPerSecond - 1) / kMsPerSecond, 1)};
  return state;
}

std::string address_subject(std::string_view textual_ip) {
  std::string text(textual_ip.substr(0, textual_ip.find('%')));
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return text;
  char buffer[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    in_addr four{};
    std::memcpy(&four, six.s6_addr + 12, sizeof four);
    return inet_ntop(AF_INET, &four, buffer, sizeof buffer);
  }
  std::memset(six.s6_addr + 8, 0, 8);
  return std::string(inet_ntop(AF_INET6, &six, buffer, sizeof buffer)) + "/64";
}

void add_rate_headers(http::Response& response, const RateState& state) {
  constexpr std::int64_t second_ms = 1'000;
  response.header("X-RateLimit-Limit", std::to_string(state.limit));
  response.header("X-RateLimit-Remaining", std::to_string(state.remaining));
  response.header("X-RateLimit-Reset", std::to_string((state.reset.ms + second_ms - 1) / second_ms));
}

}  // namespace groundtruth::api
