// What the operator API works with. The composition root fills it; everything outlives the server.
#pragma once

#include <prometheus/metric_family.h>

#include <atomic>
#include <boost/describe.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/common/bcrypt.hpp"
#include "api/http/server.hpp"
#include "api/ops/metrics.hpp"
#include "api/ops/streaming.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "projections/projector.hpp"

namespace groundtruth::ops {

struct RouteRow {
  std::string surface, method, path;
};
BOOST_DESCRIBE_STRUCT(RouteRow, (), (surface, method, path))

// What one account or worker may do, and has done of what is counted in a day or at a time. nullopt: does not
// apply.
struct LimitsView {
  std::string id;
  bool enforced = true;
  std::optional<std::uint32_t> key_per_minute, account_per_minute, worker_per_minute, logins_per_minute;
  std::uint64_t journal_bytes_per_day = 0, journal_bytes_used = 0;
  std::optional<std::uint64_t> max_unpaid_tasks, unpaid_tasks;
};
BOOST_DESCRIBE_STRUCT(LimitsView, (),
                      (id, enforced, key_per_minute, account_per_minute, worker_per_minute, logins_per_minute,
                       journal_bytes_per_day, journal_bytes_used, max_unpaid_tasks, unpaid_tasks))

struct Services {
  journal::Node& node;
  const journal::Journal& journal;
  const journal::CommitCodec& codec;
  projections::Projector& projector;
  journal::Clock& clock;
  journal::Randomness& randomness;
  api::Bcrypt& bcrypt;
  HttpMetrics& http_metrics;
  Jobs& jobs;
  journal::DataKey email_hash_key;
  std::string token;             // what callers of /ops/* show as a bearer
  std::vector<RouteRow> routes;  // of all surfaces

  std::function<LimitsView(const std::string& id)> limits_of = [](const std::string& id) {
    return LimitsView{id, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  };
  // A URL for an hour, for operators who decide on a contested submission. Thread-safe, as all here.
  std::function<std::string(const std::string& key)> media_url = [](const std::string&) {
    return std::string();
  };

  // Reasons of the process's own not to be ready: it starts, it stops. Thread-safe.
  std::function<std::vector<std::string>()> not_ready = [] { return std::vector<std::string>{}; };
  std::function<bool()> is_stopping = [] { return false; };  // thread-safe
  // Connections of the public server; zeroes before it listens. Thread-safe.
  std::function<http::Server::Counters()> connections = [] { return http::Server::Counters{}; };
  // Metrics of what only the composition root knows: the concrete journal, the access log. Thread-safe.
  std::function<void(std::vector<prometheus::MetricFamily>&)> more_metrics = [](auto&) {};
};

}  // namespace groundtruth::ops
