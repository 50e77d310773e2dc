// Tables and apply of the wallets projection.
#include "projections/wallets/wallets.hpp"

#include "domain/wallet.hpp"
#include "projections/place.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

// A wallet's postings stand together in the order of its chain: a statement reads one range.
constexpr const char* kSchema = R"sql(
  CREATE TABLE wallets(id BLOB PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE postings(
    wallet BLOB NOT NULL, place INTEGER NOT NULL, event INTEGER NOT NULL, at INTEGER NOT NULL,
    reason TEXT NOT NULL, reference TEXT NOT NULL, entries TEXT NOT NULL,
    PRIMARY KEY(wallet, place, event)) WITHOUT ROWID;
)sql";

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
  explicit WalletsApplier(sqlite::Connection& db) : db_(db), wallets_(db, WalletRows{db}) {}
  bool concerns(const journal::Commit& commit) const override { return wallets_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    check_countable(accepted);
    const auto& events = accepted.commit->events;
    for (std::size_t i = 0; i < events.size(); ++i)
      if (wallets_.apply(accepted, events[i])) insert_posting(accepted, i);
  }
  void flush() override { wallets_.flush(); }
  void discard() override { wallets_.discard(); }

 private:
  void insert_posting(const journal::Accepted& accepted, std::size_t event) {
    const auto& committed = accepted.commit->events[event];
    const auto& posted = std::get<domain::WalletPosted>(committed.data);  // nothing else moves a wallet
    entries_.clear();
    journal::codec::write_json(entries_, posted.entries);
    auto statement = db_.cached(
        "INSERT INTO postings(wallet, place, event, at, reason, reference, entries) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    statement.bind_blob(1, stream_key(committed.stream))
        .bind(2, place_of(accepted.partition, accepted.seq))
        .bind(3, static_cast<std::int64_t>(event))
        .bind(4, accepted.commit->at.ms)
        .bind_text(5, boost::describe::enum_to_string(posted.reason, ""))
        .bind_text(6, posted.reference)
        .bind_text(7, entries_)
        .run();
  }

  sqlite::Connection& db_;
  StreamTable<WalletRows> wallets_;
  std::string entries_;
};

}  // namespace

Definition wallets_projection() {
  Definition definition;
  definition.name = "wallets";
  definition.version = 2;
  definition.schema = kSchema;
  definition.digest = {{"wallets", "SELECT id, version, state FROM wallets ORDER BY id", 3},
                       {"postings",
                        "SELECT wallet, place, event, at, reason, reference, entries FROM postings "
                        "ORDER BY wallet, place, event",
                        7}};
  definition.loaders = {loader_of<WalletRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<WalletsApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
