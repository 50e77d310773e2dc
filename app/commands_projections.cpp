// `groundtruth projections`: list read models, build them anew, take their digests.
#include <cstdio>

#include "api/ops/projection_report.hpp"
#include "app/commands.hpp"
#include "app/offline.hpp"
#include "app/result_stream.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::app {
namespace {

ops::Heads heads_of(const journal::NodeStatus& status) {
  ops::Heads heads;
  heads.fill(-1);
  for (const auto& partition : status.partitions)
    if (partition.exists)
      heads[journal::index_of(partition.partition)] = static_cast<std::int64_t>(partition.seq);
  return heads;
}

}  // namespace

ExitCode projections_list(const CommonOptions& common) {
  ops::ProjectionList list;
  if (auto server = find_server(common.target)) {
    list = read_answer<ops::ProjectionList>(success(server->get("/ops/projections")));
  } else {
    const auto node = open_local_node(common.target);
    list = ops::list_projections(node->projector(), heads_of(node->status()));
  }
  if (common.json) {
    std::printf("%s\n", journal::codec::to_json(list).c_str());
    return ExitCode::ok;
  }
  Table table({{"PROJECTION"},
               {"VERSION", Table::Align::right},
               {"COMMITS", Table::Align::right},
               {"LAG", Table::Align::right},
               {"STATE"}});
  for (const auto& row : list.projections)
    table.add({row.name, std::to_string(row.version), grouped(row.commits), grouped(row.lag),
               row.failed.empty() ? "ok" : row.failed});
  std::fputs(table.render().c_str(), stdout);
  return ExitCode::ok;
}

ExitCode projections_rebuild(const CommonOptions& common, const std::string& name) {
  auto server = require_server(common.target);
  const std::string path =
      name.empty() ? "/ops/projections/rebuild" : "/ops/projections/" + name + "/rebuild";
  const auto json = run_streamed(server, path, name.empty() ? "rebuilding" : "rebuilding " + name);
  if (common.json) {
    std::printf("%s\n", json.c_str());
  } else {
    std::printf("rebuilt from the journal: %s\n",
                name.empty() ? "every projection" : printable(name).c_str());
  }
  return ExitCode::ok;
}

ExitCode projections_digest(const CommonOptions& common) {
  ops::DigestReport report;
  if (auto server = find_server(common.target)) {
    report = read_answer<ops::DigestReport>(success(server->get("/ops/projections/digest")));
  } else {
    const auto node = open_local_node(common.target);
    report = ops::digest_projections(node->projector());
  }
  if (common.json) {
    std::printf("%s\n", journal::codec::to_json(report).c_str());
    return ExitCode::ok;
  }
  Table table({{"PROJECTION"}, {"VERSION", Table::Align::right}, {"DIGEST"}});
  for (const auto& row : report.projections) table.add({row.name, std::to_string(row.version), row.digest});
  std::printf("journal %s\n%s", report.journal.c_str(), table.render().c_str());
  return ExitCode::ok;
}

}  // namespace groundtruth::app
