// The SQL behind reads of accounts and keys.
#include "projections/accounts/queries.hpp"

#include <limits>

#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

std::uint64_t count_keys(sqlite::Connection& db, const std::string& account) {
  auto statement = db.cached("SELECT count(*) FROM api_keys WHERE account = ?1");
  statement.bind_blob(1, account);
  statement.step();
  return static_cast<std::uint64_t>(statement.int64(0));
}

// From `below` (a row number) downwards.
Page<domain::ApiKey> keys_page(sqlite::Connection& db, const std::string& account, std::int64_t below,
                               std::uint64_t offset, std::uint32_t limit) {
  Page<domain::ApiKey> page;
  page.total = count_keys(db, account);
  if (offset >= page.total) return page;
  auto statement = db.cached(
      "SELECT version, state FROM api_keys WHERE account = ?1 AND row < ?2 ORDER BY row DESC LIMIT ?3 OFFSET "
      "?4");
  statement.bind_blob(1, account)
      .bind(2, below)
      .bind(3, limit + 1)
      .bind(4, static_cast<std::int64_t>(offset));
  while (statement.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(
        {decode_state<domain::ApiKey>(statement.text(1)), static_cast<std::uint32_t>(statement.int64(0))});
  }
  return page;
}

std::uint64_t count_live(sqlite::Connection& db, const std::string& account) {
  auto statement = db.cached("SELECT count FROM live_keys WHERE account = ?1");
  statement.bind_blob(1, account);
  return statement.step() ? static_cast<std::uint64_t>(statement.int64(0)) : 0;
}

constexpr auto kNewest = std::numeric_limits<std::int64_t>::max();

// The row that a page continues below; kNewest without a cursor, nullopt where it names no key of the
// account.
std::optional<std::int64_t> row_of_cursor(sqlite::Connection& db, const std::string& account,
                                          const std::optional<domain::ApiKeyId>& after) {
  if (!after) return kNewest;
  auto statement = db.cached("SELECT row FROM api_keys WHERE id = ?1 AND account = ?2");
  statement.bind_blob(1, stream_key(after->value)).bind_blob(2, account);
  if (!statement.step()) return std::nullopt;
  return statement.int64(0);
}

}  // namespace

std::optional<Versioned<domain::Account>> AccountQueries::account(const domain::AccountId& id) const {
  const auto db = readers_->lease();
  return load_row<domain::Account>(db->cached("SELECT version, state FROM accounts WHERE id = ?1"),
                                   stream_key(id.value));
}

AccountPage AccountQueries::accounts_after(const std::optional<domain::AccountId>& after,
                                           std::uint32_t limit) const {
  const auto db = readers_->lease();
  // Keys are ids in the order of time (projections/stream_key.hpp).
  auto statement =
      db->cached("SELECT state FROM accounts WHERE id > ?1 AND state LIKE '{%' ORDER BY id LIMIT ?2");
  statement.bind_blob(1, after ? stream_key(after->value) : std::string());
  statement.bind(2, std::int64_t{limit} + 1);
  AccountPage page;
  while (statement.step()) {
    if (page.accounts.size() == limit) {
      page.more = true;
      break;
    }
    page.accounts.push_back(decode_state<domain::Account>(statement.text(0)));
  }
  return page;
}

std::optional<domain::AccountId> AccountQueries::owner_of(const domain::EmailClaimId& claim) const {
  const auto db = readers_->lease();
  const auto row = load_row<domain::EmailClaim>(
      db->cached("SELECT version, state FROM email_claims WHERE id = ?1"), stream_key(claim.value));
  if (!row || row->state.account.empty()) return std::nullopt;
  return row->state.account;
}

std::optional<Versioned<domain::ApiKey>> AccountQueries::api_key(const domain::ApiKeyId& id) const {
  const auto db = readers_->lease();
  return load_row<domain::ApiKey>(db->cached("SELECT version, state FROM api_keys WHERE id = ?1"),
                                  stream_key(id.value));
}

Page<domain::ApiKey> AccountQueries::api_keys(const domain::AccountId& account, std::uint64_t offset,
                                              std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  return keys_page(*db, stream_key(account.value), kNewest, offset, limit);
}

std::optional<Page<domain::ApiKey>> AccountQueries::api_keys_after(
    const domain::AccountId& account, const std::optional<domain::ApiKeyId>& after,
    std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto key = stream_key(account.value);
  const auto below = row_of_cursor(*db, key, after);
  if (!below) return std::nullopt;
  return keys_page(*db, key, *below, 0, limit);
}

std::optional<Page<domain::ApiKey>> AccountQueries::live_keys(const domain::AccountId& account,
                                                              const std::optional<domain::ApiKeyId>& after,
                                                              std::uint64_t offset,
                                                              std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto key = stream_key(account.value);
  const auto below = row_of_cursor(*db, key, after);
  if (!below) return std::nullopt;
  Page<domain::ApiKey> page;
  page.total = count_live(*db, key);
  if (offset >= page.total) return page;
  // What is passed over is passed over in the index: rows are read only of what is shown.
  auto statement = db->cached(
      "SELECT version, state FROM api_keys WHERE row IN (SELECT row FROM api_keys WHERE account = ?1 "
      "AND live = 1 AND row < ?2 ORDER BY row DESC LIMIT ?3 OFFSET ?4) ORDER BY row DESC");
  statement.bind_blob(1, key)
      .bind(2, *below)
      .bind(3, std::int64_t{limit} + 1)
      .bind(4, static_cast<std::int64_t>(offset));
  while (statement.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(
        {decode_state<domain::ApiKey>(statement.text(1)), static_cast<std::uint32_t>(statement.int64(0))});
  }
  return page;
}

}  // namespace groundtruth::projections
