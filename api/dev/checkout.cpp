// Showing, paying and leaving the local checkout (api/dev/checkout.hpp).
#include "api/dev/checkout.hpp"

#include "api/common/exchange.hpp"
#include "api/common/form.hpp"
#include "api/common/html.hpp"
#include "api/dev/checkout_page.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/http/async.hpp"

namespace groundtruth::api::dev {
namespace {

http::Response no_such_checkout() {
  return html_page(404, message_page("No such checkout", "There is nothing to pay at this address."));
}

std::optional<domain::Task> find_task(const Services& services, std::string_view id) {
  if (!domain::is_id(id, "tsk_")) return std::nullopt;
  const auto task = services.tasks.task(domain::TaskId{std::string(id)});
  if (!task) return std::nullopt;
  return task->state;
}

http::Async<journal::Answer> execute(Services& services, const http::Request& request, domain::Bucket bucket,
                                     domain::AccountId account, domain::Command command) {
  journal::Submission submission;
  submission.id =
      domain::new_id<domain::CommandId>("cmd_", services.clock.now(), bucket, services.randomness.bits());
  submission.partition = journal::partition_of(journal::Topic::tasks, bucket);
  submission.actor = {journal::ActorKind::system, "dev-payments", std::move(account.value)};
  submission.command = std::move(command);
  submission.deadline = request.deadline - services.answer_margin;
  auto begin = [&](auto done) {
    submission.done = std::move(done);
    services.node.submit(std::move(submission));
  };
  journal::Answer answer = co_await http::await_callback<journal::Answer>(std::move(begin));
  co_return answer;
}

constexpr std::int64_t kFormMs = 86'400'000;

std::string form_token(const Services& services, const domain::Task& task) {
  return services.form_tokens.mint(task.id.value, {services.clock.now().ms + kFormMs});
}

// Whatever comes from a page says so in one of these, which the page cannot keep its browser from.
bool is_from_browser(const http::Request& request) {
  return request.headers.find("Origin") || request.headers.find("Referer") ||
         request.headers.find("Sec-Fetch-Site") || request.headers.find("Cookie");
}

bool may_act(const Services& services, const http::Request& request, const domain::Task& task) {
  const auto token = only_value(request.body, "token");
  if (token) return services.form_tokens.check(*token, services.clock.now()) == task.id.value;
  return !is_from_browser(request) && request.body.find("token=") == std::string::npos;
}

bool is_paid(const domain::Task& task) {
  return task.status == domain::TaskStatus::open || task.status == domain::TaskStatus::completed;
}

// So that reloading the page does not pay again.
http::Response look_again(const domain::TaskId& task, const journal::Answer& answer) {
  http::Response response = html_page(303, {});
  response.header("Location", "/dev/checkout/" + task.value);
  note_position(response, answer);
  return response;
}

// The task was made a moment ago, perhaps on another node.
http::Async<std::optional<http::Response>> catch_up(Services& services, http::Request& request) {
  const Exchange exchange{services.node, services.clock, services.randomness};
  std::optional<journal::Position> answered;
  if (const auto bucket = domain::bucket_of(request.param("id")))
    answered = services.node.answered_ahead(journal::partition_of(journal::Topic::tasks, *bucket));
  const std::optional<Problem> behind = co_await api::catch_up(exchange, request, answered);
  if (behind) co_return groundtruth::to_response(*behind);
  co_return std::nullopt;
}

}  // namespace

http::Async<http::Response> show_checkout(Services& services, http::Request& request) {
  auto behind = co_await catch_up(services, request);
  if (behind) co_return std::move(*behind);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return no_such_checkout();
  co_return html_page(200, checkout_page(*task, form_token(services, *task), {}));
}

http::Async<http::Response> act_on_checkout(Services& services, http::Request& request) {
  auto behind = co_await catch_up(services, request);
  if (behind) co_return std::move(*behind);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return no_such_checkout();
  const auto action = only_value(request.body, "action");
  if (!may_act(services, request, *task))
    co_return html_page(403, checkout_page(*task, form_token(services, *task),
                                           "This form was not sent by this page, or is too old. Try again."));
  const bool is_pay = action && *action == "pay";
  if (!is_pay && !(action && *action == "cancel"))
    co_return html_page(400,
                        checkout_page(*task, form_token(services, *task), "Choose to pay or to cancel."));

  domain::Command command;
  if (is_pay)
    command = domain::FundTask{task->id, task->account, task->checkout, task->budget()};
  else
    command = domain::CancelTask{task->id, task->account, domain::CancelReason::checkout_abandoned};
  const auto bucket = domain::bucket_of(task->account.value);
  if (!bucket) co_return no_such_checkout();
  const journal::Answer answer =
      co_await execute(services, request, *bucket, task->account, std::move(command));
  switch (answer.kind) {
    case journal::AnswerKind::accepted:
      co_return look_again(task->id, answer);
    case journal::AnswerKind::rejected: {
      // Browsers and proxies ask again when a connection breaks, perhaps after it was done.
      const auto now = find_task(services, task->id.value).value_or(*task);
      if (is_pay ? is_paid(now) : now.status == domain::TaskStatus::cancelled)
        co_return look_again(task->id, answer);
      co_return html_page(409, checkout_page(now, form_token(services, now), "This is no longer possible."));
    }
    case journal::AnswerKind::key_reused:
    case journal::AnswerKind::too_large:
    case journal::AnswerKind::unavailable:
    case journal::AnswerKind::unknown:
      break;
  }
  http::Response response = html_page(
      503, message_page("Not now", "The outcome is not known. Look at the checkout again in a moment."));
  response.header("Retry-After", "1");
  co_return response;
}

}  // namespace groundtruth::api::dev
