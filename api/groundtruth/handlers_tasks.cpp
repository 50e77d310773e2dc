// Tasks: create, list, read, cancel; and the outcome of a command (seed 000, CONTRACTS "groundtruth").
#include "api/groundtruth/handlers_tasks.hpp"

#include "api/common/command_outcome.hpp"
#include "api/common/etag.hpp"
#include "api/common/header_lists.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/exchange.hpp"
#include "api/groundtruth/paging.hpp"
#include "api/groundtruth/render.hpp"
#include "api/groundtruth/requests.hpp"
#include "api/groundtruth/resources.hpp"
#include "api/http/async.hpp"

namespace groundtruth::api::groundtruth {
namespace {

constexpr std::string_view kTaskList = "tasks";
constexpr std::string_view kCommandPrefix = "cmd_";
constexpr std::int64_t kSecondMs = 1'000;
constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::chrono::seconds kRetryPayments{5};

// A retry under the same idempotency key asks the payments provider for the same checkout. Its id is dated by
// the day, as the bits are, for a retry comes at another millisecond.
domain::CheckoutId checkout_id(Services& services, const Caller& caller,
                               const std::optional<journal::KeyedRequest>& keyed) {
  constexpr std::string_view prefix = "cko_";
  const domain::Bucket bucket = caller.credential->bucket;
  const domain::Timestamp now = services.clock.now();
  if (!keyed) return domain::new_id<domain::CheckoutId>(prefix, now, bucket, services.randomness.bits());
  const domain::Timestamp day{now.ms - now.ms % kDayMs};
  return domain::new_id<domain::CheckoutId>(prefix, day, bucket,
                                            services.hasher.stable_bits(caller.account().value, *keyed, now));
}

struct Checkout {
  std::optional<std::string> url;
  std::string reason;
};

http::Async<Checkout> make_checkout(Services& services, ports::CheckoutRequest wanted) {
  auto begin = [&](auto done) {
    services.payments.create_checkout(std::move(wanted),
                                      [done](std::optional<std::string> url, std::string reason) {
                                        done(Checkout{std::move(url), std::move(reason)});
                                      });
  };
  Checkout checkout = co_await http::await_callback<Checkout>(std::move(begin));
  co_return checkout;
}

// A place among the organization's unpaid tasks; none where there is no room. What was answered a moment ago,
// and the read models do not have yet, is counted too; it is waited for only where it decides.
http::Async<UnpaidTasks::Place> take_unpaid_place(Services& services, const http::Request& request) {
  const Caller& caller = caller_of(request);
  const projections::TaskFilter unpaid{caller.account(), domain::TaskStatus::funding, {}, {}};
  const std::uint64_t newest = services.unpaid.newest(caller.account());
  const auto told = services.node.answered_ahead(caller.partition());
  UnpaidTasks::Place place =
      services.unpaid.take(caller.account(), services.tasks.count(unpaid), told ? 0 : newest);
  if (place || !told) co_return place;
  const auto behind = co_await catch_up(services.exchange, request, told);
  if (behind) co_return UnpaidTasks::Place();
  co_return services.unpaid.take(caller.account(), services.tasks.count(unpaid), newest);
}

// What a provider is asked for, unless there is no room: then only an earlier answer to the same request can
// come of it. nullopt: the provider gave none.
http::Async<std::optional<http::Response>> add_checkout(Services& services, ports::CheckoutRequest wanted,
                                                        std::string* funding_url) {
  Checkout checkout = co_await make_checkout(services, std::move(wanted));
  if (checkout.url) {
    *funding_url = std::move(*checkout.url);
    co_return std::nullopt;
  }
  std::string reason = checkout.reason.empty() ? "The payments provider cannot be reached." : checkout.reason;
  co_return to_response(unavailable(std::move(reason), kRetryPayments));
}

domain::CreateTask to_command(Services& services, const Caller& caller, CreateTaskRequest request) {
  domain::CreateTask command;
  command.task = domain::new_id<domain::TaskId>(kTaskPrefix, services.clock.now(), caller.credential->bucket,
                                                services.randomness.bits());
  command.account = caller.account();
  command.title = std::move(request.title.value);
  command.instructions = std::move(request.instructions.value);
  command.modalities = std::move(request.modalities.value);
  command.reward_cents = request.reward_cents.value;
  command.target_submissions = request.target_submissions.value;
  command.deadline = request.deadline.value;
  if (request.requirements) command.requirements = request.requirements->requirements();
  if (request.metadata) command.metadata = std::move(request.metadata->value);
  return command;
}

// A bound in whole seconds means the seconds that answers show: what is shown as that very second is neither
// after nor before it. A bound with a fraction is exact.
domain::Timestamp first_after(domain::Timestamp bound) {
  return {bound.ms + (bound.ms % kSecondMs == 0 ? kSecondMs : 1)};
}

}  // namespace

http::Async<http::Response> create_task(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<CreateTaskRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  if (const auto rejection =
          domain::check_budget(body.value->reward_cents.value, body.value->target_submissions.value))
    co_return to_response(problem_of(*rejection));

  domain::CreateTask command = to_command(services, caller, std::move(*body.value));
  command.checkout = checkout_id(services, caller, intent.keyed);
  command.checkout_ms = services.options.checkout.count();
  UnpaidTasks::Place place;
  if (services.unpaid.enforced()) {
    UnpaidTasks::Place taken = co_await take_unpaid_place(services, request);
    command.has_room = static_cast<bool>(taken);
    place.take_over(taken);
  }
  if (command.has_room) {
    ports::CheckoutRequest wanted{command.checkout, command.account, command.task, command.title,
                                  command.reward_cents * command.target_submissions};
    auto failed = co_await add_checkout(services, std::move(wanted), &command.funding_url);
    if (failed) co_return std::move(*failed);
  }

  Order order{std::move(command), std::move(intent.keyed), std::nullopt, journal::AnswerWhen::durable};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  place.settle(answer);
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  http::Response response = written(201, render_task_created(*answer.commit), answer);
  response.header("ETag", etag_of(1));
  co_return response;
}

http::Async<http::Response> list_tasks(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  QueryReader query(request);
  projections::TaskFilter filter;
  filter.account = caller.account();
  filter.status = query.one_of<domain::TaskStatus>("status");
  if (const auto after = query.time("created_after")) filter.created_from = first_after(*after);
  filter.created_until = query.time("created_before");
  const PageRequest wanted = read_page(query, services.cursors, kTaskList, caller.account());
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  projections::Page<domain::Task> page;
  if (wanted.after) {
    auto found = services.tasks.page_after(filter, domain::TaskId{*wanted.after}, wanted.per_page);
    if (!found)
      co_return to_response(wrong_field("cursor", "invalid_value", "must be a next_cursor of this list"));
    page = std::move(*found);
  } else {
    page = services.tasks.page(filter, wanted.offset(), wanted.per_page);
  }
  const Pagination pagination = pagination_of(wanted, page, services.cursors, kTaskList, caller.account());
  co_return ok(render_tasks(page.items, pagination));
}

http::Async<http::Response> get_task(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const auto task = find_task(services, caller, request.param("id"));
  if (!task) co_return to_response(no_such("task"));
  http::Response response = versioned(request, task->version);
  if (response.status == 200) response.body = render_task(task->state);
  co_return response;
}

http::Async<http::Response> cancel_task(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  const std::string id(request.param("id"));
  if (!request.body.empty()) {
    auto body = read_body<EmptyRequest>(request);
    if (!body.value) co_return to_response(body.problem);
  }
  // Before anything of the request is looked up or kept: another's task and one that never was differ in
  // nothing, neither by If-Match nor by a key that is used again.
  const auto task = find_task(services, caller, id);
  if (!task) co_return to_response(no_such("task"));

  domain::CancelTask command{domain::TaskId{id}, caller.account(), domain::CancelReason::by_customer};
  Order order{std::move(command), std::move(intent.keyed), std::nullopt};
  if (const auto header = list_of(request.headers, "If-Match")) {
    if (const auto version = demanded_version(parse_if_match(*header), task->version))
      order.expected = journal::ExpectedVersion{id, *version};
  }
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_task_cancelled(*answer.commit), answer);
}

