// Rows that hold personal data as plain text, and must vanish from the file when it is erased.
//
// SQLite zeroes the bytes that a row gives up, but when it splits or merges pages it leaves copies of rows
// that moved. So these rows never move: they are appended with a growing row number (a full page is then left
// as it is), never deleted, and never change their length, blanks filling what a row does not need. A row
// that outgrows its place is blanked there and appended anew.
//
// `Sql` names the statements of one table, whose columns are (row INTEGER PRIMARY KEY, id BLOB NOT NULL
// UNIQUE, version INTEGER NOT NULL, state TEXT NOT NULL):
//   kInsert  id, version, state
//   kLength  id -> bytes of state, version
//   kUpdate  id, version, state
//   kBlank   id, state; gives the row an id that is nobody's
// What is blanked is no row any more: readers that walk the table look for `state LIKE '{%'`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "projections/stream_table.hpp"

namespace groundtruth::projections {

template <class Sql>
class PersonalRows {
 public:
  explicit PersonalRows(sqlite::Connection& db) : db_(db) {}

  void insert(const StoredRow& row) { append(row, row.state.size() + kReserve); }

  void update(const StoredRow& row) {
    const std::size_t room = room_of(row.key) - bytes_of(row.version);
    if (row.state.size() <= room) {
      auto statement = db_.cached(Sql::kUpdate);
      statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, padded(row.state, room)).run();
      return;
    }
    auto blank = db_.cached(Sql::kBlank);
    blank.bind_blob(1, row.key).bind_text(2, std::string(room, ' ')).run();
    append(row, row.state.size() * 2);  // what grows once grows again
  }

 private:
  static constexpr std::size_t kReserve = 16;

  static std::string padded(std::string_view state, std::size_t length) {
    std::string out(state);
    out.resize(std::max(length, out.size()), ' ');
    return out;
  }
  // As SQLite stores an integer of that size.
  static std::size_t bytes_of(std::int64_t version) {
    if (version <= 1) return 0;
    if (version < 128) return 1;
    if (version < 32'768) return 2;
    return version < 8'388'608 ? 3 : 4;
  }
  void append(const StoredRow& row, std::size_t length) {
    auto statement = db_.cached(Sql::kInsert);
    statement.bind_blob(1, row.key).bind(2, row.version).bind_text(3, padded(row.state, length)).run();
  }
  // Bytes for state and version together.
  std::size_t room_of(std::string_view key) {
    auto statement = db_.cached(Sql::kLength);
    statement.bind_blob(1, key).step();
    return static_cast<std::size_t>(statement.int64(0)) + bytes_of(statement.int64(1));
  }

  sqlite::Connection& db_;
};

}  // namespace groundtruth::projections
