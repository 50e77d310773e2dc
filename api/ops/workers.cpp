// Workers for operators: find one, read one, forget one.
#include "api/common/email_claim.hpp"
#include "api/common/fields.hpp"
#include "api/ops/commands.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"
#include "projections/accounts/queries.hpp"
#include "projections/workers/queries.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::string_view kWorkerPrefix = "wrk_";

struct WorkerView {
  domain::WorkerId id;
  domain::WorkerStatus status{};
  std::string name, email;  // "" once erased
  bool mailed = false;      // no verification mail waits to be sent
  domain::MailState verification_mail{}, reset_mail{};
  std::int64_t approved = 0, rejected = 0, lapsed = 0;
  domain::Cents earned_cents;
  domain::Timestamp registered_at;
};
BOOST_DESCRIBE_STRUCT(WorkerView, (),
                      (id, status, name, email, mailed, verification_mail, reset_mail, approved, rejected,
                       lapsed, earned_cents, registered_at))

WorkerView view_of(const domain::Worker& worker) {
  return {worker.id,
          worker.status,
          worker.name,
          worker.email,
          worker.verification_mail.state != domain::MailState::waiting,
          worker.verification_mail.state,
          worker.reset_mail.state,
          worker.approved,
          worker.rejected,
          worker.lapsed,
          worker.earned_cents,
          worker.registered_at};
}

std::optional<domain::Worker> worker_by_id(Services& services, std::string_view id) {
  if (!domain::is_id(id, kWorkerPrefix)) return std::nullopt;
  auto row = projections::WorkerQueries(services.projector.readers("workers")).worker({std::string(id)});
  if (!row) return std::nullopt;
  return std::move(row->state);
}

Response no_such_worker() {
  return error(404, "worker_not_found", "there is no such worker");
}

}  // namespace

// ?email= names one.
Async<Response> find_worker(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto email = query.text("email");
  if (!email) query.fail("email", "required", "is required");
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);
  const auto claims =
      api::email_claims(services.email_hash_key, domain::Surface::humanping, api::EmailOwner::worker, *email);
  const projections::AccountQueries accounts(services.projector.readers("accounts"));
  const projections::WorkerQueries workers(services.projector.readers("workers"));
  const auto owner =
      api::owner_of_any(claims, [&](const domain::EmailClaimId& claim) { return accounts.owner_of(claim); });
  auto worker = owner ? worker_by_id(services, owner->value) : std::nullopt;
  // Nobody verified it yet: who registered with it last.
  if (!worker) worker = workers.last_registration(claims.claim.id);
  if (!worker) co_return no_such_worker();
  co_return json(200, view_of(*worker));
}

Async<Response> read_worker(Services& services, Request& request) {
  const auto worker = worker_by_id(services, request.param("id"));
  if (!worker) co_return no_such_worker();
  co_return json(200, view_of(*worker));
}

// As the erasure of an account: what is wanted may already be so. What they earned stays owed.
Async<Response> erase_worker(Services& services, Request& request) {
  const auto worker = worker_by_id(services, request.param("id"));
  const auto bucket = domain::bucket_of(request.param("id"));
  if (!worker || !bucket) co_return no_such_worker();
  auto submission = operator_submission(services, request, *bucket, account_of(worker->id),
                                        domain::EraseWorker{worker->id, worker->email_claim});
  submission.partition = journal::partition_of(journal::Topic::workers, *bucket);
  const journal::Answer answer = co_await submit(services.node, std::move(submission));
  const bool was_erased = answer.kind == journal::AnswerKind::rejected &&
                          answer.rejection.code == domain::RejectionCode::worker_erased;
  if (answer.kind != journal::AnswerKind::accepted && !was_erased) co_return refused(answer);
  WorkerView view = view_of(*worker);
  view.status = domain::WorkerStatus::erased;
  view.name.clear();
  view.email.clear();
  auto response = json(200, view);
  add_position(response, answer);
  co_return response;
}

}  // namespace groundtruth::ops
