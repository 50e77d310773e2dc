// See admit.hpp.
#include "api/worker/admit.hpp"

#include <charconv>

#include "api/http/aside.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/tasks.hpp"

namespace groundtruth::api::worker {
namespace {

// False where nobody said how large it is.
bool is_small(const http::Request& request) {
  const auto text = request.headers.find("Content-Length");
  if (!text) return !request.headers.find("Transfer-Encoding");
  std::uint64_t length = 0;
  std::from_chars(text->data(), text->data() + text->size(), length);  // digits: the server has checked it
  return length <= http::Aside::kLargeBodyBytes;
}

// As the chain would say it.
domain::RejectionCode why_not(const std::optional<projections::Versioned<domain::Assignment>>& assignment) {
  using enum domain::RejectionCode;
  if (!assignment) return lease_not_found;
  const auto status = assignment->state.status;
  if (status == domain::AssignmentStatus::leased || status == domain::AssignmentStatus::lapsed)
    return lease_expired;
  return assignment->state.has_submission() ? already_submitted : lease_not_found;
}

}  // namespace

http::Async<HeldWork> find_work(Services& services, const http::Request& request, domain::TaskId task) {
  const Caller& caller = caller_of(request);
  const auto find = [&] { return services.assignments.assignment(assignment_of(task, caller.worker.id)); };
  HeldWork found;
  found.assignment = find();
  found.holds_lease = found.assignment && found.assignment->state.holds_lease(services.clock.now());
  if (found.holds_lease) co_return found;
  const auto chain = sender_to(caller, task);
  const auto told = services.exchange.node.answered_ahead(journal::partition_of(chain.topic, chain.bucket));
  found.behind = co_await catch_up(services.exchange, request, told);
  if (found.behind) co_return found;
  found.assignment = find();
  found.holds_lease = found.assignment && found.assignment->state.holds_lease(services.clock.now());
  co_return found;
}

http::Async<std::optional<http::Response>> admit_work(Services& services, http::Request& request) {
  if (is_small(request)) co_return std::nullopt;
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));
  const HeldWork work = co_await find_work(services, request, task->state.id);
  if (work.behind) co_return to_response(*work.behind);
  if (work.holds_lease) co_return std::nullopt;
  // Perhaps a retry of what was taken: only its body tells.
  const bool may_be_retry = request.headers.find("Idempotency-Key").has_value() && work.assignment &&
                            work.assignment->state.has_submission();
  if (may_be_retry) co_return std::nullopt;
  co_return to_response(problem_of(domain::Rejection{why_not(work.assignment), {}, {}}));
}

}  // namespace groundtruth::api::worker
