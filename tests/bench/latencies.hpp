// What one run of a measuring client came to, as the JSON that bench.py reads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace bench {

using SteadyClock = std::chrono::steady_clock;

inline double ms_between(SteadyClock::time_point from, SteadyClock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// When the request with this number is due at `rate` a second. Waits are counted from there, not from when
// the client got to it: a client that is held up by a slow answer must not leave out the requests that it
// would have sent meanwhile (coordinated omission).
inline SteadyClock::time_point due(SteadyClock::time_point start, double rate, std::size_t number) {
  return start + std::chrono::duration_cast<SteadyClock::duration>(
                     std::chrono::duration<double>(static_cast<double>(number) / rate));
}

// `waits_ms` of what was finished. `unfinished`: begun, and neither finished nor failed at the end.
inline void print_result(std::vector<double> waits_ms, double seconds, std::size_t unfinished,
                         std::size_t errors) {
  std::sort(waits_ms.begin(), waits_ms.end());
  const auto percentile = [&](double share) {
    if (waits_ms.empty()) return 0.0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(waits_ms.size()));
    return waits_ms[std::min(at, waits_ms.size() - 1)];
  };
  std::printf(
      "{\"requests\":%zu,\"seconds\":%.6f,\"rate\":%.1f,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,"
      "\"unfinished\":%zu,\"errors\":%zu}\n",
      waits_ms.size(), seconds, seconds > 0 ? static_cast<double>(waits_ms.size()) / seconds : 0.0,
      percentile(0.5), percentile(0.99), waits_ms.empty() ? 0.0 : waits_ms.back(), unfinished, errors);
}

}  // namespace bench
