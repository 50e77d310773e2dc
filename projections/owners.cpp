// See owners.hpp.
#include "projections/owners.hpp"

#include "domain/account.hpp"
#include "domain/worker.hpp"
#include "projections/read_pool.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

template <class State>
void walk(ReadPool& readers, sqlite::Sql all, const std::function<void(std::string, bool)>& take) {
  const auto db = readers.lease_lengthy();
  auto rows = db->cached(all);
  while (rows.step()) {
    auto state = decode_state<State>(rows.text(0));
    take(std::move(state.id.value), state.status == decltype(state.status)::erased);
  }
}

}  // namespace

void for_each_owner(Projector& projector, const std::function<void(std::string owner, bool erased)>& take) {
  walk<domain::Account>(projector.readers("accounts"), "SELECT state FROM accounts WHERE state LIKE '{%'",
                        take);
  walk<domain::Worker>(projector.readers("workers"), "SELECT state FROM workers WHERE state LIKE '{%'", take);
}

}  // namespace groundtruth::projections
