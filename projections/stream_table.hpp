// A table of aggregates, one row a stream: the one way in which events become rows.
//
// A batch reads and writes each stream at most once: aggregates that it touches stay in memory until `flush`.
// `Rows` says what is special about a table:
//
//   using State = …;                        the aggregate
//   using Memo = …;                         what `update` must know of the row as it was stored
//   static constexpr bool kSorted = …;      write in key order (tables whose keys are not in order of time)
//   static constexpr sqlite::Sql kLoad;     key -> version, state
//   Memo memo(const State& stored);
//   void insert(const StoredRow& row, const State&);
//   void update(const StoredRow& row, const State&, const Memo&);
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "projections/projection.hpp"
#include "projections/stream_key.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

struct StoredRow {
  std::string_view key;
  std::uint32_t version;
  std::string_view state;
};

struct NoMemo {};

[[noreturn]] void throw_unreadable_state(std::string_view what);
[[noreturn]] void throw_version_gap(const journal::Accepted& accepted, const journal::CommittedEvent& event,
                                    std::uint32_t have);
// Rethrows the exception under way as the partition's failure when the row is to blame, as it is otherwise.
[[noreturn]] void rethrow_write_failure(const sqlite::Error& error, journal::Partition partition,
                                        std::uint64_t seq, std::string_view stream);

template <class State>
State decode_state(std::string_view text) {
  auto decoded = journal::codec::decode_json<State>(text, journal::codec::kStoredLimits);
  if (!decoded) throw_unreadable_state(text);
  return std::move(*decoded.value);
}

// `statement` is a query for version and state.
template <class State>
std::optional<Versioned<State>> load_row(sqlite::Statement statement, std::string_view key) {
  statement.bind_blob(1, key);
  if (!statement.step()) return std::nullopt;
  return Versioned<State>{decode_state<State>(statement.text(1)),
                          static_cast<std::uint32_t>(statement.int64(0))};
}

// How the writer loads aggregates of this table.
template <class Rows>
StateLoader loader_of() {
  using State = typename Rows::State;
  return {domain::Aggregate(State{}).index(),
          [](sqlite::Connection& db, std::string_view stream) -> std::optional<journal::LoadedAggregate> {
            auto row = load_row<State>(db.cached(Rows::kLoad), stream_key(stream));
            if (!row) return std::nullopt;
            return journal::LoadedAggregate{std::move(row->state), row->version};
          }};
}

template <class Rows>
class StreamTable {
 public:
  using State = typename Rows::State;

  StreamTable(sqlite::Connection& connection, Rows rows) : connection_(connection), rows_(std::move(rows)) {}

  // False when the event is of another aggregate. Throws ApplyFailure when it does not follow what is stored.
  bool apply(const journal::Accepted& accepted, const journal::CommittedEvent& event) {
    return std::visit(
        [&]<class E>(const E& data) {
          if constexpr (domain::EvolvesBy<State, E>) {
            auto& entry = touch(accepted, event);
            evolve(entry.state, data, accepted.commit->at);
            return true;
          } else {
            return false;
          }
        },
        event.data);
  }

  static bool concerns(const journal::Commit& commit) {
    return std::any_of(commit.events.begin(), commit.events.end(), [](const auto& event) {
      return std::visit([]<class E>(const E&) { return domain::EvolvesBy<State, E>; }, event.data);
    });
  }

  // Rows are written in the order in which the batch first touched them, so that row numbers follow each
  // partition's chain, however it was cut into batches.
  void flush() {
    std::vector<Entry*> order;
    order.reserve(entries_.size());
    for (auto& entry : entries_) order.push_back(&entry);
    if constexpr (Rows::kSorted)
      std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) { return a->key < b->key; });
    for (Entry* entry : order) write(*entry);
    discard();
  }

  void discard() {
    by_stream_.clear();
    entries_.clear();
  }

  Rows& rows() { return rows_; }

 private:
  struct Entry {
    std::string stream;
    std::string key;
    State state;
    std::uint32_t version = 0;
    bool stored = false;
    typename Rows::Memo memo{};
    journal::Partition partition;  // of the last event, to say whose commit could not be written
    std::uint64_t seq = 0;
  };

  Entry& touch(const journal::Accepted& accepted, const journal::CommittedEvent& event) {
    const auto found = by_stream_.find(event.stream);
    Entry& entry = found != by_stream_.end() ? *found->second : load(event);
    if (event.version != entry.version + 1) throw_version_gap(accepted, event, entry.version);
    entry.version = event.version;
    entry.partition = accepted.partition;
    entry.seq = accepted.seq;
    return entry;
  }

  // A stream's first event needs no look: if the stream was there after all, the insert fails.
  Entry& load(const journal::CommittedEvent& event) {
    Entry entry;
    entry.stream = event.stream;
    entry.key = stream_key(event.stream);
    if (event.version > 1) {
      if (auto row = load_row<State>(connection_.cached(Rows::kLoad), entry.key)) {
        entry.memo = rows_.memo(row->state);
        entry.state = std::move(row->state);
        entry.version = row->version;
        entry.stored = true;
      }
    }
    Entry& kept = entries_.emplace_back(std::move(entry));
    by_stream_.emplace(kept.stream, &kept);
    return kept;
  }

  void write(Entry& entry) {
    json_.clear();
    journal::codec::write_json(json_, entry.state);
    const StoredRow row{entry.key, entry.version, json_};
    try {
      if (entry.stored)
        rows_.update(row, entry.state, entry.memo);
      else
        rows_.insert(row, entry.state);
    } catch (const sqlite::Error& error) {
      rethrow_write_failure(error, entry.partition, entry.seq, entry.stream);
    }
  }

  sqlite::Connection& connection_;
  Rows rows_;
  std::deque<Entry> entries_;  // keeps its elements' addresses
  std::unordered_map<std::string_view, Entry*> by_stream_;
  std::string json_;
};

}  // namespace groundtruth::projections
