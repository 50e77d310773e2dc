// Registering, verifying the address, logging in.
#include "api/common/html.hpp"
#include "api/common/json_object.hpp"
#include "api/http/async.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/render.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {
namespace {

EmailClaimRef claim_of(const Services& services, std::string_view email) {
  return email_claim(services.email_key, domain::Surface::humanping, EmailOwner::worker, email);
}

Problem too_many_passwords() {
  return unavailable("Too many passwords are being checked at the moment.");
}

// "" where too many wait already.
http::Async<std::string> hash_password(Services& services, std::string password) {
  auto begin = [&](auto done) {
    if (!services.passwords.try_hash(std::move(password), done)) done(std::string());
  };
  std::string hash = co_await http::await_callback<std::string>(std::move(begin));
  co_return hash;
}

// nullopt where too many wait already.
http::Async<std::optional<bool>> check_password(Services& services, std::string password,
                                                std::optional<std::string> hash) {
  auto begin = [&](auto done) {
    const bool taken = services.passwords.try_verify(
        std::move(password), std::move(hash),
        [done](Passwords::Verdict verdict) { done(std::optional<bool>(verdict.is_right)); });
    if (!taken) done(std::optional<bool>());
  };
  std::optional<bool> is_right = co_await http::await_callback<std::optional<bool>>(std::move(begin));
  co_return is_right;
}

domain::RegisterWorker to_command(Services& services, const EmailClaimRef& claim, RegisterRequest request,
                                  std::string password_hash) {
  domain::RegisterWorker command;
  command.worker = domain::new_id<domain::WorkerId>("wrk_", services.clock.now(), claim.bucket,
                                                    services.randomness.bits());
  command.email_claim = claim.id;
  command.name = std::move(request.name.value);
  command.email = normalized_email(request.email.value);
  command.password_hash = std::move(password_hash);
  if (request.skills) command.offer.skills = request.skills->tags();
  if (request.modalities) command.offer.modalities = std::move(request.modalities->value);
  if (request.location.value) command.offer.area = request.location.value->area();
  return command;
}

bool wants_html(const http::Request& request) {
  const auto accept = request.headers.find("Accept");
  return accept && accept->find("text/html") != std::string_view::npos;
}

// The link is opened by a person in a browser, or by a program.
http::Response verdict(const http::Request& request, int status, std::string_view title,
                       std::string_view message) {
  if (wants_html(request))
    return html_page(status, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" +
                                 std::string(title) + "</title><h1>" + std::string(title) + "</h1><p>" +
                                 std::string(message) + "</p></html>");
  if (status != 200) return to_response({status, "validation_error", std::string(message)});
  http::Response response;
  ObjectWriter(response.body).member("verified", true).member("message", message).end();
  return response;
}

http::Response bad_link(const http::Request& request) {
  return verdict(request, 400, "This link does not work", "This link is not valid or has expired.");
}

std::optional<domain::Worker> worker_of(const Services& services, const EmailClaimRef& claim) {
  const auto owner = services.accounts.owner_of(claim.id);
  if (!owner) return std::nullopt;
  auto found = services.workers.worker(domain::WorkerId{owner->value});
  if (!found) return std::nullopt;
  return std::move(found->state);
}

}  // namespace

http::Async<http::Response> register_worker(Services& services, http::Request& request) {
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<RegisterRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const EmailClaimRef claim = claim_of(services, body.value->email.value);
  std::string hash = co_await hash_password(services, std::move(body.value->password.value));
  if (hash.empty()) co_return to_response(too_many_passwords());

  Order order{to_command(services, claim, std::move(*body.value), std::move(hash)), std::move(intent.keyed),
              std::nullopt};
  // There is no account yet: the address scopes the idempotency key.
  Sender sender{
      {journal::ActorKind::system, "registration", claim.id.value}, claim.bucket, journal::Topic::workers};
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(201, render_registered(*answer.commit), answer);
}

http::Async<http::Response> verify_worker(Services& services, http::Request& request) {
  QueryReader query(request);
  const auto token = query.text("token");
  if (!token) query.fail("token", "required", "is required");
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));
  const auto subject = services.mail_tokens.check(*token, services.clock.now());
  const auto bucket = subject ? domain::bucket_of(*subject) : std::nullopt;
  if (!bucket) co_return bad_link(request);

  Order order{domain::VerifyWorker{domain::WorkerId{*subject}}, std::nullopt, std::nullopt};
  Sender sender{{journal::ActorKind::worker, *subject, *subject}, *bucket, journal::Topic::workers};
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind == journal::AnswerKind::rejected) co_return bad_link(request);
  if (answer.kind != journal::AnswerKind::accepted) co_return not_written(answer);
  http::Response response = verdict(request, 200, "Your address is verified",
                                    "Your e-mail address is verified. You can log in now.");
  note_position(response, answer);
  co_return response;
}

http::Async<http::Response> login(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  auto body = read_body<LoginRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const EmailClaimRef claim = claim_of(services, body.value->email.value);
  const RateState attempts = services.login_limits.take(claim.id.value);
  if (!attempts.allowed) co_return to_response(rate_limited(attempts.retry_after));

  const auto worker = worker_of(services, claim);
  std::optional<std::string> hash;
  if (worker) hash = worker->password_hash;
  const std::optional<bool> is_right =
      co_await check_password(services, std::move(body.value->password.value), std::move(hash));
  if (!is_right) co_return to_response(too_many_passwords());
  if (!*is_right || !worker)
    co_return to_response({401, "unauthorized", "Wrong e-mail address or password."});
  if (worker->status != domain::WorkerStatus::verified)
    co_return to_response(
        forbidden("Verify your e-mail address first: open the link in the mail that we sent you."));
  const std::string token = services.tokens.sign(worker->id);
  const auto verified = services.tokens.verify(token);
  if (!verified) throw std::logic_error("a token that was just signed is not valid");
  co_return ok(render_login(*worker, token, verified->expires_at));
}

}  // namespace groundtruth::api::worker
