// How many requests somebody may make: a sliding window by subject (a key, an account, an address), in memory
// only.
//
// The window is cut into 60 slices; a request counts until its slice has left, so never longer than one
// window. (Two weighted buckets would be smaller, but after a burst they ask for up to two windows of
// patience.) A refused request does not count: who keeps knocking is not locked out for good.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/http/message.hpp"
#include "domain/values.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

struct RateLimit {
  std::uint32_t requests = 600;  // per window; at least 1
  std::chrono::milliseconds window{60'000};
  bool enforced = true;               // false: counts and reports, and never refuses
  std::size_t max_subjects = 16'384;  // 300 bytes each; above it the longest unseen is forgotten
};

struct RateState {
  bool allowed = true;
  std::uint32_t limit = 0;
  std::uint32_t remaining = 0;
  domain::Timestamp reset;              // when the window allows the full number again
  std::chrono::seconds retry_after{0};  // at least 1 where refused
  std::optional<std::int64_t> counted;  // for give_back: the slice in which this request was counted
};

// Thread-safe; subjects are spread over independently locked shards. Never throws for what a client sends.
class RateLimiter {
 public:
  RateLimiter(RateLimit limit, const journal::Clock& clock);

  RateState take(std::string_view subject);  // counts this request where it is allowed
  // The same for one that has a limit of its own: so many requests a window, at least 1.
  RateState take(std::string_view subject, std::uint32_t requests);
  RateState look(std::string_view subject);  // would one more be allowed? counts nothing

  // What is limited is often known only afterwards (was the key wrong?). It is then taken before, so that
  // of many at once no more pass than the limit says, and given back where it turned out not to count.
  void give_back(std::string_view subject, const RateState& taken);

 private:
  static constexpr std::int64_t kSlices = 60;
  struct Window {
    std::string subject;
    std::int64_t slice = 0;  // the newest one, counted from the steady clock's beginning
    std::uint32_t total = 0;
    std::array<std::uint32_t, kSlices> counts{};  // by slice number modulo kSlices
  };
  using Recent = std::list<Window>;  // most recently seen first
  struct Shard {
    std::mutex mutex;
    Recent recent;
    std::unordered_map<std::string_view, Recent::iterator> by_subject;  // keys live in the list
  };
  static constexpr std::size_t kShards = 16;

  RateState measure(std::string_view subject, std::uint32_t requests, bool count);
  Window& window_of(Shard& shard, std::string_view subject, std::int64_t slice);
  RateState state_of(const Window& window, std::uint32_t requests, std::int64_t now_ms) const;

  RateLimit limit_;
  std::int64_t slice_ms_;
  const journal::Clock& clock_;
  std::array<Shard, kShards> shards_;
};

// Who counts as one address: an IPv4 address, or the /64 network of an IPv6 address, since one customer has
// all of it.
std::string address_subject(std::string_view textual_ip);

// X-RateLimit-Limit, -Remaining, -Reset (Unix seconds).
void add_rate_headers(http::Response& response, const RateState& state);

}  // namespace groundtruth::api
