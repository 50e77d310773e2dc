// See people.hpp.
#include "api/worker/people.hpp"

#include <charconv>
#include <utility>
#include <vector>

#include "api/common/json_object.hpp"
#include "api/common/text.hpp"
#include "api/http/async.hpp"
#include "api/worker/pages.hpp"

namespace groundtruth::api::worker {
namespace {

constexpr char kTilde = '~';
// An address is looked up in the read models; what a command of nobody's waits for has no request's deadline.
constexpr std::chrono::seconds kMailPatience{10};

std::optional<domain::Worker> owner_of(const Services& services, const domain::EmailClaimId& claim) {
  const auto owner = services.accounts.owner_of(claim);
  if (!owner) return std::nullopt;
  auto found = services.workers.worker(domain::WorkerId{owner->value});
  if (!found) return std::nullopt;
  return std::move(found->state);
}

std::optional<domain::Worker> verified_owner_of(const Services& services, const domain::EmailClaimId& claim) {
  auto owner = owner_of(services, claim);
  if (owner && owner->status != domain::WorkerStatus::verified) owner.reset();
  return owner;
}

std::string domain_of(std::string_view email) {
  const auto canonical = canonical_email(email);
  return canonical ? canonical->substr(canonical->find('@') + 1) : std::string();
}

}  // namespace

EmailClaims claims_of(const Services& services, std::string_view email) {
  return email_claims(services.email_key, domain::Surface::humanping, EmailOwner::worker, email);
}

std::optional<domain::Worker> holder_of(const Services& services, const EmailClaims& claims) {
  return owner_of_any(claims,
                      [&](const domain::EmailClaimId& claim) { return verified_owner_of(services, claim); });
}

std::optional<domain::Worker> person_of(const Services& services, const EmailClaims& claims) {
  auto holder = holder_of(services, claims);
  auto last = owner_of_any(
      claims, [&](const domain::EmailClaimId& claim) { return services.workers.last_registration(claim); });
  return holder ? std::move(holder) : std::move(last);
}

http::Async<void> yield_address(Services& services, const http::Request& request, EmailClaims claims) {
  std::vector<EmailClaimRef> all = std::move(claims.older);
  all.push_back(claims.claim);
  for (const auto& claim : all) {
    const auto owner = owner_of(services, claim.id);
    if (!owner || owner->status != domain::WorkerStatus::registered) continue;
    Order order{domain::YieldAddress{owner->id, claim.id}, std::nullopt, std::nullopt};
    Sender sender{
        {journal::ActorKind::system, "registration", owner->id.value}, claim.bucket, journal::Topic::workers};
    // Whatever comes of it: whoever registers next decides on what is so then.
    co_await execute(services.exchange, request, std::move(sender), std::move(order));
  }
}

std::optional<Problem> take_mail(Services& services, const http::Request& request, std::string_view email) {
  const std::string address = address_subject(request.remote_address);
  const std::string mailbox = claims_of(services, email).claim.id.value;
  const std::pair<RateLimiter&, std::string> limits[] = {
      {services.mails_by_address, address},
      {services.mails_by_address_and_mailbox, address + ' ' + mailbox},
      {services.mails_by_mailbox, mailbox},
      {services.mails_by_domain, std::string(domain_of(email))},
  };
  // What the caller's own limit refuses must not use up those that all callers share.
  std::vector<RateState> taken;
  for (auto& [limiter, subject] : limits) {
    const RateState state = limiter.take(subject);
    if (state.allowed) {
      taken.push_back(state);
      continue;
    }
    for (std::size_t i = 0; i < taken.size(); ++i) limits[i].first.give_back(limits[i].second, taken[i]);
    return rate_limited(state.retry_after);
  }
  return std::nullopt;
}

void request_mail(Services& services, const domain::WorkerId& worker, domain::WorkerMail which) {
  const auto bucket = domain::bucket_of(worker.value).value_or(domain::Bucket{});
  journal::Submission submission;
  submission.id =
      domain::new_id<domain::CommandId>("cmd_", services.clock.now(), bucket, services.randomness.bits());
  submission.partition = journal::partition_of(journal::Topic::workers, bucket);
  submission.actor = {journal::ActorKind::system, "mail", worker.value};
  submission.command = domain::RequestWorkerMail{worker, which};
  submission.deadline = services.clock.steady() + kMailPatience;
  submission.done = [](const journal::Answer&) {};
  services.exchange.node.submit(std::move(submission));
}

http::Response accepted(const http::Request& request, std::string_view message) {
  if (wants_html(request)) return message_page(202, "Look into your mailbox", message);
  http::Response response;
  response.status = 202;
  ObjectWriter(response.body).member("message", message).end();
  return response;
}

http::Response too_many_mails(const http::Request& request, const Problem& problem) {
  if (!wants_html(request)) return to_response(problem);
  http::Response wait =
      message_page(problem.status, "Please wait", "Too many mails were asked for. Try again in an hour.");
  add_headers(wait, problem);
  return wait;
}

Problem only_reads() {
  return unavailable("This node serves only reads; nothing was changed.");
}

WorkFor password_work(const http::Request& request, std::function<void()> dropped) {
  WorkFor whom;
  whom.subject = address_subject(request.remote_address);
  whom.is_wanted = [gone = request.abandoned] { return !gone.stop_requested(); };
  whom.dropped = std::move(dropped);
  return whom;
}

http::Async<std::string> hash_password(Services& services, const http::Request& request,
                                       std::string password) {
  auto begin = [&](auto done) {
    auto whom = password_work(request, [done] { done(std::string()); });
    if (!services.passwords.try_hash(std::move(password), done, std::move(whom))) done(std::string());
  };
  std::string hash = co_await http::await_callback<std::string>(std::move(begin));
  co_return hash;
}

Problem too_many_passwords() {
  return unavailable("Too many passwords are being checked at the moment.");
}

std::string reset_subject(const domain::Worker& worker) {
  return worker.id.value + kTilde + std::to_string(worker.password_changes);
}

std::optional<ResetSubject> parse_reset_subject(std::string_view subject) {
  const auto tilde = subject.find(kTilde);
  if (tilde == std::string_view::npos) return std::nullopt;
  ResetSubject parsed{{std::string(subject.substr(0, tilde))}, 0};
  const auto end = subject.data() + subject.size();
  const auto [stopped, error] = std::from_chars(subject.data() + tilde + 1, end, parsed.password_changes);
  if (error != std::errc{} || stopped != end || !domain::is_id(parsed.worker.value, "wrk_"))
    return std::nullopt;
  return parsed;
}

Sender sender_by_link(const domain::WorkerId& worker) {
  const auto bucket = domain::bucket_of(worker.value).value_or(domain::Bucket{});
  return {{journal::ActorKind::worker, worker.value, worker.value}, bucket, journal::Topic::workers};
}

}  // namespace groundtruth::api::worker