// Whoever let a checkout pass, or lost its page, gets another one; the one before is worth nothing from then
// on.
http::Async<http::Response> renew_checkout(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  if (!request.body.empty()) {
    auto body = read_body<EmptyRequest>(request);
    if (!body.value) co_return to_response(body.problem);
  }
  const auto task = find_task(services, caller, request.param("id"));
  if (!task) co_return to_response(no_such("task"));

  domain::RenewCheckout command;
  command.task = task->state.id;
  command.account = caller.account();
  command.checkout = checkout_id(services, caller, intent.keyed);
  command.checkout_ms = services.options.checkout.count();
  UnpaidTasks::Place place;
  if (services.unpaid.enforced() && task->state.status != domain::TaskStatus::funding) {
    UnpaidTasks::Place taken = co_await take_unpaid_place(services, request);
    command.has_room = static_cast<bool>(taken);
    place.take_over(taken);
  }
  if (command.has_room) {
    ports::CheckoutRequest wanted{command.checkout, command.account, command.task, task->state.title,
                                  task->state.budget()};
    auto failed = co_await add_checkout(services, std::move(wanted), &command.funding_url);
    if (failed) co_return std::move(*failed);
  }
  Order order{std::move(command), std::move(intent.keyed), std::nullopt};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  place.settle(answer);
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_checkout_renewed(*answer.commit), answer);
}

http::Async<http::Response> get_command(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const std::string id(request.param("id"));
  if (!may_own(caller, id, kCommandPrefix)) co_return to_response(no_such("command"));

  domain::CommandId command{id};
  const CommandOutcome outcome =
      co_await outcome_of(services.node, caller.partition(), std::move(command), caller.account().value);
  if (outcome.state == journal::CommandState::unknown) co_return to_response(no_such("command"));
  co_return ok(render_command(id, outcome, error_object));
}

}  // namespace groundtruth::api::groundtruth
