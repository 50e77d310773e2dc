// Tables and apply of the tasks projection.
#include "projections/tasks/tasks.hpp"

#include <unordered_map>

#include "projections/stream_table.hpp"
#include "projections/tasks/feed_class.hpp"

namespace groundtruth::projections {
namespace {

using domain::TaskStatus;

// One index serves lists with and without a status: without one, the lists of all statuses are merged. It
// names the account by a small number, for the index is what a row costs. `row` grows along each account's
// chain, so (created_at, row) is a total order that never changes.
constexpr const char* kSchema = R"sql(
  CREATE TABLE owners(
    owner INTEGER PRIMARY KEY, account BLOB NOT NULL UNIQUE,
    funding INTEGER NOT NULL, open INTEGER NOT NULL, completed INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL);
  CREATE TABLE tasks(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL,
    owner INTEGER NOT NULL, status INTEGER NOT NULL, created_at INTEGER NOT NULL, due INTEGER,
    state TEXT NOT NULL);
  CREATE TABLE feed_asks(number INTEGER PRIMARY KEY, ask TEXT NOT NULL UNIQUE);
  CREATE TABLE feed_areas(number INTEGER PRIMARY KEY, area TEXT NOT NULL UNIQUE);
  CREATE TABLE feed(
    row INTEGER PRIMARY KEY, ask INTEGER NOT NULL, area INTEGER NOT NULL, reward INTEGER NOT NULL,
    created_at INTEGER NOT NULL);
)sql";
constexpr const char* kIndexes = R"sql(
  CREATE INDEX IF NOT EXISTS task_list ON tasks(owner, status, created_at);
  CREATE INDEX IF NOT EXISTS task_due ON tasks(due) WHERE due IS NOT NULL;
  CREATE INDEX IF NOT EXISTS feed_best ON feed(reward, created_at, row, ask, area);
  CREATE INDEX IF NOT EXISTS feed_of_ask ON feed(ask, area, reward, created_at);
)sql";

// Accounts' counters, read and written at most once a batch.
class Owners {
 public:
  explicit Owners(sqlite::Connection& db) : db_(db) {}

  struct Owner {
    std::int64_t number = 0;
    bool stored = false;
    std::array<std::int64_t, kTaskStatuses> counts{};
  };

  Owner& of(const domain::AccountId& account) {
    const auto found = owners_.find(account);
    if (found != owners_.end()) return found->second;
    Owner owner;
    auto statement = db_.cached(
        "SELECT owner, funding, open, completed, cancelled, expired FROM owners WHERE account = ?1");
    statement.bind_blob(1, stream_key(account.value));
    if (statement.step()) {
      owner.stored = true;
      owner.number = statement.int64(0);
      for (std::size_t i = 1; i < kTaskStatuses; ++i) owner.counts[i] = statement.int64(static_cast<int>(i));
    } else {
      if (next_ == 0) next_ = db_.query_int64("SELECT coalesce(max(owner), 0) + 1 FROM owners");
      owner.number = next_++;
    }
    return owners_.emplace(account, owner).first->second;
  }

  void flush() {
    for (const auto& [account, owner] : owners_) {
      auto statement =
          owner.stored
              ? db_.cached(
                    "UPDATE owners SET funding = ?2, open = ?3, completed = ?4, cancelled = ?5, "
                    "expired = ?6 WHERE owner = ?1")
              : db_.cached(
                    "INSERT INTO owners(owner, funding, open, completed, cancelled, expired, account) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
      statement.bind(1, owner.number);
      for (std::size_t i = 1; i < kTaskStatuses; ++i)
        statement.bind(static_cast<int>(i) + 1, owner.counts[i]);
      if (!owner.stored) statement.bind_blob(7, stream_key(account.value));
      statement.run();
    }
    owners_.clear();
  }

  void discard() {
    owners_.clear();
    next_ = 0;
  }

 private:
  sqlite::Connection& db_;
  std::unordered_map<domain::AccountId, Owner> owners_;
  std::int64_t next_ = 0;
};

// Tasks with a free place, each with the numbers of what it asks (feed_class.hpp). Area 0 is anywhere.
class Feed {
 public:
  explicit Feed(sqlite::Connection& db) : db_(db) {}

