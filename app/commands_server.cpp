// `groundtruth server`: what a running server says of itself.
#include "app/commands.hpp"
#include "app/ops_views.hpp"
#include "app/terminal.hpp"

namespace groundtruth::app {

// Done (0) where it is ready, failed (1) where it is not; it says why either way.
ExitCode server_status(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto answer = server.get("/readyz");
  put(common.json ? answer.body : render_object(answer.body));
  return answer.ok() ? ExitCode::ok : ExitCode::failed;
}

ExitCode server_live(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto live = success(server.get("/livez"));
  put(common.json ? live : render_object(live));
  return ExitCode::ok;
}

ExitCode server_metrics(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto metrics = success(server.get("/metrics"));
  put(metrics);
  return ExitCode::ok;
}

ExitCode server_routes(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto routes = success(server.get("/ops/routes"));
  put(common.json ? routes : render_list(routes, "", {"surface", "method", "path"}));
  return ExitCode::ok;
}

}  // namespace groundtruth::app
