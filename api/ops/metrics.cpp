// See metrics.hpp.
#include "api/ops/metrics.hpp"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>
#include <tuple>

namespace groundtruth::ops {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric metric_with(Labels labels) {
  ClientMetric metric;
  for (auto& [name, value] : labels) metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

// Seconds since 1970 at which this process started, from the kernel's own count of ticks since boot.
double start_time_seconds() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  const auto after_name = line.rfind(')');  // the name may hold spaces and parentheses
  if (after_name == std::string::npos) return 0;
  std::istringstream fields(line.substr(after_name + 2));
  std::string field;
  for (int i = 0; i < 20 && fields >> field; ++i) {
  }
  std::ifstream all("/proc/stat");
  for (std::string name; all >> name;) {
    if (name == "btime") {
      double boot = 0;
      all >> boot;
      return boot + std::atof(field.c_str()) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    all.ignore(1 << 16, '\n');
  }
  return 0;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

Family::Family(std::vector<MetricFamily>& out, MetricType type, std::string name, std::string help)
    : out_(out), index_(out.size()) {
  out.push_back(MetricFamily{std::move(name), std::move(help), type, {}});
}

Family& Family::add(double value, Labels labels) {
  auto metric = metric_with(std::move(labels));
  auto& family = out_[index_];
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
  return *this;
}

Family counter(std::vector<MetricFamily>& out, std::string name, std::string help) {
  return {out, MetricType::Counter, std::move(name), std::move(help)};
}
Family gauge(std::vector<MetricFamily>& out, std::string name, std::string help) {
  return {out, MetricType::Gauge, std::move(name), std::move(help)};
}

void HttpMetrics::record(const http::AccessEntry& entry) {
  thread_local const std::size_t shard_of_thread =
      std::hash<std::thread::id>{}(std::this_thread::get_id()) % kShards;
  thread_local std::string key;
  key.assign(entry.surface).append(1, '\0').append(entry.operation);
  const double took = static_cast<double>(entry.duration.count()) / 1e6;
  const auto bound = std::lower_bound(kDurationBounds.begin(), kDurationBounds.end(), took);

  Shard& shard = shards_[shard_of_thread];
  const std::lock_guard lock(shard.mutex);
  auto found = shard.series.find(key);
  if (found == shard.series.end())
    found = shard.series.emplace(key, Series{entry.surface, entry.operation, {}, {}, 0, 0, 0}).first;
  Series& series = found->second;
  const auto status = std::find_if(series.by_status.begin(), series.by_status.end(),
                                   [&](const auto& each) { return each.first == entry.status; });
  if (status == series.by_status.end()) {
    series.by_status.emplace_back(entry.status, 1);
  } else {
    ++status->second;
  }
  ++series.durations[static_cast<std::size_t>(bound - kDurationBounds.begin())];
  series.seconds += took;
  series.request_bytes += entry.request_bytes;
  series.response_bytes += entry.response_bytes;
}

void HttpMetrics::collect(std::vector<MetricFamily>& out) const {
  std::map<std::pair<std::string, std::string>, Series> all;
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t> by_status;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [key, series] : shard.series) {
      Series& sum = all[{series.surface, series.operation}];
      for (std::size_t i = 0; i < sum.durations.size(); ++i) sum.durations[i] += series.durations[i];
      sum.seconds += series.seconds;
      sum.request_bytes += series.request_bytes;
      sum.response_bytes += series.response_bytes;
      for (const auto& [status, count] : series.by_status)
        by_status[{series.surface, series.operation, status}] += count;
    }
  }

  auto requests =
      counter(out, "groundtruth_http_requests_total", "HTTP requests by surface, operation and status");
  for (const auto& [key, count] : by_status)
    requests.add(static_cast<double>(count), {{"surface", std::get<0>(key)},
                                              {"operation", std::get<1>(key)},
                                              {"status", std::to_string(std::get<2>(key))}});
  auto received = counter(out, "groundtruth_http_request_bytes_total", "Bytes of request bodies and heads");
  for (const auto& [key, series] : all)
    received.add(static_cast<double>(series.request_bytes),
                 {{"surface", key.first}, {"operation", key.second}});
  auto sent = counter(out, "groundtruth_http_response_bytes_total", "Bytes of responses");
  for (const auto& [key, series] : all)
    sent.add(static_cast<double>(series.response_bytes), {{"surface", key.first}, {"operation", key.second}});

  MetricFamily durations{"groundtruth_http_request_duration_seconds",
                         "From the first byte of a request to the last byte of its response",
                         MetricType::Histogram,
                         {}};
  for (const auto& [key, series] : all) {
    auto metric = metric_with({{"surface", key.first}, {"operation", key.second}});
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < kDurationBounds.size(); ++i) {
      cumulative += series.durations[i];
      metric.histogram.bucket.push_back({cumulative, kDurationBounds[i]});
    }
    metric.histogram.sample_count = cumulative + series.durations.back();
    metric.histogram.sample_sum = series.seconds;
    durations.metric.push_back(std::move(metric));
  }
  out.push_back(std::move(durations));
}

void collect_process(std::vector<MetricFamily>& out) {
  double virtual_pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  gauge(out, "process_resident_memory_bytes", "Resident memory size in bytes")
      .add(resident_pages * page_bytes);
  gauge(out, "process_virtual_memory_bytes", "Virtual memory size in bytes").add(virtual_pages * page_bytes);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  counter(out, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds")
      .add(seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::error_code ignored;
  std::size_t descriptors = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/self/fd", ignored);
       entry != std::filesystem::directory_iterator(); entry.increment(ignored))
    ++descriptors;
  gauge(out, "process_open_fds", "Number of open file descriptors").add(static_cast<double>(descriptors));
  static const double started = start_time_seconds();  // a constant of the process, not state
  gauge(out, "process_start_time_seconds", "Start time of the process since the Unix epoch in seconds")
      .add(started);
}

std::string to_text(const std::vector<MetricFamily>& families) {
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace groundtruth::ops
