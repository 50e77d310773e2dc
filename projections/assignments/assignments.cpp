// Tables and apply of the assignments projection.
#include "projections/assignments/assignments.hpp"

#include <string>
#include <unordered_map>
#include <vector>

#include "domain/assignment.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

using domain::AssignmentStatus;

// Submissions have a table of their own whose rows grow in the order in which they came along each task's
// chain, so (created_at, row) is a total order that never changes: it orders their lists. Their status is the
// one that the customer sees. `contests` holds those that wait for an operator, `kept` those of which
// something lies in the store that goes when the worker is erased: leases, and rejections whose media is
// still there.
constexpr const char* kSchema = R"sql(
  CREATE TABLE assignments(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, due INTEGER,
    holder BLOB,  -- the worker, while it is leased
    state TEXT NOT NULL);
  CREATE TABLE submissions(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, assignment INTEGER NOT NULL, task BLOB NOT NULL,
    status INTEGER NOT NULL, created_at INTEGER NOT NULL);
  -- For each worker, when leases ended without work since work last came, and when that was. Times, not a counter:
  -- commits of different partitions are applied in any order.
  CREATE TABLE fruitless(
    worker BLOB NOT NULL, at INTEGER NOT NULL, assignment BLOB NOT NULL, PRIMARY KEY(worker, at, assignment))
    WITHOUT ROWID;
  CREATE TABLE last_work(worker BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE counts(
    task BLOB PRIMARY KEY, pending INTEGER NOT NULL, approved INTEGER NOT NULL, rejected INTEGER NOT NULL)
    WITHOUT ROWID;
  CREATE TABLE contests(assignment INTEGER PRIMARY KEY, contested_at INTEGER NOT NULL);
  CREATE TABLE kept(assignment INTEGER PRIMARY KEY, worker BLOB NOT NULL);
)sql";
constexpr const char* kIndexes = R"sql(
  CREATE INDEX IF NOT EXISTS assignment_due ON assignments(due) WHERE due IS NOT NULL;
  CREATE INDEX IF NOT EXISTS contest_list ON contests(contested_at);
  CREATE INDEX IF NOT EXISTS kept_of_worker ON kept(worker);
  CREATE INDEX IF NOT EXISTS assignment_holder ON assignments(holder, due) WHERE holder IS NOT NULL;
  CREATE INDEX IF NOT EXISTS submission_list ON submissions(task, status, created_at);
)sql";

struct Counts {
  std::int64_t pending = 0, approved = 0, rejected = 0;
  std::int64_t* of(AssignmentStatus status) {
    if (status == AssignmentStatus::pending) return &pending;
    if (status == AssignmentStatus::approved) return &approved;
    return status == AssignmentStatus::rejected ? &rejected : nullptr;
  }
};

// What a batch changes in tasks' counters.
class TaskCounts {
 public:
  explicit TaskCounts(sqlite::Connection& db) : db_(db) {}

  void move(const domain::TaskId& task, AssignmentStatus from, AssignmentStatus to) {
    Counts& change = changes_[task.value];
    if (auto* count = change.of(from)) --*count;
    if (auto* count = change.of(to)) ++*count;
  }
  void flush() {
    for (const auto& [task, change] : changes_) {
      auto statement = db_.cached(
          "INSERT INTO counts(task, pending, approved, rejected) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO "
          "UPDATE "
          "SET pending = pending + ?2, approved = approved + ?3, rejected = rejected + ?4");
      statement.bind_blob(1, stream_key(task))
          .bind(2, change.pending)
          .bind(3, change.approved)
          .bind(4, change.rejected)
          .run();
    }
    changes_.clear();
  }
  void discard() { changes_.clear(); }

 private:
  sqlite::Connection& db_;
  std::unordered_map<std::string, Counts> changes_;
};

// What a batch adds to the submissions. It is written in the order of the chain, and not of assignments as
// the batch came upon them: the rows are what orders submissions of one millisecond.
class NewSubmissions {
 public:
  explicit NewSubmissions(sqlite::Connection& db) : db_(db) {}

  void created(const journal::Accepted& accepted, const domain::SubmissionId& id) {
    order_.push_back({id.value, accepted.partition, accepted.seq});
  }
  void add(std::string_view assignment_key, const domain::Assignment& state) {
    rows_.insert_or_assign(
        stream_key(state.submission.value),
        Row{std::string(assignment_key), stream_key(state.task.value), state.review(), state.submitted_at});
  }
  void flush() {
    for (const auto& created : order_) {
      try {
        insert(stream_key(created.id));
      } catch (const sqlite::Error& error) {
        rethrow_write_failure(error, created.partition, created.seq, created.id);
      }
    }
    discard();
  }
  void discard() {
    order_.clear();
    rows_.clear();
  }

