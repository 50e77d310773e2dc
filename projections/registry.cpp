// The projections that this system has, and what all of them share.
#include <new>

#include "projections/accounts/accounts.hpp"
#include "projections/assignments/assignments.hpp"
#include "projections/commands/commands.hpp"
#include "projections/projection.hpp"
#include "projections/tasks/tasks.hpp"
#include "projections/wallets/wallets.hpp"
#include "projections/workers/workers.hpp"
#include "projections/writers/writers.hpp"

namespace groundtruth::projections {

void apply_one(Applier& applier, const journal::Accepted& accepted) {
  if (!accepted.commit) return;  // genesis
  try {
    applier.apply(accepted);
  } catch (const ApplyFailure&) {
    throw;
  } catch (const sqlite::Error&) {
    throw;  // the file's failure, not the commit's
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw ApplyFailure(accepted.partition, accepted.seq, error.what());
  }
}

std::vector<Definition> all_projections() {
  return {accounts_projection(), tasks_projection(),    assignments_projection(), workers_projection(),
          wallets_projection(),  commands_projection(), writers_projection()};
}

}  // namespace groundtruth::projections
