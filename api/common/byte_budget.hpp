// How many bytes somebody may bring within a day: a sliding window by subject, in memory only, as the limits
// of requests are (rate_limiter.hpp). It is reserved before, and given back where nothing came of it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/values.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api {

struct ByteBudgetOptions {
  std::int64_t bytes = std::int64_t{20} << 30;
  std::chrono::milliseconds window{86'400'000};  // cut into 48 parts, each of which leaves as a whole
  std::size_t max_subjects = 16'384;             // 500 bytes each; above it the longest unseen is forgotten
};

// Thread-safe.
class ByteBudget {
 public:
  ByteBudget(ByteBudgetOptions options, const journal::Clock& clock) : options_(options), clock_(clock) {}

  struct Answer {
    bool allowed = true;
    std::int64_t left_bytes = 0;
    domain::Timestamp available_at;       // where refused: when so much will be left
    std::chrono::seconds retry_after{0};  // likewise
  };
  Answer take(std::string_view subject, std::int64_t bytes);
  void give_back(std::string_view subject, std::int64_t bytes);  // what was taken a moment ago

 private:
  static constexpr std::int64_t kParts = 48;
  struct Window {
    std::string subject;
    std::int64_t part = 0;  // the newest one, counted from the steady clock's beginning
    std::array<std::int64_t, kParts> bytes{};
  };
  using Recent = std::list<Window>;  // most recently seen first

  std::int64_t now_ms() const;
  std::int64_t part_ms() const { return options_.window.count() / kParts; }
  Window& window_of(std::string_view subject, std::int64_t part);

  const ByteBudgetOptions options_;
  const journal::Clock& clock_;
  std::mutex mutex_;
  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_subject_;  // keys live in the list
};

}  // namespace groundtruth::api
