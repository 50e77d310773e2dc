// What the server counts, in Prometheus's text form. Request counts are gathered here; everything else is
// asked for when a scrape comes.
#pragma once

#include <prometheus/metric_family.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/http/server.hpp"

namespace groundtruth::ops {

// Upper bounds of the duration histogram, in seconds.
inline constexpr std::array kDurationBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                            0.25,   0.5,   1.0,    2.5,   5.0,  10.0,  30.0};

// Requests by surface, operation and status, and how long they took. Labels come from the routes table alone,
// so there are few of them and none holds an id. Thread-safe: threads write to shards of their own and meet
// only at a scrape.
class HttpMetrics {
 public:
  void record(const http::AccessEntry& entry);
  void collect(std::vector<prometheus::MetricFamily>& out) const;

 private:
  struct Series {
    std::string surface, operation;
    std::vector<std::pair<int, std::uint64_t>> by_status;
    std::array<std::uint64_t, kDurationBounds.size() + 1>
        durations{};  // the last one: longer than all bounds
    double seconds = 0;
    std::uint64_t request_bytes = 0, response_bytes = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, Series> series;
  };
  static constexpr std::size_t kShards = 8;

  std::array<Shard, kShards> shards_;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// Families with the samples that `add` gives them: the shape of everything that is only asked for at a
// scrape.
class Family {
 public:
  Family(std::vector<prometheus::MetricFamily>& out, prometheus::MetricType type, std::string name,
         std::string help);
  Family& add(double value, Labels labels = {});

 private:
  std::vector<prometheus::MetricFamily>& out_;
  std::size_t index_;
};
Family counter(std::vector<prometheus::MetricFamily>& out, std::string name, std::string help);
Family gauge(std::vector<prometheus::MetricFamily>& out, std::string name, std::string help);

// Memory, processor time, files and start of this process, under the names that every Prometheus client uses.
void collect_process(std::vector<prometheus::MetricFamily>& out);

std::string to_text(const std::vector<prometheus::MetricFamily>& families);
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace groundtruth::ops
