// Table, apply and queries of the wallets projection.
#include "projections/wallets/wallets.hpp"

#include "domain/wallet.hpp"
#include "projections/stream_table.hpp"
#include "projections/wallets/queries.hpp"

namespace groundtruth::projections {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE wallets(id BLOB PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;";

struct WalletRows {
  using State = domain::Wallet;
  using Memo = NoMemo;
  static constexpr bool kSorted = true;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM wallets WHERE id = ?1";
  sqlite::Connection& db;

  Memo memo(const State&) { return {}; }
  void insert(const StoredRow& row, const State&) {
    auto statement = db.cached("INSERT INTO wallets(id, version, state) VALUES(?1, ?2, ?3)");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
  void update(const StoredRow& row, const State&, Memo) {
    auto statement = db.cached("UPDATE wallets SET version = ?2, state = ?3 WHERE id = ?1");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
};

class WalletsApplier final : public Applier {
 public:
  explicit WalletsApplier(sqlite::Connection& db) : wallets_(db, WalletRows{db}) {}
  bool concerns(const journal::Commit& commit) const override { return wallets_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) wallets_.apply(accepted, event);
  }
  void flush() override { wallets_.flush(); }
  void discard() override { wallets_.discard(); }

 private:
  StreamTable<WalletRows> wallets_;
};

}  // namespace

Definition wallets_projection() {
  Definition definition;
  definition.name = "wallets";
  definition.version = 1;
  definition.schema = kSchema;
  definition.digest = {{"wallets", "SELECT id, version, state FROM wallets ORDER BY id", 3}};
  definition.loaders = {loader_of<WalletRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<WalletsApplier>(db);
  };
  return definition;
}

std::optional<Versioned<domain::Wallet>> WalletQueries::wallet(const domain::WalletId& id) const {
  const auto db = readers_->lease();
  return load_row<domain::Wallet>(db->cached(WalletRows::kLoad), stream_key(id.value));
}

}  // namespace groundtruth::projections
