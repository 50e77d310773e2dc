// Is it alive, is it ready, what does it count: /livez, /readyz, /metrics; and the table of public routes.
#include "api/http/async.hpp"
#include "api/ops/chain_time.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"

namespace groundtruth::ops {
namespace {

struct Live {
  bool live = true;
};
BOOST_DESCRIBE_STRUCT(Live, (), (live))

struct Ready {
  bool ready = false;
  std::vector<std::string> reasons;   // why not, for people
  std::vector<std::string> warnings;  // what works, and not as it should
  std::int64_t chain_ahead_seconds = 0;
};
BOOST_DESCRIBE_STRUCT(Ready, (), (ready, reasons, warnings, chain_ahead_seconds))

void collect_journal(std::vector<prometheus::MetricFamily>& out, const journal::NodeStatus& status) {
  std::uint64_t commits = 0, lag_max = 0;
  auto orphans =
      counter(out, "groundtruth_journal_orphans_total", "Records that the chain rule did not accept");
  for (std::size_t topic = 0; topic < journal::kTopics.size(); ++topic) {
    double sum = 0;
    for (const auto& partition : status.partitions)
      if (partition.partition.topic == journal::kTopics[topic]) sum += static_cast<double>(partition.orphans);
    orphans.add(sum, {{"topic", std::string(journal::to_string(journal::kTopics[topic]))}});
  }
  auto lag =
      gauge(out, "groundtruth_projection_lag_commits", "Accepted commits that read models do not have yet");
  std::size_t halted = 0;
  std::array<double, journal::kTopics.size()> lag_of{};
  for (const auto& partition : status.partitions) {
    if (!partition.exists) continue;
    commits += partition.seq + 1;
    const auto behind = partition.seq > partition.projected_seq ? partition.seq - partition.projected_seq : 0;
    lag_of[static_cast<std::size_t>(partition.partition.topic)] += static_cast<double>(behind);
    lag_max = std::max(lag_max, behind);
    if (!partition.halted.empty()) ++halted;
  }
  for (std::size_t topic = 0; topic < journal::kTopics.size(); ++topic)
    lag.add(lag_of[topic], {{"topic", std::string(journal::to_string(journal::kTopics[topic]))}});
  gauge(out, "groundtruth_projection_lag_commits_max", "The same of the partition that is furthest behind")
      .add(static_cast<double>(lag_max));
  gauge(out, "groundtruth_journal_accepted_commits", "Commits in the accepted history, genesis included")
      .add(static_cast<double>(commits));
  gauge(out, "groundtruth_journal_halted_partitions", "Partitions that stopped and wait for a person")
      .add(static_cast<double>(halted));
  gauge(out, "groundtruth_journal_in_flight", "Commands decided and not answered")
      .add(static_cast<double>(status.in_flight));
  counter(out, "groundtruth_journal_lost_rounds_total", "Speculations voided by another writer's commit")
      .add(static_cast<double>(status.lost_rounds));
  counter(out, "groundtruth_journal_recoveries_total", "Times that a pipeline was appended again")
      .add(static_cast<double>(status.recoveries));
  gauge(out, "groundtruth_ready", "1 while the node takes commands").add(status.ready ? 1 : 0);
}

void collect_connections(std::vector<prometheus::MetricFamily>& out, const http::Server::Counters& counters) {
  gauge(out, "groundtruth_http_connections", "Open connections of the public listener")
      .add(static_cast<double>(counters.connections_open));
  counter(out, "groundtruth_http_connections_total", "Connections taken by the public listener")
      .add(static_cast<double>(counters.connections_total));
  counter(out, "groundtruth_http_connections_refused_total", "Connections over a limit")
      .add(static_cast<double>(counters.connections_refused));
}

}  // namespace

Async<Response> livez(Services&, Request&) {
  co_return json(200, Live{});
}

Async<Response> readyz(Services& services, Request&) {
  const journal::NodeStatus status = co_await node_status(services.node);
  Ready ready{false, services.not_ready(), {}, 0};
  const auto ahead = chain_ahead(status, services.clock.now());
  ready.chain_ahead_seconds = ahead.count();
  if (ahead >= kChainAheadMatters) ready.warnings.push_back(chain_ahead_warning(ahead));
  if (!status.ready)
    ready.reasons.push_back(status.why_not.empty() ? "the journal is not read yet" : status.why_not);
  for (const auto& partition : status.partitions)
    if (!partition.halted.empty() && partition.halted != status.why_not)
      ready.reasons.push_back(journal::to_string(partition.partition) + " halted: " + partition.halted);
  ready.ready = ready.reasons.empty();
  // 404 is what HAProxy takes as "stopping: send no new requests; those under way finish".
  const int not_now = services.is_stopping() ? 404 : 503;
  co_return json(ready.ready ? 200 : not_now, ready);
}

Async<Response> metrics(Services& services, Request&) {
  const journal::NodeStatus status = co_await node_status(services.node);
  std::vector<prometheus::MetricFamily> families;
  services.http_metrics.collect(families);
  collect_connections(families, services.connections());
  collect_journal(families, status);
  gauge(families, "groundtruth_projection_backlog_commits", "Commits that wait for the projector")
      .add(static_cast<double>(services.projector.backlog()));
  gauge(families, "groundtruth_chain_ahead_seconds",
        "How far the history's time is ahead of this machine's clock")
      .add(static_cast<double>(chain_ahead(status, services.clock.now()).count()));
  services.more_metrics(families);
  collect_process(families);
  Response response;
  response.content_type = kMetricsType;
  response.body = to_text(families);
  co_return response;
}

Async<Response> routes(Services& services, Request&) {
  co_return json(200, services.routes);
}

}  // namespace groundtruth::ops
