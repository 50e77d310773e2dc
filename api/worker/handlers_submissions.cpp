// What became of a worker's own submission, and contesting its rejection.
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/render.hpp"
#include "api/worker/tasks.hpp"

namespace groundtruth::api::worker {

http::Async<http::Response> get_submission(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));
  const Sender sender = sender_to(caller, task->state.id);
  const auto told = services.exchange.node.answered_ahead(journal::partition_of(sender.topic, sender.bucket));
  const auto behind = co_await catch_up(services.exchange, request, told);
  if (behind) co_return to_response(*behind);
  const auto found = services.assignments.assignment(assignment_of(task->state.id, caller.worker.id));
  if (!found || !found->state.has_submission()) co_return to_response(no_such("submission"));
  http::Response response = versioned(request, found->version);
  if (response.status == 200) response.body = render_submission(found->state);
  co_return response;
}

http::Async<http::Response> contest_rejection(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  if (auto refused = refuse_body(request)) co_return std::move(*refused);
  const std::string id(request.param("id"));
  std::optional<projections::Versioned<domain::Assignment>> found;
  if (domain::is_id(id, "sub_")) {
    // It may have been answered a moment ago.
    const auto bucket = domain::bucket_of(id).value_or(domain::Bucket{});
    const auto told =
        services.exchange.node.answered_ahead(journal::partition_of(journal::Topic::tasks, bucket));
    const auto behind = co_await catch_up(services.exchange, request, told);
    if (behind) co_return to_response(*behind);
    found = services.assignments.of_submission(domain::SubmissionId{id});
  }
  if (!found || found->state.worker != caller.worker.id) co_return to_response(no_such("submission"));

  const auto& assignment = found->state;
  domain::ContestSubmission command{assignment.id, assignment.task, caller.worker.id, assignment.submission};
  Order order{std::move(command), std::move(intent.keyed), std::nullopt};
  Sender sender = sender_to(caller, assignment.task);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_contested(*answer.commit), answer);
}

}  // namespace groundtruth::api::worker
