// The feed, and taking and giving back a place of a task.
#include <array>
#include <charconv>

#include "api/common/command_outcome.hpp"
#include "api/common/json_object.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/render.hpp"
#include "api/worker/tasks.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kFeed = "feed";
constexpr std::array kTopicsOfWorkers = {journal::Topic::tasks, journal::Topic::workers};

// A place as the text that a cursor keeps.
std::string to_text(const projections::FeedPlace& place) {
  return std::to_string(place.reward_cents) + "." + std::to_string(place.created_ms) + "." +
         std::to_string(place.row);
}

std::optional<projections::FeedPlace> to_place(std::string_view text) {
  projections::FeedPlace place;
  for (auto* number : {&place.reward_cents, &place.created_ms, &place.row}) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
    if (read.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
    if (text.starts_with('.')) text.remove_prefix(1);
  }
  return place;
}

// What the worker may take, besides what `place` is for. A lease that the read models do not have yet counts;
// between the look for it and the look at them it may count twice, and never not at all.
domain::LeaseAllowance allowance(const Services& services, const domain::Worker& worker,
                                 const LeaseGate::Place& place) {
  constexpr std::uint32_t kMostFruitless = 64;  // by then the longest wait is reached
  std::int64_t unseen = 0;
  for (const auto& other : place.others()) {
    const auto shown = services.assignments.assignment(other.assignment);
    const bool is_seen = shown && other.lease > 0 && shown->state.lease >= other.lease;
    if (!is_seen) ++unseen;
  }
  const auto now = services.clock.now();
  auto record = services.assignments.lease_record(worker.id, now, kMostFruitless);
  if (record.held == 0)
    record.first_over = {now.ms + std::chrono::milliseconds(services.options.lease).count()};
  record.held += unseen;
  return domain::allowance_of(services.options.lease_rules, worker.level(), worker.trust(), record);
}

}  // namespace

http::Async<http::Response> get_feed(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  const domain::AccountId reader = account_of(caller.worker.id);
  QueryReader query(request);
  const auto limit = static_cast<std::uint32_t>(query.integer("limit", 1, 100).value_or(20));
  const auto modality = query.one_of<domain::Modality>("modality");
  std::optional<projections::FeedPlace> after;
  if (const auto text = query.text("cursor")) {
    const auto cursor = services.cursors.decode(kFeed, reader, *text);
    if (cursor) after = to_place(cursor->after);
    if (!after) query.fail("cursor", "invalid_value", "must be a next_cursor of this list");
  }
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  // What a worker took is not offered again; where that cannot be seen in time, taking it twice is refused.
  co_await catch_up_with_all(services.exchange.node, services.clock);
  const domain::Timestamp now = services.clock.now();
  const auto may_take = [&](const domain::Task& task) {
    return !task.closed_to_work(now) &&
           !services.assignments.is_held(assignment_of(task.id, caller.worker.id));
  };
  const auto page = services.feed.page(caller.worker.offer, after, limit, may_take, modality);
  std::string body;
  ObjectWriter object(body);
  object.head("tasks");
  body += '[';
  for (std::size_t i = 0; i < page.tasks.size(); ++i) {
    if (i > 0) body += ',';
    append_feed_item(body, page.tasks[i]);
  }
  body += ']';
  journal::codec::Nullable<std::string> next;
  if (page.next) next = {services.cursors.encode(kFeed, reader, {to_text(*page.next), 1})};
  object.member("next_cursor", next).end();
  co_return ok(std::move(body));
}

http::Async<http::Response> accept_task(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  if (auto refused = refuse_body(request)) co_return std::move(*refused);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));

  const auto& id = task->state.id;
  domain::AcceptTask command{
      assignment_of(id, caller.worker.id), id, caller.worker.id,
      std::chrono::milliseconds(services.options.lease).count(),
      domain::suits(caller.worker.offer, task->state.modalities, task->state.requirements)};
  LeaseGate::Place place(services.lease_gate, caller.worker.id.value, command.assignment);
  command.allowance = allowance(services, caller.worker, place);
  if (command.allowance->refusal(services.clock.now())) {
    // Work that was just submitted, or a lease that just ended, may not be in the read models yet.
    co_await catch_up_with_all(services.exchange.node, services.clock);
    command.allowance = allowance(services, caller.worker, place);
  }
  Order order{std::move(command), std::move(intent.keyed), std::nullopt, journal::AnswerWhen::durable};
  Sender sender = sender_to(caller, id);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind == journal::AnswerKind::unknown) place.keep(0);
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  if (const auto* granted = answer.commit->find<domain::LeaseGranted>()) place.keep(granted->lease);
  co_return written(200, render_accepted(*answer.commit), answer);
}

http::Async<http::Response> release_task(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  if (auto refused = refuse_body(request)) co_return std::move(*refused);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));

  const auto& id = task->state.id;
  Order order{domain::ReleaseTask{assignment_of(id, caller.worker.id), id}, std::move(intent.keyed),
              std::nullopt};
  Sender sender = sender_to(caller, id);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_released(*answer.commit), answer);
}

// A worker's commands are in the chain of the task that they are about, or in the worker's own.
http::Async<http::Response> get_command(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const std::string id(request.param("id"));
  const auto bucket = domain::is_id(id, "cmd_") ? domain::bucket_of(id) : std::nullopt;
  if (!bucket) co_return to_response(no_such("command"));
  for (const auto topic : kTopicsOfWorkers) {
    const auto partition = journal::partition_of(topic, *bucket);
    const auto told = services.exchange.node.answered_ahead(partition);
    const auto behind = co_await catch_up(services.exchange, request, told);
    if (behind) co_return to_response(*behind);
    domain::CommandId command{id};
    const CommandOutcome outcome = co_await outcome_of(services.exchange.node, partition, std::move(command),
                                                       caller_of(request).worker.id.value);
    if (outcome.state == journal::CommandState::unknown) continue;
    co_return ok(
        render_command(id, outcome, [](const Problem& problem) { return to_response(problem).body; }));
  }
  co_return to_response(no_such("command"));
}

}  // namespace groundtruth::api::worker
