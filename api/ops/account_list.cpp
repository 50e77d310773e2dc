// See account_list.hpp.
#include "api/ops/account_list.hpp"

#include "projections/stream_table.hpp"

namespace groundtruth::ops {

AccountPage list_accounts_after(projections::ReadPool& accounts,
                                const std::optional<domain::AccountId>& after, std::uint32_t limit) {
  const auto db = accounts.lease();
  // Keys are ids in the order of time (projections/stream_key.hpp).
  auto statement = db->cached("SELECT state FROM accounts WHERE id > ?1 ORDER BY id LIMIT ?2");
  statement.bind_blob(1, after ? projections::stream_key(after->value) : std::string());
  statement.bind(2, std::int64_t{limit} + 1);
  AccountPage page;
  while (statement.step()) {
    if (page.accounts.size() == limit) {
      page.more = true;
      break;
    }
    page.accounts.push_back(projections::decode_state<domain::Account>(statement.text(0)));
  }
  return page;
}

std::optional<domain::AccountId> owner_of(projections::ReadPool& accounts,
                                          const domain::EmailClaimId& claim) {
  const auto db = accounts.lease();
  const auto row = projections::load_row<domain::EmailClaim>(
      db->cached("SELECT version, state FROM email_claims WHERE id = ?1"),
      projections::stream_key(claim.value));
  if (!row || row->state.account.empty()) return std::nullopt;
  return row->state.account;
}

}  // namespace groundtruth::ops
