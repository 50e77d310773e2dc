// Tables and apply of the workers projection.
#include "projections/workers/workers.hpp"

#include <array>

#include "domain/worker.hpp"
#include "projections/personal_rows.hpp"
#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

using domain::WorkerStatus;

// What is personal stands only in workers.state (personal_rows.hpp).
constexpr const char* kSchema = R"sql(
  CREATE TABLE workers(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, state TEXT NOT NULL);
  CREATE TABLE mails(
    worker TEXT NOT NULL, mail INTEGER NOT NULL, requested_at INTEGER NOT NULL, PRIMARY KEY(worker, mail))
    WITHOUT ROWID;
  CREATE TABLE registrations(
    row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, claim TEXT NOT NULL, registered_at INTEGER NOT NULL,
    due INTEGER NOT NULL);
  CREATE TABLE standings(id BLOB PRIMARY KEY, approved INTEGER NOT NULL, trust INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE totals(name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE earnings(
    worker BLOB NOT NULL, day INTEGER NOT NULL, cents INTEGER NOT NULL, approved INTEGER NOT NULL,
    PRIMARY KEY(worker, day)) WITHOUT ROWID;
)sql";
constexpr const char* kIndexes = R"sql(
  CREATE INDEX IF NOT EXISTS standing_order ON standings(approved, trust, id);
  CREATE INDEX IF NOT EXISTS mail_order ON mails(requested_at);
  CREATE INDEX IF NOT EXISTS registration_order ON registrations(claim, registered_at, id);
  CREATE INDEX IF NOT EXISTS registration_due ON registrations(due);
)sql";

constexpr std::int64_t kDayMs = 86'400'000;

struct WorkerSql {
  static constexpr sqlite::Sql kInsert = "INSERT INTO workers(id, version, state) VALUES(?1, ?2, ?3)";
  static constexpr sqlite::Sql kLength =
      "SELECT length(CAST(state AS BLOB)), version FROM workers WHERE id = ?1";
  static constexpr sqlite::Sql kUpdate = "UPDATE workers SET version = ?2, state = ?3 WHERE id = ?1";
  static constexpr sqlite::Sql kBlank =
      "UPDATE workers SET id = CAST(printf('%017d', row) AS BLOB), state = ?2 WHERE id = ?1";
};

constexpr std::array kMails{domain::WorkerMail::verification, domain::WorkerMail::password_reset};

// Those without any approved work stand nowhere.
bool has_standing(const domain::Worker& worker) {
  return worker.status == WorkerStatus::verified && worker.approved > 0;
}

struct WorkerRows {
  using State = domain::Worker;
  struct Memo {
    std::array<domain::WorkerMailStatus, kMails.size()> mails;
    bool was_registered = false;
    bool had_standing = false;
  };
  static constexpr bool kSorted = false;
  static constexpr sqlite::Sql kLoad = "SELECT version, state FROM workers WHERE id = ?1";
  sqlite::Connection& db;
  PersonalRows<WorkerSql> rows;

  Memo memo(const State& stored) {
    return {{stored.verification_mail, stored.reset_mail},
            stored.status == WorkerStatus::registered,
            has_standing(stored)};
  }

  void insert(const StoredRow& row, const State& worker) {
    rows.insert(row);
    follow(row.key, worker, {});
  }
  void update(const StoredRow& row, const State& worker, const Memo& before) {
    rows.update(row);
    follow(row.key, worker, before);
  }

 private:
  // How many stand anywhere: counted as they come, for every leaderboard says it.
  void count(std::int64_t change) {
    auto statement = db.cached(
        "INSERT INTO totals(name, count) VALUES('standings', ?1) ON CONFLICT DO UPDATE SET count = count + "
        "?1");
    statement.bind(1, change).run();
  }