 private:
  struct Row {
    std::string assignment_key, task_key;
    AssignmentStatus status{};
    domain::Timestamp created_at;
  };
  struct Created {
    std::string id;
    journal::Partition partition;
    std::uint64_t seq = 0;
  };

  void insert(const std::string& key) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) return;  // its assignment has another one by now: then that one is listed
    const Row& row = found->second;
    auto statement = db_.cached(
        "INSERT INTO submissions(id, assignment, task, status, created_at) "
        "SELECT ?2, row, ?3, ?4, ?5 FROM assignments WHERE id = ?1");
    statement.bind_blob(1, row.assignment_key)
        .bind_blob(2, key)
        .bind_blob(3, row.task_key)
        .bind(4, static_cast<std::int64_t>(row.status))
        .bind(5, row.created_at.ms)
        .run();
  }

  sqlite::Connection& db_;
  std::vector<Created> order_;
  std::unordered_map<std::string, Row> rows_;
};

struct AssignmentRows {
  using State = domain::Assignment;
  struct Memo {
    AssignmentStatus status = AssignmentStatus::none;
    bool is_kept = false;
  };
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM assignments WHERE id = ?1";
  sqlite::Connection& db;
  TaskCounts counts;
  NewSubmissions submissions;

  Memo memo(const State& stored) { return {stored.status, is_kept(stored)}; }

  void insert(const StoredRow& row, const State& state) {
    write(db.cached("INSERT INTO assignments(id, version, state, due, holder) VALUES(?1, ?2, ?3, ?4, ?5)"),
          row, state);
    follow(row.key, state, {});
  }

  void update(const StoredRow& row, const State& state, const Memo& before) {
    write(db.cached("UPDATE assignments SET version = ?2, state = ?3, due = ?4, holder = ?5 WHERE id = ?1"),
          row, state);
    follow(row.key, state, before);
  }

 private:
  static bool is_submitted(AssignmentStatus status) { return status >= AssignmentStatus::pending; }
  static bool is_kept(const State& state) {
    return state.status == AssignmentStatus::leased || (state.was_rejected() && !state.is_discarded);
  }
  static AssignmentStatus review_of(AssignmentStatus status) {
    return status > AssignmentStatus::rejected ? AssignmentStatus::rejected : status;
  }

  static void write(sqlite::Statement statement, const StoredRow& row, const State& state) {
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, row.state);
    if (const auto due = state.due()) statement.bind(4, due->ms);
    if (state.status == AssignmentStatus::leased) statement.bind_blob(5, stream_key(state.worker.value));
    statement.run();
  }

  void follow(std::string_view key, const State& state, const Memo& before) {
    if (is_kept(state) != before.is_kept) keep(key, state);
    if (state.status == before.status) return;
    if (state.status == AssignmentStatus::contested || before.status == AssignmentStatus::contested)
      contest(key, state);
    const auto seen = state.review(), seen_before = review_of(before.status);
    if (!is_submitted(seen) || seen == seen_before) return;
    counts.move(state.task, seen_before, seen);
    if (is_submitted(seen_before)) {
      auto statement = db.cached("UPDATE submissions SET status = ?2 WHERE id = ?1");
      statement.bind_blob(1, stream_key(state.submission.value))
          .bind(2, static_cast<std::int64_t>(seen))
          .run();
      return;
    }
    submissions.add(key, state);
  }

  void keep(std::string_view key, const State& state) {
    if (is_kept(state)) {
      auto statement =
          db.cached("INSERT INTO kept(assignment, worker) SELECT row, ?2 FROM assignments WHERE id = ?1");
      statement.bind_blob(1, key).bind_blob(2, stream_key(state.worker.value)).run();
    } else {
      auto statement =
          db.cached("DELETE FROM kept WHERE assignment = (SELECT row FROM assignments WHERE id = ?1)");
      statement.bind_blob(1, key).run();
    }
  }

  void contest(std::string_view key, const State& state) {
    if (state.status == AssignmentStatus::contested) {
      auto statement = db.cached(
          "INSERT INTO contests(assignment, contested_at) SELECT row, ?2 FROM assignments WHERE id = ?1");
      statement.bind_blob(1, key).bind(2, state.contested_at->ms).run();
    } else {
      auto statement =
          db.cached("DELETE FROM contests WHERE assignment = (SELECT row FROM assignments WHERE id = ?1)");
      statement.bind_blob(1, key).run();
    }
  }
};

