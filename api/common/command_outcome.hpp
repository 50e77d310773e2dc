// What became of a command, for who was not told in time (JOURNAL, "Writer", 8).
#pragma once

#include <functional>
#include <string>

#include "api/common/problem.hpp"
#include "api/http/async.hpp"
#include "journal/node.hpp"

namespace groundtruth::api {

struct CommandOutcome {
  journal::CommandState state{};  // `unknown` also where it is another account's
  journal::Answer answer;         // where it is `done`; with its commit
};
http::Async<CommandOutcome> outcome_of(journal::Node& node, journal::Partition partition,
                                       domain::CommandId id, std::string account);

// Of one that is not `unknown`: {"id","status","journal_position","error"}; `render` words a refusal as the
// surface does.
std::string render_command(const std::string& id, const CommandOutcome& outcome,
                           const std::function<std::string(const Problem&)>& render);

}  // namespace groundtruth::api