  void follow(std::string_view key, const State& worker, const Memo& before) {
    for (std::size_t i = 0; i < kMails.size(); ++i) follow_mail(worker, kMails[i], before.mails[i]);
    const bool is_registered = worker.status == WorkerStatus::registered;
    if (is_registered && !before.was_registered) {
      auto statement =
          db.cached("INSERT INTO registrations(id, claim, registered_at, due) VALUES(?1, ?2, ?3, ?4)");
      statement.bind_blob(1, key)
          .bind_text(2, worker.email_claim.value)
          .bind(3, worker.registered_at.ms)
          .bind(4, worker.registered_at.ms + domain::kRegistrationMs)
          .run();
    } else if (!is_registered && before.was_registered) {
      db.cached("DELETE FROM registrations WHERE id = ?1").bind_blob(1, key).run();
    }
    if (has_standing(worker) != before.had_standing) count(before.had_standing ? -1 : 1);
    if (has_standing(worker)) {
      auto statement = db.cached("REPLACE INTO standings(id, approved, trust) VALUES(?1, ?2, ?3)");
      statement.bind_blob(1, key).bind(2, worker.approved).bind(3, worker.trust()).run();
    } else if (before.had_standing) {
      db.cached("DELETE FROM standings WHERE id = ?1").bind_blob(1, key).run();
    }
  }

  void follow_mail(const State& worker, domain::WorkerMail which, const domain::WorkerMailStatus& before) {
    const auto& now = worker.mail(which);
    if (now == before) return;
    if (now.state == domain::MailState::waiting) {
      auto statement = db.cached("REPLACE INTO mails(worker, mail, requested_at) VALUES(?1, ?2, ?3)");
      statement.bind_text(1, worker.id.value)
          .bind(2, static_cast<std::int64_t>(which))
          .bind(3, now.requested_at.ms)
          .run();
    } else if (before.state == domain::MailState::waiting) {
      auto statement = db.cached("DELETE FROM mails WHERE worker = ?1 AND mail = ?2");
      statement.bind_text(1, worker.id.value).bind(2, static_cast<std::int64_t>(which)).run();
    }
  }
};

class WorkersApplier final : public Applier {
 public:
  explicit WorkersApplier(sqlite::Connection& db)
      : db_(db), workers_(db, WorkerRows{db, PersonalRows<WorkerSql>(db)}) {}

  bool concerns(const journal::Commit& commit) const override { return workers_.concerns(commit); }
  void apply(const journal::Accepted& accepted) override {
    for (const auto& event : accepted.commit->events) {
      workers_.apply(accepted, event);
      if (const auto* settled = std::get_if<domain::WorkSettled>(&event.data))
        add_earned(*settled, accepted.commit->at);
      erased_ = erased_ || std::holds_alternative<domain::WorkerErased>(event.data);
    }
  }
  void flush() override { workers_.flush(); }
  void discard() override {
    workers_.discard();
    erased_ = false;
  }
  bool take_erased() override { return std::exchange(erased_, false); }

 private:
  void add_earned(const domain::WorkSettled& settled, domain::Timestamp at) {
    const bool is_bought = settled.outcome == domain::WorkOutcome::approved ||
                           settled.outcome == domain::WorkOutcome::reinstated;
    if (!is_bought) return;
    auto statement = db_.cached(
        "INSERT INTO earnings(worker, day, cents, approved) VALUES(?1, ?2, ?3, 1) ON CONFLICT DO UPDATE "
        "SET cents = cents + ?3, approved = approved + 1");
    statement.bind_blob(1, stream_key(settled.worker.value))
        .bind(2, at.ms / kDayMs)
        .bind(3, settled.earned_cents.value)
        .run();
  }

  sqlite::Connection& db_;
  StreamTable<WorkerRows> workers_;
  bool erased_ = false;
};

}  // namespace

Definition workers_projection() {
  Definition definition;
  definition.name = "workers";
  definition.version = 2;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.personal = true;
  definition.digest = {
      {"workers", "SELECT id, version, rtrim(state) FROM workers WHERE state LIKE '{%' ORDER BY id", 3},
      {"mails", "SELECT worker, mail, requested_at FROM mails ORDER BY worker, mail", 3},
      {"registrations", "SELECT id, claim, registered_at, due FROM registrations ORDER BY id", 4},
      {"standings", "SELECT id, approved, trust FROM standings ORDER BY id", 3},
      // Without 0: whether there is such a row depends on how the history was cut into batches.
      {"totals", "SELECT name, count FROM totals WHERE count <> 0 ORDER BY name", 2},
      {"earnings", "SELECT worker, day, cents, approved FROM earnings ORDER BY worker, day", 4}};
  definition.loaders = {loader_of<WorkerRows>()};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<WorkersApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
