// The link that verifies an address: what it shows, what its button does, and another one where it is gone.
#include "api/common/json_object.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/link_body.hpp"
#include "api/worker/pages.hpp"
#include "api/worker/people.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kVerified = "Your e-mail address is verified. You can log in now.";
constexpr std::string_view kResent =
    "If a registration with this address waits to be verified, a mail with a new link is on its way.";
constexpr std::string_view kTaken =
    "This address has an account already. Log in with it, or ask for a new password.";

// What a link is worth now. `worker` is set in every state but `unknown`.
struct Link {
  enum class State : std::uint8_t {
    unknown,    // nobody was sent it, or its worker is gone
    expired,    // a new one can be sent
    pending,    // its button verifies the address
    contested,  // the address has an account that is older: its button sets the account's password
    outdated,   // the address has an account that is newer
    verified,   // it was opened before
  };
  State state = State::unknown;
  std::optional<domain::Worker> worker;
  std::optional<domain::Worker> holder;  // whose account it is, where contested or outdated
};

Link look_at(const Services& services, std::string_view token) {
  using State = Link::State;
  const auto content = services.mail_tokens.read(token);
  if (!content) return {};
  Link link;
  auto found = services.workers.worker(domain::WorkerId{content->subject});
  if (!found) return {};
  link.worker = std::move(found->state);
  if (link.worker->status == domain::WorkerStatus::verified) {
    link.state = State::verified;
  } else if (link.worker->status != domain::WorkerStatus::registered) {
    return {};
  } else if (services.clock.now() >= content->expires_at) {
    link.state = State::expired;
  } else {
    link.holder = holder_of(services, claims_of(services, link.worker->email));
    link.state = State::pending;
    if (link.holder)
      link.state = link.worker->registered_at > link.holder->password_at ? State::contested : State::outdated;
  }
  return link;
}

http::Response json_verdict(bool is_verified, std::string_view message) {
  http::Response response;
  ObjectWriter(response.body).member("verified", is_verified).member("message", message).end();
  return response;
}

http::Response ask_again(int status, std::string_view title, std::string_view text, std::string_view token,
                         std::string_view action) {
  return ask_for_mail_page(status, {title, text, action, "Send a new link", token, {}});
}

// What there is to say where nothing is to be done.
http::Response refuse(const http::Request& request, const Link& link, std::string_view token) {
  const bool is_expired = link.state == Link::State::expired;
  if (link.state == Link::State::outdated) {
    if (wants_html(request)) return message_page(409, "This link is no longer needed", kTaken);
    return to_response({409, "conflict", std::string(kTaken)});
  }
  if (!wants_html(request))
    return to_response(
        is_expired ? Problem{400, "link_expired",
                             "This link has expired. POST /api/v1/worker/verify/resend sends another."}
                   : Problem{400, "validation_error", "This link is not valid."});
  if (is_expired)
    return ask_again(400, "This link has expired", "We can send you a new one, to the same address.", token,
                     "verify/resend");
  return ask_again(400, "This link does not work",
                   "It may have been cut off on its way: open it from the mail once more. Or have a new one "
                   "sent to your address.",
                   {}, "verify/resend");
}

// The token of a GET or of the POST that a program sends to the same address.
struct Token {
  std::string text;
  std::optional<Problem> problem;
};
Token token_of(const http::Request& request, bool is_required) {
  QueryReader query(request);
  const auto token = query.text("token");
  if (!token && is_required) query.fail("token", "required", "is required");
  auto errors = query.finish();
  if (!errors.empty()) return {{}, wrong_fields(std::move(errors))};
  return {std::string(token.value_or("")), std::nullopt};
}

http::Response refuse_fields(const http::Request& request, const Link& link, std::string_view token,
                             const Problem& problem) {
  const bool can_mend = link.state == Link::State::pending || link.state == Link::State::contested;
  if (!wants_html(request) || !can_mend || problem.status != 400) return to_response(problem);
  return verification_page(400, {*link.worker, token, link.state == Link::State::contested,
                                 "This password cannot be taken: it needs 10 to 200 characters."});
}

http::Response done(const http::Request& request, const journal::Answer* answer) {
  http::Response response = wants_html(request) ? message_page(200, "Your address is verified", kVerified)
                                                : json_verdict(true, kVerified);
  if (answer != nullptr) note_position(response, *answer);
  return response;
}

