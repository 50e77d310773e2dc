// See guard.hpp.
#include "api/worker/guard.hpp"

#include "api/common/authenticator.hpp"
#include "api/worker/errors.hpp"

namespace groundtruth::api::worker {
namespace {

// nullopt also when the worker of a good token is gone, or never verified their address.
std::optional<Caller> identify(Services& services, const http::Request& request) {
  const auto token = bearer_token(request.headers);
  if (!token) return std::nullopt;
  const auto verified = services.tokens.verify(*token);
  if (!verified) return std::nullopt;
  auto found = services.workers.worker(verified->subject);
  if (!found || found->state.status != domain::WorkerStatus::verified) return std::nullopt;
  // Whoever chose a new password is rid of everybody who was let in by the old one.
  if (verified->password_changes != found->state.password_changes) return std::nullopt;
  const auto bucket = domain::bucket_of(verified->subject.value).value_or(domain::Bucket{});
  return Caller{std::move(found->state), found->version, bucket, {}};
}

}  // namespace

const Caller& caller_of(const http::Request& request) {
  return std::any_cast<const Caller&>(request.principal);
}

http::Async<std::optional<http::Response>> guard(Services& services, http::Request& request,
                                                 const http::Route& route) {
  const bool needs_worker = route.scope == kWorkerScope;
  std::optional<Caller> caller;
  if (needs_worker) caller = identify(services, request);
  const bool is_known = caller.has_value();
  if (is_known)
    caller->rate = services.worker_limits.take(caller->worker.id.value);
  else
    caller = Caller{{}, 0, {}, services.address_limits.take(address_subject(request.remote_address))};
  const RateState rate = caller->rate;
  if (is_known) request.account = caller->worker.id.value;
  request.principal = std::move(*caller);
  if (!rate.allowed) co_return to_response(rate_limited(rate.retry_after));
  // Nothing that workers see of others is answered before it can be seen: a task is theirs once it is paid
  // for. For what they were told themselves, a place that they took and a proof, wait those who look at it:
  // the feed, and a proof.
  if (has_position(request)) {
    const std::optional<Problem> behind = co_await catch_up(services.exchange, request);
    if (behind && (is_known || !needs_worker)) co_return to_response(*behind);
    // Their address was verified on another node a moment ago, or the profile changed there.
    if (needs_worker) {
      caller = identify(services, request);
      if (!caller) co_return to_response(unauthorized("worker token"));
      caller->rate = is_known ? rate : services.worker_limits.take(caller->worker.id.value);
      request.account = caller->worker.id.value;
      const RateState own = caller->rate;
      request.principal = std::move(*caller);
      if (!own.allowed) co_return to_response(rate_limited(own.retry_after));
      co_return std::nullopt;
    }
  }
  if (needs_worker && !is_known) co_return to_response(unauthorized("worker token"));
  co_return std::nullopt;
}

void finish(const http::Request& request, http::Response& response) {
  if (const auto* caller = std::any_cast<Caller>(&request.principal))
    add_rate_headers(response, caller->rate);
}

Sender sender_of(const Caller& caller) {
  const auto& id = caller.worker.id.value;
  return {{journal::ActorKind::worker, id, id}, caller.bucket, journal::Topic::workers};
}

Sender sender_to(const Caller& caller, const domain::TaskId& task) {
  Sender sender = sender_of(caller);
  sender.bucket = domain::bucket_of(task.value).value_or(domain::Bucket{});
  sender.topic = journal::Topic::tasks;
  return sender;
}

}  // namespace groundtruth::api::worker
