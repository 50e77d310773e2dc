// Tables and apply of the commands projection.
#include "projections/commands/commands.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "projections/commands/request_hash.hpp"
#include "projections/place.hpp"
#include "projections/stream_key.hpp"

namespace groundtruth::projections {
namespace {

using journal::kPartitionTotal;

// `seen` grows at the end of each partition's range; the first index nearly so, for command ids sort by time.
constexpr const char* kSchema = R"sql(
  CREATE TABLE seen(
    place INTEGER PRIMARY KEY, at INTEGER NOT NULL, offset INTEGER NOT NULL, command BLOB, key BLOB,
    request_hash BLOB);
  CREATE TABLE cutoffs(partition INTEGER PRIMARY KEY, hour INTEGER NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE relays(
    partition INTEGER NOT NULL, relay TEXT NOT NULL, seq INTEGER NOT NULL, event INTEGER NOT NULL,
    PRIMARY KEY(partition, relay)) WITHOUT ROWID;
)sql";
constexpr const char* kIndexes = R"sql(
  CREATE INDEX IF NOT EXISTS seen_command ON seen(command) WHERE command IS NOT NULL;
  CREATE INDEX IF NOT EXISTS seen_key ON seen(key) WHERE key IS NOT NULL;
)sql";

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kMinEvictions =
    512;  // a batch deletes this many rows and twice what it wrote, at most

class CommandsApplier final : public Applier {
 public:
  explicit CommandsApplier(sqlite::Connection& db) : db_(db) { load_cutoffs(); }

  bool concerns(const journal::Commit&) const override { return true; }  // each carries a command
  void apply(const journal::Accepted& accepted) override {
    const auto& commit = *accepted.commit;
    check_countable(accepted);
    if (!commit.command.id.empty() || commit.command.keyed) insert(accepted);
    if (commit.cause) {
      const journal::RelayMark mark = journal::mark_of(*commit.cause);
      auto& highest = marks_[{journal::index_of(accepted.partition), journal::relay_of(*commit.cause)}];
      highest = std::max(highest, mark);
    }
    auto& cutoff = cutoffs_[journal::index_of(accepted.partition)];
    if (const auto hour = commit.at.ms / kHourMs; !cutoff.exists || cutoff.hour != hour)
      cutoff = {true, hour, commit.at.ms - kCommandRetentionMs, true, true};
  }

  void flush() override {
    for (const auto& [which, mark] : marks_) {
      auto statement = db_.cached(
          "INSERT INTO relays(partition, relay, seq, event) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
          "SET seq = ?3, event = ?4 WHERE (?3, ?4) > (seq, event)");
      statement.bind(1, static_cast<std::int64_t>(which.first))
          .bind_text(2, which.second)
          .bind(3, static_cast<std::int64_t>(mark.seq))
          .bind(4, mark.event)
          .run();
    }
    marks_.clear();
    std::int64_t allowance = kMinEvictions + 2 * inserted_;
    inserted_ = 0;
    for (std::size_t partition = 0; partition < kPartitionTotal; ++partition) {
      auto& cutoff = cutoffs_[partition];
      if (cutoff.changed) write_cutoff(partition, cutoff);
      if (cutoff.evicting && allowance > 0) evict(partition, cutoff, allowance);
    }
  }

  void discard() override {
    marks_.clear();
    inserted_ = 0;
    load_cutoffs();
  }

 private:
  struct Cutoff {
    bool exists = false;
    std::int64_t hour = 0;  // of the newest commit
    std::int64_t at = 0;    // what is older is gone
    bool changed = false;
    bool evicting = false;  // there may be bytes of rows that are gone
  };

  void load_cutoffs() {
    cutoffs_.fill({});
    auto statement = db_.cached("SELECT partition, hour, at FROM cutoffs");
    while (statement.step())
      cutoffs_.at(static_cast<std::size_t>(statement.int64(0))) = {true, statement.int64(1),
                                                                   statement.int64(2), false, true};
  }

  void insert(const journal::Accepted& accepted) {
    const auto& command = accepted.commit->command;
    auto statement = db_.cached(
        "INSERT INTO seen(place, at, offset, command, key, request_hash) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    statement.bind(1, place_of(accepted.partition, accepted.seq))
        .bind(2, accepted.commit->at.ms)
        .bind(3, static_cast<std::int64_t>(accepted.offset));
    if (!command.id.empty()) statement.bind_blob(4, stream_key(command.id.value));
    if (command.keyed) {
      const auto key = journal::command_key(accepted.commit->actor.account, *command.keyed);
      statement.bind_blob(5, {reinterpret_cast<const char*>(key.data()), key.size()})
          .bind_blob(6, pack_request_hash(command.keyed->request_hash));
    }
    statement.run();
    ++inserted_;
  }

  void write_cutoff(std::size_t partition, Cutoff& cutoff) {
    auto statement = db_.cached("INSERT OR REPLACE INTO cutoffs(partition, hour, at) VALUES(?1, ?2, ?3)");
    statement.bind(1, static_cast<std::int64_t>(partition)).bind(2, cutoff.hour).bind(3, cutoff.at).run();
    cutoff.changed = false;
  }

  // `at` never falls along a chain, so what is gone stands at the front of the partition's rows.
  void evict(std::size_t partition, Cutoff& cutoff, std::int64_t& allowance) {
    const auto first = place_of(journal::partition_at(partition), 0);
    std::int64_t last = -1;
    {
      auto statement =
          db_.cached("SELECT place, at FROM seen WHERE place >= ?1 AND place < ?2 ORDER BY place");
      statement.bind(1, first).bind(2, first + (std::int64_t{1} << kSeqBits));
      cutoff.evicting = false;
      while (statement.step() && statement.int64(1) < cutoff.at) {
        if (allowance == 0) {
          cutoff.evicting = true;
          break;
        }
        last = statement.int64(0);
        --allowance;
      }
    }
    if (last < 0) return;
    auto statement = db_.cached("DELETE FROM seen WHERE place BETWEEN ?1 AND ?2");
    statement.bind(1, first).bind(2, last).run();
  }

  sqlite::Connection& db_;
  std::array<Cutoff, kPartitionTotal> cutoffs_{};
  std::map<std::pair<std::size_t, std::string>, journal::RelayMark> marks_;
  std::int64_t inserted_ = 0;
};

}  // namespace

Definition commands_projection() {
  Definition definition;
  definition.name = "commands";
  definition.version = 1;
  definition.schema = kSchema;
  definition.indexes = kIndexes;
  definition.digest = {
      {"seen",
       "SELECT s.place, s.at, s.offset, s.command, s.key, s.request_hash FROM seen s "
       "LEFT JOIN cutoffs c ON c.partition = s.place >> 40 WHERE s.at >= coalesce(c.at, 0) ORDER BY s.place",
       6},
      {"cutoffs", "SELECT partition, hour, at FROM cutoffs ORDER BY partition", 3},
      {"relays", "SELECT partition, relay, seq, event FROM relays ORDER BY partition, relay", 4}};
  definition.make_applier = [](sqlite::Connection& db) -> std::unique_ptr<Applier> {
    return std::make_unique<CommandsApplier>(db);
  };
  return definition;
}

}  // namespace groundtruth::projections