// What a batch says of how leases ended.
class LeaseEnds {
 public:
  explicit LeaseEnds(sqlite::Connection& db) : db_(db) {}

  void ended(const journal::Commit& commit, const domain::LeaseEnded& event) {
    // Where a task ends, the clock ends its leases, and calls them released.
    const bool is_workers =
        event.reason == domain::LeaseEnd::expired || commit.command.name == domain::ReleaseTask::kName;
    if (is_workers) ends_.push_back({event.worker.value, event.assignment.value, commit.at});
  }
  void worked(const domain::WorkerId& worker, domain::Timestamp at) {
    auto& last = worked_[worker.value];
    last = std::max(last, at);
  }
  void flush() {
    for (const auto& end : ends_) {
      auto statement = db_.cached(
          "INSERT OR IGNORE INTO fruitless(worker, at, assignment) SELECT ?1, ?2, ?3 "
          "WHERE ?2 > coalesce((SELECT at FROM last_work WHERE worker = ?1), 0)");
      statement.bind_blob(1, stream_key(end.worker))
          .bind(2, end.at.ms)
          .bind_blob(3, stream_key(end.assignment));
      statement.run();
    }
    for (const auto& [worker, at] : worked_) {
      auto statement = db_.cached(
          "INSERT INTO last_work(worker, at) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET at = max(at, ?2)");
      statement.bind_blob(1, stream_key(worker)).bind(2, at.ms).run();
      auto over = db_.cached("DELETE FROM fruitless WHERE worker = ?1 AND at <= ?2");
      over.bind_blob(1, stream_key(worker)).bind(2, at.ms).run();
    }
    discard();
  }
  void discard() {
    ends_.clear();
    worked_.clear();
  }

 private:
  struct End {
    std::string worker, assignment;
    domain::Timestamp at;
  };
  sqlite::Connection& db_;
  std::vector<End> ends_;
  std::unordered_map<std::string, domain::Timestamp> worked_;
};

class AssignmentsApplier final : public Applier {
 public:
  explicit AssignmentsApplier(sqlite::Connection& db)
      : table_(db, AssignmentRows{db, TaskCounts(db), NewSubmissions(db)}), ends_(db) {}
  bool concerns(const journal::Commit& commit) const override { return table_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) {
      table_.apply(accepted, event);
      if (const auto* created = std::get_if<domain::SubmissionCreated>(&event.data)) {
        table_.rows().submissions.created(accepted, created->submission);
        ends_.worked(created->worker, accepted.commit->at);
      }
      if (const auto* ended = std::get_if<domain::LeaseEnded>(&event.data))
        ends_.ended(*accepted.commit, *ended);
    }
  }
  void flush() override {
    table_.flush();
    table_.rows().submissions.flush();
    table_.rows().counts.flush();
    ends_.flush();
  }
  void discard() override {
    table_.discard();
    table_.rows().submissions.discard();
    table_.rows().counts.discard();
    ends_.discard();
  }

 private:
  StreamTable<AssignmentRows> table_;
  LeaseEnds ends_;
};

}  // namespace

Definition assignments_projection() {
  Definition definition;
  definition.name = "assignments";
  definition.version = 4;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.digest = {
      {"assignments", "SELECT id, version, due, holder, state FROM assignments ORDER BY id", 5},
      {"fruitless", "SELECT worker, at, assignment FROM fruitless ORDER BY 1, 2, 3", 3},
      {"last_work", "SELECT worker, at FROM last_work ORDER BY worker", 2},
      {"submissions",
       "SELECT s.id, a.id, s.task, s.status, s.created_at FROM submissions s "
       "LEFT JOIN assignments a ON a.row = s.assignment ORDER BY s.id",
       5},
      {"counts", "SELECT task, pending, approved, rejected FROM counts ORDER BY task", 4},
      {"contests",
       "SELECT a.id, c.contested_at FROM contests c LEFT JOIN assignments a "
       "ON a.row = c.assignment ORDER BY a.id",
       2},
      {"kept",
       "SELECT a.id, k.worker FROM kept k LEFT JOIN assignments a "
       "ON a.row = k.assignment ORDER BY a.id",
       2}};
  definition.loaders = {loader_of<AssignmentRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<AssignmentsApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