// Somebody else's registration was verified before this one, which is newer, and whoever holds the mailbox
// says now what the password is: the account is theirs, with all that it has earned.
http::Async<http::Response> take_over(Services& services, http::Request& request, Link link,
                                      std::string hash) {
  Order order{domain::SetWorkerPassword{link.holder->id, link.holder->password_changes, std::move(hash),
                                        link.worker->name},
              std::nullopt, std::nullopt};
  Sender sender = sender_by_link(link.holder->id);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind == journal::AnswerKind::rejected) {
    link.state = Link::State::outdated;
    co_return refuse(request, link, {});
  }
  if (answer.kind != journal::AnswerKind::accepted) co_return not_written(answer);
  co_return done(request, &answer);
}

}  // namespace

http::Async<http::Response> show_verification(Services& services, http::Request& request) {
  const Token token = token_of(request, true);
  if (token.problem) co_return to_response(*token.problem);
  const Link link = look_at(services, token.text);
  const bool is_page = wants_html(request);
  switch (link.state) {
    case Link::State::verified:
      co_return done(request, nullptr);
    case Link::State::pending:
    case Link::State::contested: {
      if (is_page)
        co_return verification_page(200,
                                    {*link.worker, token.text, link.state == Link::State::contested, {}});
      co_return json_verdict(false, "Nothing was changed. Send a POST to this address to verify.");
    }
    case Link::State::unknown:
    case Link::State::expired:
    case Link::State::outdated:
      break;
  }
  co_return refuse(request, link, token.text);
}

http::Async<http::Response> verify_worker(Services& services, http::Request& request) {
  Token token = token_of(request, false);
  if (token.problem) co_return to_response(*token.problem);
  auto body = read_link_body<VerifyRequest>(request);
  if (body.value && body.value->token) token.text = std::move(body.value->token->value);
  if (token.text.empty() && is_form(request)) token.text = only_value(request.body, "token").value_or("");
  if (body.value && token.text.empty())
    co_return to_response(wrong_field("token", "required", "is required"));
  Link link = look_at(services, token.text);
  if (!body.value) co_return refuse_fields(request, link, token.text, body.problem);
  if (link.state == Link::State::verified) co_return done(request, nullptr);
  if (link.state != Link::State::pending && link.state != Link::State::contested)
    co_return refuse(request, link, token.text);

  std::string hash;
  if (body.value->password) {
    hash = co_await hash_password(services, request, std::move(body.value->password->value));
    if (hash.empty()) co_return to_response(too_many_passwords());
  }
  if (link.state == Link::State::contested) {
    if (hash.empty()) {
      if (wants_html(request)) co_return verification_page(409, {*link.worker, token.text, true, kTaken});
      co_return to_response(
          {409, "conflict", std::string(kTaken) + " Or send a `password` for the account."});
    }
    http::Response taken = co_await take_over(services, request, std::move(link), std::move(hash));
    co_return taken;
  }

  Order order{domain::VerifyWorker{link.worker->id, link.worker->email_claim, std::move(hash)}, std::nullopt,
              std::nullopt};
  Sender sender = sender_by_link(link.worker->id);
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind == journal::AnswerKind::rejected) {
    // Another link was opened at the same time: what this one is worth now stands in the read models.
    co_return refuse(request, look_at(services, token.text), token.text);
  }
  if (answer.kind != journal::AnswerKind::accepted) co_return not_written(answer);
  co_return done(request, &answer);
}

http::Async<http::Response> show_resend(Services&, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  co_return ask_again(200, "Verify your e-mail address",
                      "Enter the address that you registered with. We send you a new link.", {}, "resend");
}

http::Async<http::Response> resend_verification(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  auto body = read_link_body<ResendRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  if (body.value->email.has_value() == body.value->token.has_value())
    co_return to_response(wrong_field("email", "required", "either this or a token is required"));
  if (!services.options.takes_commands) co_return to_response(only_reads());

  std::string email;
  std::optional<domain::Worker> worker;
  if (body.value->email) {
    email = std::move(body.value->email->value);
  } else if (const auto content = services.mail_tokens.read(body.value->token->value)) {
    if (auto found = services.workers.worker(domain::WorkerId{content->subject})) {
      worker = std::move(found->state);
      email = worker->email;
    }
  }
  if (auto problem = take_mail(services, request, email)) co_return too_many_mails(request, *problem);
  if (!worker) worker = person_of(services, claims_of(services, email));
  if (worker) request_mail(services, worker->id, domain::WorkerMail::verification);
  co_return accepted(request, kResent);
}

}  // namespace groundtruth::api::worker
