// The checks before a handler runs (api/groundtruth/guard.hpp).
#include "api/groundtruth/guard.hpp"

#include <memory>

#include "api/common/json_object.hpp"
#include "api/groundtruth/errors.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api::groundtruth {
namespace {

domain::Scope scope_of(const http::Route& route) {
  if (route.scope == "read") return domain::Scope::read;
  if (route.scope == "write") return domain::Scope::write;
  return domain::Scope::admin;  // an unknown word must not open a door
}

Problem no_scope(std::string_view needed) {
  std::string details;
  ObjectWriter(details).member("required_scope", needed).end();
  return forbidden("This API key has no " + std::string(needed) + " scope.", std::move(details));
}

// Who asked for the minute's report: one of all the requests that see the minute change.
bool is_first_use_in_minute(const Credential& credential, std::int64_t minute_ms) {
  std::int64_t seen = credential.last_use_ms.load(std::memory_order_relaxed);
  return seen < minute_ms &&
         credential.last_use_ms.compare_exchange_strong(seen, minute_ms, std::memory_order_relaxed);
}

// Tells the journal that the key was used. Nobody waits for it; when it is lost, the next minute tells more.
void note_use(Services& services, const Caller& caller) {
  const Credential& credential = *caller.credential;
  const domain::Timestamp now = services.clock.now();
  const domain::Timestamp minute = domain::to_minute(now);
  if (!is_first_use_in_minute(credential, minute.ms)) return;
  journal::Submission submission;
  submission.id =
      domain::new_id<domain::CommandId>("cmd_", now, credential.bucket, services.randomness.bits());
  submission.partition = caller.partition();
  submission.actor = {journal::ActorKind::system, "key-use", credential.account.value};
  submission.command = domain::UseApiKey{credential.key, minute};
  submission.deadline = services.clock.steady() + services.options.last_use_timeout;
  submission.done = [](const journal::Answer&) {};
  if (auto* budget = services.exchange.budget) {
    // Reading with many keys writes, too; where the account's bytes are spent, the last use is not kept.
    const journal::Actor account{journal::ActorKind::api_key, credential.key.value, credential.account.value};
    auto taken = budget->take(account, {}, 0);
    if (taken.refused_for.count() > 0) return;
    auto share = std::make_shared<JournalBudget::Share>(std::move(taken.share));
    submission.done = [share](const journal::Answer& answer) { share->settle(answer); };
  }
  services.node.submit(std::move(submission));
}

}  // namespace

const Caller& caller_of(const http::Request& request) {
  return std::any_cast<const Caller&>(request.principal);
}

http::Async<std::optional<http::Response>> guard(Services& services, http::Request& request,
                                                 const http::Route& route) {
  if (route.scope.empty()) co_return std::nullopt;
  const auto token = bearer_token(request.headers);
  Caller caller;
  std::optional<Problem> behind;
  if (token) caller.credential = services.authenticator.cached(*token);

  if (!caller.credential) {
    const std::string address = address_subject(request.remote_address);
    const RateState state = services.address_limits.look(address);
    if (!state.allowed) {
      request.principal = Caller{nullptr, state};
      co_return to_response(rate_limited(state.retry_after));
    }
    if (token) {
      // A key that was made on another node a moment ago.
      if (has_position(request)) behind = co_await catch_up(services.exchange, request);
      const std::string key(*token);
      KeyBearer bearer{address, request.abandoned};
      Authentication authentication = co_await services.authenticator.authenticate(key, std::move(bearer));
      if (authentication.outcome == Authentication::Outcome::busy)
        co_return to_response(unavailable("Too many API keys are being checked at the moment."));
      if (authentication.outcome == Authentication::Outcome::limited) {
        request.principal = Caller{nullptr, authentication.limit};
        co_return to_response(rate_limited(authentication.limit.retry_after));
      }
      if (authentication.outcome == Authentication::Outcome::bad)
        co_return to_response(unauthorized("API key"));
      caller.credential = std::move(authentication.credential);
    } else {
      const RateState taken = services.address_limits.take(address);
      request.principal = Caller{nullptr, taken};
      if (!taken.allowed) co_return to_response(rate_limited(taken.retry_after));
      request.principal.reset();
      co_return to_response(unauthorized("API key"));
    }
  }
  request.account = caller.credential->account.value;

  const OwnLimits limits = services.options.limits_of(caller.credential->account.value);
  caller.rate = services.key_limits.take(caller.credential->key.value, limits.each_key);
  if (caller.rate.allowed) {
    const RateState account = services.account_limits.take(caller.credential->account.value, limits.all_keys);
    if (!account.allowed) caller.rate = account;
  }
  request.principal = caller;
  if (!caller.rate.allowed) co_return to_response(rate_limited(caller.rate.retry_after));
  note_use(services, caller);
  if (!domain::allows(caller.credential->scopes, scope_of(route)))
    co_return to_response(no_scope(route.scope));
  if (behind) co_return to_response(*behind);
  std::optional<journal::Position> answered;  // all that handlers look at stands in the account's chain
  if (!route.awaits_nothing) answered = services.node.answered_ahead(caller.partition());
  if (!answered && !has_position(request)) co_return std::nullopt;
  behind = co_await catch_up(services.exchange, request, answered);
  if (behind) co_return to_response(*behind);
  co_return std::nullopt;
}

void finish(const http::Request& request, http::Response& response) {
  const auto* caller = std::any_cast<Caller>(&request.principal);
  if (caller != nullptr) add_rate_headers(response, caller->rate);
}

}  // namespace groundtruth::api::groundtruth
