// Registering and logging in.
#include "api/common/text.hpp"
#include "api/http/async.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/people.hpp"
#include "api/worker/render.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {
namespace {

// nullopt where too many wait already.
http::Async<std::optional<bool>> check_password(Services& services, const http::Request& request,
                                                std::string password, std::optional<std::string> hash) {
  auto begin = [&](auto done) {
    auto whom = password_work(request, [done] { done(std::optional<bool>()); });
    const bool taken = services.passwords.try_verify(
        std::move(password), std::move(hash),
        [done](Passwords::Verdict verdict) { done(std::optional<bool>(verdict.is_right)); }, std::move(whom));
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
  command.name = to_nfc(request.name.value);
  command.email = canonical_email(request.email.value).value_or(std::string());
  command.password_hash = std::move(password_hash);
  if (request.skills) command.offer.skills = request.skills->tags();
  if (request.modalities) command.offer.modalities = std::move(request.modalities->value);
  if (request.location.value) command.offer.area = request.location.value->area();
  return command;
}

}  // namespace

http::Async<http::Response> register_worker(Services& services, http::Request& request) {
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<RegisterRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  if (auto problem = take_mail(services, request, body.value->email.value)) co_return to_response(*problem);
  EmailClaims claims = claims_of(services, body.value->email.value);
  const EmailClaimRef claim = claims.claim;
  std::string hash = co_await hash_password(services, request, std::move(body.value->password.value));
  if (hash.empty()) co_return to_response(too_many_passwords());
  // Under an older spelling's claim nobody registers any more: what the read models say of it stays so.
  const auto holder = holder_of(services, claims);
  if (holder && holder->email_claim != claim.id)
    co_return to_response(problem_of(domain::reject(domain::RejectionCode::email_taken)));
  co_await yield_address(services, request, std::move(claims));

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

http::Async<http::Response> login(Services& services, http::Request& request) {
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  auto body = read_body<LoginRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const EmailClaims claims = claims_of(services, body.value->email.value);
  const std::string address = address_subject(request.remote_address);
  const auto attempt = services.login_limits.begin(claims.claim.id.value, address);
  if (!attempt.allowed()) co_return to_response(rate_limited(attempt.pair.retry_after));

  const auto worker = person_of(services, claims);
  std::optional<std::string> hash;
  if (worker) hash = worker->password_hash;
  const std::optional<bool> is_right =
      co_await check_password(services, request, std::move(body.value->password.value), std::move(hash));
  if (!is_right || *is_right) services.login_limits.forget(claims.claim.id.value, address, attempt);
  if (!is_right) co_return to_response(too_many_passwords());
  if (!*is_right || !worker)
    co_return to_response({401, "unauthorized", "Wrong e-mail address or password."});
  if (worker->status != domain::WorkerStatus::verified)
    co_return to_response(
        forbidden("Verify your e-mail address first: open the link in the mail that we sent you."));
  const std::string token = services.tokens.sign(worker->id, worker->password_changes);
  const auto verified = services.tokens.verify(token);
  if (!verified) throw std::logic_error("a token that was just signed is not valid");
  co_return ok(render_login(*worker, token, verified->expires_at));
}

}  // namespace groundtruth::api::worker
