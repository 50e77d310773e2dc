// The common parts of handlers (api/common/exchange.hpp).
#include "api/common/exchange.hpp"

#include <algorithm>

#include "api/common/etag.hpp"
#include "api/common/header_lists.hpp"
#include "api/http/async.hpp"

namespace groundtruth::api {
namespace {

// False where it takes too long, or will never be.
http::Async<bool> reach(const Exchange& exchange, const http::Request& request, journal::Position position) {
  const auto deadline =
      std::min(exchange.clock.steady() + exchange.position_wait, deadline_of(exchange, request));
  auto begin = [&](auto done) { exchange.node.when_reached(position, deadline, std::move(done)); };
  const bool is_reached = co_await http::await_callback<bool>(std::move(begin));
  co_return is_reached;
}

}  // namespace

Intent read_intent(const RequestHasher& hasher, const http::Request& request) {
  Intent intent;
  if (auto errors = refuse_query(request); !errors.empty()) {
    intent.problem = wrong_fields(std::move(errors));
    return intent;
  }
  IdempotencyHeader header = read_idempotency(request, hasher);
  if (header.malformed) intent.problem = malformed_key();
  intent.keyed = std::move(header.keyed);
  return intent;
}

Problem malformed_key() {
  return wrong_field("Idempotency-Key", "invalid_value",
                     "must be 1 to 255 printable ASCII characters, bare or in double quotes, given once");
}

std::chrono::steady_clock::time_point deadline_of(const Exchange& exchange, const http::Request& request) {
  return request.deadline - exchange.answer_margin;
}

http::Async<journal::Answer> execute(const Exchange& exchange, const http::Request& request, Sender sender,
                                     Order order) {
  JournalBudget::Share share;
  if (exchange.budget != nullptr) {
    auto taken = exchange.budget->take(sender.actor, request.remote_address, request.body.size());
    if (taken.refused_for.count() > 0) {
      journal::Answer refused;
      refused.over_budget = taken.refused_for;
      co_return refused;
    }
    share = std::move(taken.share);
  }
  journal::Submission submission;
  submission.id = domain::new_id<domain::CommandId>("cmd_", exchange.clock.now(), sender.bucket,
                                                    exchange.randomness.bits());
  submission.partition = journal::partition_of(sender.topic, sender.bucket);
  submission.actor = std::move(sender.actor);
  submission.keyed = std::move(order.keyed);
  submission.expected = std::move(order.expected);
  submission.answer_when = order.answer_when;
  submission.command = std::move(order.command);
  submission.deadline = deadline_of(exchange, request);
  auto begin = [&](auto done) {
    submission.done = std::move(done);
    exchange.node.submit(std::move(submission));
  };
  journal::Answer answer = co_await http::await_callback<journal::Answer>(std::move(begin));
  share.settle(answer);
  co_return answer;
}

http::Response written(int status, std::string body, const journal::Answer& answer) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  note_position(response, answer);
  note_replay(response, answer);
  return response;
}

void note_position(http::Response& response, const journal::Answer& answer) {
  if (!answer.commit) return;
  response.header("Journal-Position",
                  journal::to_string(journal::Position{answer.partition, answer.commit->seq}));
}

void note_replay(http::Response& response, const journal::Answer& answer) {
  if (answer.replayed) response.header("Idempotent-Replayed", "true");
}

http::Async<std::optional<Problem>> catch_up(const Exchange& exchange, const http::Request& request,
                                             std::optional<journal::Position> answered) {
  if (answered) {
    const bool is_reached = co_await reach(exchange, request, *answered);
    if (!is_reached)
      co_return unavailable(
          "This server has not caught up with the latest changes yet. Try again in a moment.");
  }
  const auto header = request.headers.find("Journal-Position");
  if (!header) co_return std::nullopt;
  const auto position = journal::parse_position(*header);
  if (!position) co_return wrong_field("Journal-Position", "invalid_value", "must be like tasks.3.1234");
  const bool is_reached = co_await reach(exchange, request, *position);
  if (!is_reached) co_return unavailable("This server has not seen that Journal-Position yet.");
  co_return std::nullopt;
}

http::Async<void> catch_up_with_all(journal::Node& node, const journal::Clock& clock) {
  constexpr std::chrono::milliseconds not_for_long{1'000};
  const auto deadline = clock.steady() + not_for_long;
  std::vector<journal::Position> told;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    if (const auto position = node.answered_ahead(journal::partition_at(i))) told.push_back(*position);
  for (const auto& position : told) {
    auto begin = [&](auto done) { node.when_reached(position, deadline, std::move(done)); };
    co_await http::await_callback<bool>(std::move(begin));
  }
}

http::Response ok(std::string body) {
  http::Response response;
  response.body = std::move(body);
  return response;
}

http::Response versioned(const http::Request& request, std::uint32_t version) {
  http::Response response;
  response.header("ETag", etag_of(version));
  const auto known = list_of(request.headers, "If-None-Match");
  if (known && none_match_hits(*known, version)) response.status = 304;
  return response;
}

}  // namespace groundtruth::api
