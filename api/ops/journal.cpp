// The journal for operators: where it stands, its commits byte for byte, and an audit of all of it.
#include "api/common/fields.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/journal_report.hpp"
#include "api/ops/node_calls.hpp"
#include "api/ops/verify_report.hpp"

namespace groundtruth::ops {

Async<Response> journal_stat(Services& services, Request&) {
  const journal::NodeStatus status = co_await node_status(services.node);
  JournalStat stat;
  for (const auto& partition : status.partitions)
    if (partition.exists)
      stat.partitions.push_back(
          partition_stat(partition.partition, {true, partition.seq, partition.id}, partition.orphans));
  co_return json(200, stat);
}

Async<Response> journal_cat(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto raw = query.text("raw");
  if (raw && *raw != "true" && *raw != "false") query.fail("raw", "invalid_value", "must be true or false");
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);
  const auto partition = journal::parse_partition(std::string(request.param("topic")) + '/' +
                                                  std::string(request.param("partition")));
  if (!partition)
    co_return error(404, "partition_not_found", "there is no such partition; GET /ops/journal lists them");
  Response response;
  response.content_type = "application/x-ndjson";
  response.header("Cache-Control", "no-store");
  auto stream = std::make_shared<CommitStream>(services.journal, *partition, raw == "true");
  response.next_chunk = [stream](std::string& chunk) { return stream->next(chunk); };
  co_return response;
}

Async<Response> journal_verify(Services& services, Request&) {
  co_return services.jobs.stream(
      [&services](Report& report) { verify_live(services.journal, services.codec, report); });
}

}  // namespace groundtruth::ops
