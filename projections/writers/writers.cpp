// Tables and apply of the writers projection.
#include "projections/writers/writers.hpp"

#include "domain/writer.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

// One row a partition, at most.
constexpr const char* kSchema = R"sql(
  CREATE TABLE writers(id BLOB PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
)sql";

struct WriterRows {
  using State = domain::Writer;
  using Memo = NoMemo;
  static constexpr bool kSorted = true;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM writers WHERE id = ?1";
  sqlite::Connection& db;

  Memo memo(const State&) { return {}; }
  void insert(const StoredRow& row, const State&) {
    auto statement = db.cached("INSERT INTO writers(id, version, state) VALUES(?1, ?2, ?3)");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
  void update(const StoredRow& row, const State&, Memo) {
    auto statement = db.cached("UPDATE writers SET version = ?2, state = ?3 WHERE id = ?1");
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
  }
};

class WritersApplier final : public Applier {
 public:
  explicit WritersApplier(sqlite::Connection& db) : writers_(db, WriterRows{db}) {}
  bool concerns(const journal::Commit& commit) const override { return writers_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) writers_.apply(accepted, event);
  }
  void flush() override { writers_.flush(); }
  void discard() override { writers_.discard(); }

 private:
  StreamTable<WriterRows> writers_;
};

}  // namespace

Definition writers_projection() {
  Definition definition;
  definition.name = "writers";
  definition.schema = kSchema;
  definition.digest = {{"writers", "SELECT id, version, state FROM writers ORDER BY id", 3}};
  definition.loaders = {loader_of<WriterRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<WritersApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