  void add(std::string_view key, const domain::Task& task) {
    auto statement = db_.cached(
        "INSERT INTO feed(row, ask, area, reward, created_at) SELECT row, ?2, ?3, ?4, ?5 FROM tasks "
        "WHERE id = ?1");
    const auto& area = task.requirements.area;
    statement.bind_blob(1, key)
        .bind(2, number_of(feed_ask_of(task), "SELECT number FROM feed_asks WHERE ask = ?1",
                           "INSERT INTO feed_asks(ask) VALUES(?1) RETURNING number"))
        .bind(3, area ? number_of(feed_area_of(*area), "SELECT number FROM feed_areas WHERE area = ?1",
                                  "INSERT INTO feed_areas(area) VALUES(?1) RETURNING number")
                      : 0)
        .bind(4, task.reward_cents.value)
        .bind(5, task.created_at.ms)
        .run();
  }
  void remove(std::string_view key) {
    auto statement = db_.cached("DELETE FROM feed WHERE row = (SELECT row FROM tasks WHERE id = ?1)");
    statement.bind_blob(1, key).run();
  }

 private:
  template <class T>
  std::int64_t number_of(const T& value, sqlite::Sql find, sqlite::Sql add) {
    const std::string text = journal::codec::to_json(value);
    auto known = db_.cached(find);
    known.bind_text(1, text);
    if (known.step()) return known.int64(0);
    auto added = db_.cached(add);
    added.bind_text(1, text).step();
    const auto number = added.int64(0);
    added.run();
    return number;
  }

  sqlite::Connection& db_;
};

struct TaskRows {
  using State = domain::Task;
  struct Memo {
    TaskStatus status = TaskStatus::none;
    std::optional<domain::Timestamp> due;
    bool in_feed = false;
  };
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM tasks WHERE id = ?1";
  sqlite::Connection& db;
  Owners owners;
  Feed feed;

  Memo memo(const State& stored) { return {stored.status, stored.due(), stored.has_free_place()}; }

  void insert(const StoredRow& row, const State& task) {
    auto& owner = owners.of(task.account);
    ++count(owner, task.status);
    auto statement = db.cached(
        "INSERT INTO tasks(id, version, owner, status, created_at, state, due) "
        "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    statement.bind_blob(1, row.key)
        .bind(2, row.version)
        .bind(3, owner.number)
        .bind(4, static_cast<std::int64_t>(task.status))
        .bind(5, task.created_at.ms)
        .bind_text(6, row.state);
    if (const auto due = task.due()) statement.bind(7, due->ms);
    statement.run();
    if (task.has_free_place()) feed.add(row.key, task);
  }

  // SQLite writes every index of a column that it is told to set, changed or not.
  void update(const StoredRow& row, const State& task, const Memo& before) {
    if (!before.in_feed && task.has_free_place()) feed.add(row.key, task);
    if (before.in_feed && !task.has_free_place()) feed.remove(row.key);
    if (task.status == before.status && task.due() == before.due) {
      auto statement = db.cached("UPDATE tasks SET version = ?2, state = ?3 WHERE id = ?1");
      statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state).run();
      return;
    }
    if (task.status != before.status) {
      auto& owner = owners.of(task.account);
      --count(owner, before.status);
      ++count(owner, task.status);
    }
    auto statement =
        db.cached("UPDATE tasks SET version = ?2, state = ?3, status = ?4, due = ?5 WHERE id = ?1");
    statement.bind_blob(1, row.key)
        .bind(2, row.version)
        .bind_text(3, row.state)
        .bind(4, static_cast<std::int64_t>(task.status));
    if (const auto due = task.due()) statement.bind(5, due->ms);
    statement.run();
  }

  static std::int64_t& count(Owners::Owner& owner, TaskStatus status) {
    return owner.counts[static_cast<std::size_t>(status)];
  }
};

class TasksApplier final : public Applier {
 public:
  explicit TasksApplier(sqlite::Connection& db) : tasks_(db, TaskRows{db, Owners(db), Feed(db)}) {}
  bool concerns(const journal::Commit& commit) const override { return tasks_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) tasks_.apply(accepted, event);
  }
  void flush() override {
    tasks_.flush();
    tasks_.rows().owners.flush();
  }
  void discard() override {
    tasks_.discard();
    tasks_.rows().owners.discard();
  }

 private:
  StreamTable<TaskRows> tasks_;
};

}  // namespace

Definition tasks_projection() {
  Definition definition;
  definition.name = "tasks";
  definition.version = 4;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.digest = {
      {"tasks",
       "SELECT t.id, t.version, o.account, t.status, t.created_at, t.due, t.state FROM tasks t "
       "LEFT JOIN owners o ON o.owner = t.owner ORDER BY t.id",
       7},
      {"owners", "SELECT account, funding, open, completed, cancelled, expired FROM owners ORDER BY account",
       6},
      {"feed",
       "SELECT t.id, k.ask, a.area, f.reward, f.created_at FROM feed f LEFT JOIN tasks t ON t.row = f.row "
       "LEFT JOIN feed_asks k ON k.number = f.ask LEFT JOIN feed_areas a ON a.number = f.area ORDER BY t.id",
       5}};
  definition.loaders = {loader_of<TaskRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<TasksApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
