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
    state TEXT NOT NULL);
)sql";
constexpr const char* kIndexes = "CREATE INDEX IF NOT EXISTS api_key_list ON api_keys(account);";

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
  using Memo = NoMemo;
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM api_keys WHERE id = ?1";
  sqlite::Connection& db;

  Memo memo(const State&) { return {}; }
  void insert(const StoredRow& row, const State& state) {
    auto statement = db.cached("INSERT INTO api_keys(id, version, account, state) VALUES(?1, ?2, ?3, ?4)");
    statement.bind_blob(1, row.key)
        .bind(2, row.version)
        .bind_blob(3, stream_key(state.account.value))
        .bind_text(4, row.state)
        .run();
  }
  void update(const StoredRow& row, const State&, Memo) {
    auto statement = db.cached("UPDATE api_keys SET version = ?2, state = ?3 WHERE id = ?1");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
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
  definition.version = 1;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.personal = true;
  definition.digest = {
      {"email_claims", "SELECT id, version, state FROM email_claims ORDER BY id", 3},
      {"accounts", "SELECT id, version, rtrim(state) FROM accounts WHERE state LIKE '{%' ORDER BY id", 3},
      {"api_keys", "SELECT id, version, account, state FROM api_keys ORDER BY id", 4}};
  definition.loaders = {loader_of<ClaimRows>(), loader_of<AccountRows>(), loader_of<ApiKeyRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<AccountsApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
