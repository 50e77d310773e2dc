// A forgotten password: the mail that is asked for, and the link in it.
#include "api/common/json_object.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/link_body.hpp"
#include "api/worker/pages.hpp"
#include "api/worker/people.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kForgot =
    "If an account with this address exists, a mail with a link is on its way. The link is good for one "
    "hour.";
constexpr std::string_view kReset =
    "Your password is changed. Log in with it; whoever was logged in with the old one is logged out.";

struct Link {
  enum class State : std::uint8_t { unknown, expired, used, good };
  State state = State::unknown;
  ResetSubject subject;
};

Link look_at(const Services& services, std::string_view token) {
  const auto content = services.reset_tokens.read(token);
  auto subject = content ? parse_reset_subject(content->subject) : std::nullopt;
  if (!subject) return {};
  const auto found = services.workers.worker(subject->worker);
  if (!found || found->state.status != domain::WorkerStatus::verified) return {};
  Link link{Link::State::good, std::move(*subject)};
  if (found->state.password_changes != link.subject.password_changes)
    link.state = Link::State::used;
  else if (services.clock.now() >= content->expires_at)
    link.state = Link::State::expired;
  return link;
}

http::Response ask(int status, std::string_view title, std::string_view text, std::string_view notice = {}) {
  return ask_for_mail_page(status, {title, text, "forgot", "Send me a link", {}, notice});
}

http::Response refuse(const http::Request& request, Link::State state) {
  const bool is_page = wants_html(request);
  constexpr std::string_view again = "Enter your address, and we send you another one.";
  switch (state) {
    case Link::State::expired:
      if (is_page) return ask(400, "This link has expired", again);
      return to_response(
          {400, "link_expired", "This link has expired. POST /api/v1/worker/password/forgot sends another."});
    case Link::State::used:
      if (is_page)
        return ask(
            409, "This link was used",
            "The password was changed since it was sent. If it was not you, enter your address, and we "
            "send you another link.");
      return to_response({409, "link_used",
                          "The password was changed since this link was sent. POST "
                          "/api/v1/worker/password/forgot sends another."});
    case Link::State::unknown:
    case Link::State::good:
      break;
  }
  if (is_page)
    return ask(400, "This link does not work",
               "It may have been cut off on its way: open it from the mail once more. Or enter your address, "
               "and we send you another one.");
  return to_response({400, "validation_error", "This link is not valid."});
}

http::Response done(const http::Request& request, const journal::Answer& answer) {
  http::Response response;
  if (wants_html(request))
    response = message_page(200, "Your password is changed", kReset);
  else
    ObjectWriter(response.body).member("message", kReset).end();
  note_position(response, answer);
  note_replay(response, answer);
  return response;
}

}  // namespace

http::Async<http::Response> show_forgot(Services&, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  co_return ask(200, "Forgot your password?",
                "Enter the address of your account. We send you a link to choose a new password.");
}

http::Async<http::Response> forgot_password(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  auto body = read_link_body<ForgotRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  if (!services.options.takes_commands) co_return to_response(only_reads());
  const std::string email = std::move(body.value->email.value);
  if (auto problem = take_mail(services, request, email)) co_return too_many_mails(request, *problem);
  // Who never verified their address gets that link again: the page behind it takes a new password, too.
  const auto worker = person_of(services, claims_of(services, email));
  if (worker)
    request_mail(services, worker->id,
                 worker->status == domain::WorkerStatus::verified ? domain::WorkerMail::password_reset
                                                                  : domain::WorkerMail::verification);
  co_return accepted(request, kForgot);
}

http::Async<http::Response> show_reset(Services& services, http::Request& request) {
  QueryReader query(request);
  const auto token = query.text("token");
  if (!token) query.fail("token", "required", "is required");
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));
  const Link link = look_at(services, *token);
  if (link.state != Link::State::good) co_return refuse(request, link.state);
  if (wants_html(request)) co_return reset_page(200, *token, {});
  http::Response response;
  ObjectWriter(response.body)
      .member("message", "Nothing was changed. Send a POST with a `password` to this address to set it.")
      .end();
  co_return response;
}

http::Async<http::Response> reset_password(Services& services, http::Request& request) {
  QueryReader query(request);
  std::string token(query.text("token").value_or(""));
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));
  IdempotencyHeader intent = read_idempotency(request, services.hasher);
  if (intent.malformed) co_return to_response(malformed_key());
  auto body = read_link_body<ResetRequest>(request);
  if (body.value && body.value->token) token = std::move(body.value->token->value);
  if (token.empty() && is_form(request)) token = only_value(request.body, "token").value_or("");
  if (!body.value) {
    if (wants_html(request) && body.problem.status == 400 &&
        look_at(services, token).state == Link::State::good)
      co_return reset_page(400, token, "This password cannot be taken: it needs 10 to 200 characters.");
    co_return to_response(body.problem);
  }
  if (token.empty()) co_return to_response(wrong_field("token", "required", "is required"));
  const Link link = look_at(services, token);
  // One that was used may be this very request, which comes again under its key: the journal knows.
  const bool may_be_replay = link.state == Link::State::used && intent.keyed;
  if (link.state != Link::State::good && !may_be_replay) co_return refuse(request, link.state);

  std::string hash = co_await hash_password(services, request, std::move(body.value->password.value));
  if (hash.empty()) co_return to_response(too_many_passwords());
  Order order{domain::SetWorkerPassword{link.subject.worker, link.subject.password_changes, std::move(hash),
                                        std::nullopt},
              std::move(intent.keyed), std::nullopt};
  Sender sender = sender_by_link(link.subject.worker);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind == journal::AnswerKind::rejected) co_return refuse(request, Link::State::used);
  if (answer.kind != journal::AnswerKind::accepted) co_return not_written(answer);
  co_return done(request, answer);
}

}  // namespace groundtruth::api::worker
