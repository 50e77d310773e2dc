// `groundtruth contest`: rejections that workers contest, by the operator API.
#include "app/commands.hpp"
#include "app/ops_views.hpp"
#include "app/terminal.hpp"

namespace groundtruth::app {
namespace {

ExitCode decide(const CommonOptions& common, const std::string& submission, const std::string& verb) {
  auto server = require_server(common.target);
  const auto decided = success(server.post("/ops/contests/" + escaped(submission) + "/" + verb));
  put(common.json ? decided : render_object(decided));
  return ExitCode::ok;
}

}  // namespace

ExitCode contest_list(const CommonOptions& common) {
  auto server = require_server(common.target);
  const auto all = all_pages(server, "/ops/contests", "contests", "submission");
  if (common.json)
    put(all + "\n");
  else
    put(render_list(all, "contests",
                    {"submission", "contested_at", "reward_cents", "task", "worker", "rejection_reason"}));
  return ExitCode::ok;
}

ExitCode contest_show(const CommonOptions& common, const std::string& submission) {
  auto server = require_server(common.target);
  const auto shown = success(server.get("/ops/contests/" + escaped(submission)));
  put(common.json ? shown : render_object(shown));
  return ExitCode::ok;
}

ExitCode contest_uphold(const CommonOptions& common, const std::string& submission) {
  return decide(common, submission, "uphold");
}

ExitCode contest_dismiss(const CommonOptions& common, const std::string& submission) {
  return decide(common, submission, "dismiss");
}

}  // namespace groundtruth::app
