// Read models for operators: list them, build them anew, take their digests.
#include "api/http/async.hpp"
#include "api/ops/aside.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"
#include "api/ops/projection_report.hpp"
#include "projections/rebuild.hpp"

namespace groundtruth::ops {
namespace {

struct Rebuilt {
  std::vector<std::string> rebuilt;
};
BOOST_DESCRIBE_STRUCT(Rebuilt, (), (rebuilt))

Heads heads_of(const journal::NodeStatus& status) {
  Heads heads;
  heads.fill(-1);
  for (const auto& partition : status.partitions)
    if (partition.exists)
      heads[journal::index_of(partition.partition)] = static_cast<std::int64_t>(partition.seq);
  return heads;
}

// True once the read models have every head that there is now.
Async<bool> reach_heads(Services* services, std::chrono::steady_clock::time_point deadline) {
  const journal::NodeStatus status = co_await node_status(services->node);
  for (const auto& partition : status.partitions) {
    if (!partition.exists || partition.projected_seq >= partition.seq) continue;
    const journal::Position head{partition.partition, partition.seq};
    const auto start = [services, head, deadline](auto done) {
      services->node.when_reached(head, deadline, done);
    };
    const bool reached = co_await http::await_callback<bool>(start);
    if (!reached) co_return false;
  }
  co_return true;
}

}  // namespace

Async<Response> projection_list(Services& services, Request&) {
  const journal::NodeStatus status = co_await node_status(services.node);
  co_return json(200, list_projections(services.projector, heads_of(status)));
}

Async<Response> projection_rebuild(Services& services, Request& request) {
  std::vector<std::string> known, wanted;
  for (const auto& status : services.projector.status()) known.push_back(status.name);
  const std::string name(request.param("name"));
  if (name.empty()) {
    wanted = known;
  } else if (std::find(known.begin(), known.end(), name) != known.end()) {
    wanted = {name};
  } else {
    co_return error(404, "projection_not_found",
                    "there is no such projection; GET /ops/projections lists them");
  }
  co_return services.jobs.stream([&services, wanted](Report& report) {
    projections::RebuildOptions options;
    options.cancel = &report.cancel_flag();
    options.progress = [&report](const projections::RebuildProgress& progress) {
      report.progress(progress.phase, progress.records, progress.records_known);
    };
    projections::rebuild(services.projector, services.journal, services.codec, wanted, options);
    report.result(journal::codec::to_json(Rebuilt{wanted}));
  });
}

Async<Response> projection_digest(Services& services, Request& request) {
  const bool reached = co_await reach_heads(&services, request.deadline);
  if (!reached) {
    auto late = error(503, "behind", "the read models did not catch up in time; /readyz says why");
    late.header("Retry-After", "5");
    co_return late;
  }
  const std::function<DigestReport()> work = [&services] { return digest_projections(services.projector); };
  const Outcome<DigestReport> outcome = co_await aside(&services.jobs, work);
  if (!outcome.value) co_return error(503, "unavailable", outcome.failure);
  co_return json(200, *outcome.value);
}

}  // namespace groundtruth::ops
