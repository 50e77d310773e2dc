// What an account or a worker may do, for operators who are asked why something was refused.
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "projections/accounts/queries.hpp"
#include "projections/workers/queries.hpp"

namespace groundtruth::ops {

Async<Response> account_limits(Services& services, Request& request) {
  const std::string id(request.param("id"));
  const bool is_known = domain::is_id(id, "org_") &&
                        projections::AccountQueries(services.projector.readers("accounts")).account({id});
  if (!is_known) co_return no_such_account();
  co_return json(200, services.limits_of(id));
}

Async<Response> worker_limits(Services& services, Request& request) {
  const std::string id(request.param("id"));
  const bool is_known = domain::is_id(id, "wrk_") &&
                        projections::WorkerQueries(services.projector.readers("workers")).worker({id});
  if (!is_known) co_return error(404, "worker_not_found", "there is no such worker");
  co_return json(200, services.limits_of(id));
}

}  // namespace groundtruth::ops
