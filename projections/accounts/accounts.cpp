// Tables and apply of the accounts projection.
#include "projections/accounts/accounts.hpp"

#include "domain/account.hpp"
#include "domain/api_key.hpp"
#include "projections/personal_rows.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

// Row numbers of api_keys follow each account's chain: they order its list.
//
// Names and e-mails stand only in accounts.state (personal_rows.hpp).
constexpr const char* kSchema = R"sql(
  CREATE TABLE email_claims(id BLOB PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE accounts(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, state TEXT NOT NULL);
  CREATE TABLE api_keys(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, account BLOB NOT NULL,
    live INTEGER NOT NULL, state TEXT NOT NULL);
  CREATE TABLE live_keys(account BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
)sql";
// Lists show live keys: those that were revoked, however many, are in no way of theirs.
constexpr const char* kIndexes = R"sql(
  CREATE INDEX IF NOT EXISTS api_key_list ON api_keys(account);
  CREATE INDEX IF NOT EXISTS api_key_live ON api_keys(account) WHERE live = 1;
)sql";

struct ClaimRows {
  using State = domain::EmailClaim;
  using Memo = NoMemo;
  static constexpr bool kSorted = true;  // ids are hashes
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM email_claims WHERE id = ?1";
  sqlite::Connection& db;

  Memo memo(const State&) { return {}; }
  void insert(const StoredRow& row, const State&) {
    auto statement = db.cached("INSERT INTO email_claims(id, version, state) VALUES(?1, ?2, ?3)");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
  void update(const StoredRow& row, const State&, Memo) {
    auto statement = db.cached("UPDATE email_claims SET version = ?2, state = ?3 WHERE id = ?1");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
};

struct AccountSql {
  static constexpr sqlite::Sql kInsert = "INSERT INTO accounts(id, version, state) VALUES(?1, ?2, ?3)";
  static constexpr sqlite::Sql kLength =
      "SELECT length(CAST(state AS BLOB)), version FROM accounts WHERE id = ?1";
  static constexpr sqlite::Sql kUpdate = "UPDATE accounts SET version = ?2, state = ?3 WHERE id = ?1";
  static constexpr sqlite::Sql kBlank =
      "UPDATE accounts SET id = CAST(printf('%017d', row) AS BLOB), state = ?2 WHERE id = ?1";
};

struct AccountRows {
  using State = domain::Account;
  using Memo = NoMemo;
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM accounts WHERE id = ?1";
  PersonalRows<AccountSql> rows;

  Memo memo(const State&) { return {}; }
  void insert(const StoredRow& row, const State&) { rows.insert(row); }
  void update(const StoredRow& row, const State&, Memo) { rows.update(row); }
};

struct ApiKeyRows {
  using State = domain::ApiKey;
  struct Memo {
    bool was_live = false;
  };
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM api_keys WHERE id = ?1";
  sqlite::Connection& db;

  Memo memo(const State& stored) { return {is_live(stored)}; }
  void insert(const StoredRow& row, const State& state) {
    auto statement =
        db.cached("INSERT INTO api_keys(id, version, account, live, state) VALUES(?1, ?2, ?3, ?4, ?5)");
    statement.bind_blob(1, row.key)
        .bind(2, row.version)
        .bind_blob(3, stream_key(state.account.value))
        .bind(4, is_live(state) ? 1 : 0)
        .bind_text(5, row.state)
        .run();
    if (is_live(state)) count(state, 1);
  }
  void update(const StoredRow& row, const State& state, const Memo& before) {
    auto statement = db.cached("UPDATE api_keys SET version = ?2, state = ?3 WHERE id = ?1");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
    if (before.was_live == is_live(state)) return;
    auto moved = db.cached("UPDATE api_keys SET live = ?2 WHERE id = ?1");
    moved.bind_blob(1, row.key).bind(2, is_live(state) ? 1 : 0).run();
    count(state, is_live(state) ? 1 : -1);
  }

 private:
  static bool is_live(const State& state) { return !state.revoked_at; }

  void count(const State& state, std::int64_t change) {
    auto statement = db.cached(
        "INSERT INTO live_keys(account, count) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET count = count + ?2");
    statement.bind_blob(1, stream_key(state.account.value)).bind(2, change).run();
  }
};

class AccountsApplier final : public Applier {
 public:
  explicit AccountsApplier(sqlite::Connection& db)
      : claims_(db, ClaimRows{db}),
        accounts_(db, AccountRows{PersonalRows<AccountSql>(db)}),
        keys_(db, ApiKeyRows{db}) {}

  bool concerns(const journal::Commit& commit) const override {
    return claims_.concerns(commit) || accounts_.concerns(commit) || keys_.concerns(commit);
  }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) {
      claims_.apply(accepted, event) || accounts_.apply(accepted, event) || keys_.apply(accepted, event);
      erased_ = erased_ || std::holds_alternative<domain::AccountErased>(event.data);
    }
  }
  void flush() override {
    claims_.flush();
    accounts_.flush();
    keys_.flush();
  }
  void discard() override {
    claims_.discard();
    accounts_.discard();
    keys_.discard();
    erased_ = false;
  }
  bool take_erased() override { return std::exchange(erased_, false); }

 private:
  StreamTable<ClaimRows> claims_;
  StreamTable<AccountRows> accounts_;
  StreamTable<ApiKeyRows> keys_;
  bool erased_ = false;
};

}  // namespace

Definition accounts_projection() {
  Definition definition;
  definition.name = "accounts";
  definition.version = 2;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.personal = true;
  definition.digest = {
      {"email_claims", "SELECT id, version, state FROM email_claims ORDER BY id", 3},
      {"accounts", "SELECT id, version, rtrim(state) FROM accounts WHERE state LIKE '{%' ORDER BY id", 3},
      {"api_keys", "SELECT id, version, account, live, state FROM api_keys ORDER BY id", 5},
      // Without those of 0: whether there is such a row depends on how the history was cut into batches.
      {"live_keys", "SELECT account, count FROM live_keys WHERE count <> 0 ORDER BY account", 2}};
  definition.loaders = {loader_of<ClaimRows>(), loader_of<AccountRows>(), loader_of<ApiKeyRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<AccountsApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
