// See command_outcome.hpp.
#include "api/common/command_outcome.hpp"

#include <utility>

#include "api/common/json_object.hpp"

namespace groundtruth::api {

http::Async<CommandOutcome> outcome_of(journal::Node& node, journal::Partition partition,
                                       domain::CommandId id, std::string account) {
  auto begin = [&](auto done) {
    node.command_state(partition, std::move(id), account,
                       [done](journal::CommandState state, journal::Answer answer) {
                         done(CommandOutcome{state, std::move(answer)});
                       });
  };
  CommandOutcome outcome = co_await http::await_callback<CommandOutcome>(std::move(begin));
  // A rejection without a commit was answered to whoever waited for it and stands nowhere.
  const auto& commit = outcome.answer.commit;
  if (outcome.state == journal::CommandState::done && (!commit || commit->actor.account != account))
    outcome.state = journal::CommandState::unknown;
  co_return outcome;
}

std::string render_command(const std::string& id, const CommandOutcome& outcome,
                           const std::function<std::string(const Problem&)>& render) {
  std::string body;
  ObjectWriter object(body);
  object.member("id", id);
  if (outcome.state == journal::CommandState::pending) {
    object.member("status", "pending").raw("journal_position", "null").raw("error", "null").end();
    return body;
  }
  const auto& answer = outcome.answer;
  const bool is_rejected = answer.kind == journal::AnswerKind::rejected;
  object.member("status", is_rejected ? "rejected" : "accepted")
      .member("journal_position", journal::to_string(journal::Position{answer.partition, answer.commit->seq}))
      .raw("error", is_rejected ? render(problem_of(answer.rejection)) : "null")
      .end();
  return body;
}

}  // namespace groundtruth::api
