// The common parts of handlers (api/groundtruth/exchange.hpp).
#include "api/groundtruth/exchange.hpp"

#include <algorithm>

#include "api/http/async.hpp"

namespace groundtruth::api::groundtruth {
namespace {

constexpr std::chrono::seconds kRetrySoon{1};

}  // namespace

Intent read_intent(const Services& services, const http::Request& request) {
  Intent intent;
  if (auto errors = refuse_query(request); !errors.empty()) {
    intent.problem = wrong_fields(std::move(errors));
    return intent;
  }
  IdempotencyHeader header = read_idempotency(request, services.hasher);
  if (header.malformed)
    intent.problem =
        wrong_field("Idempotency-Key", "invalid_value",
                    "must be 1 to 255 printable ASCII characters, bare or in double quotes, given once");
  intent.keyed = std::move(header.keyed);
  return intent;
}

std::chrono::steady_clock::time_point deadline_of(const Services& services, const http::Request& request) {
  return request.deadline - services.options.answer_margin;
}

http::Async<journal::Answer> execute(Services& services, const http::Request& request, Order order) {
  const Caller& caller = caller_of(request);
  const Credential& credential = *caller.credential;
  journal::Submission submission;
  submission.id = domain::new_id<domain::CommandId>("cmd_", services.clock.now(), credential.bucket,
                                                    services.randomness.bits());
  submission.partition = caller.partition();
  submission.actor = {journal::ActorKind::api_key, credential.key.value, credential.account.value};
  submission.keyed = std::move(order.keyed);
  submission.expected = std::move(order.expected);
  submission.command = std::move(order.command);
  submission.deadline = deadline_of(services, request);
  auto begin = [&](auto done) {
    submission.done = std::move(done);
    services.node.submit(std::move(submission));
  };
  journal::Answer answer = co_await http::await_callback<journal::Answer>(std::move(begin));
  co_return answer;
}

http::Response written(int status, std::string body, const journal::Answer& answer) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.header("Journal-Position",
                  journal::to_string(journal::Position{answer.partition, answer.commit->seq}));
  if (answer.replayed) response.header("Idempotent-Replayed", "true");
  return response;
}

http::Response not_written(const journal::Answer& answer) {
  switch (answer.kind) {
    case journal::AnswerKind::accepted:
      break;  // every write of this surface makes events
    case journal::AnswerKind::rejected: {
      http::Response response = to_response(problem_of(answer.rejection));
      if (answer.replayed) response.header("Idempotent-Replayed", "true");
      return response;
    }
    case journal::AnswerKind::key_reused:
      return to_response(key_reused());
    case journal::AnswerKind::too_large:
      return to_response(too_large("This request would make a record that is too large."));
    case journal::AnswerKind::unavailable:
      return retry_later(unavailable("This cannot be written at the moment; nothing was done."), kRetrySoon);
    case journal::AnswerKind::unknown:
      return to_response(outcome_unknown(answer.command.value));
  }
  throw std::logic_error("a write was accepted without a commit");
}

http::Async<std::optional<http::Response>> await_position(Services& services, const http::Request& request) {
  const auto header = request.headers.find("Journal-Position");
  if (!header) co_return std::nullopt;
  const auto position = journal::parse_position(*header);
  if (!position)
    co_return to_response(wrong_field("Journal-Position", "invalid_value", "must be like tasks.3.1234"));
  const auto deadline =
      std::min(services.clock.steady() + services.options.position_wait, deadline_of(services, request));
  auto begin = [&](auto done) { services.node.when_reached(*position, deadline, std::move(done)); };
  const bool is_reached = co_await http::await_callback<bool>(std::move(begin));
  if (!is_reached)
    co_return retry_later(unavailable("This server has not seen that Journal-Position yet."), kRetrySoon);
  co_return std::nullopt;
}

http::Response ok(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace groundtruth::api::groundtruth
