// What became of a command, for who was not told in time (JOURNAL, "Writer", 8).
#pragma once

#include <functional>
#include <string>

#include "api/common/problem.hpp"
#include "api/http/async.hpp"
#include "journal/node.hpp"

namespace groundtruth::api {

struct CommandOutcome {
  bool is_known = false;  // false: nobody has heard of it, or it is another account's
  bool is_pending = false;
  journal::Answer answer;  // where it is neither; with its commit
};
http::Async<CommandOutcome> outcome_of(journal::Node& node, journal::Partition partition,
                                       domain::CommandId id, std::string account);

// The known one's {"id","status","journal_position","error"}; `render` words a refusal as the surface does.
std::string render_command(const std::string& id, const CommandOutcome& outcome,
                           const std::function<std::string(const Problem&)>& render);

}  // namespace groundtruth::api
