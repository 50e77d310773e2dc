// What time is to act on, as tables with a partial index on a column `due` keep it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "domain/values.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/sqlite/db.hpp"

namespace groundtruth::projections {

// A place among what is due: by time, then by place in the table.
struct DuePlace {
  domain::Timestamp due;
  std::int64_t row = 0;
};

// The commands that say so to whom it concerns.
template <class Command>
struct DueLook {
  std::vector<Command> commands;
  std::optional<DuePlace> next;  // where to look on; nullopt: that was all
};

// `statement` is a query for due, row and state of what is due at ?1, behind (?2, ?3), at most ?4.
// `command_of` makes a command of a state. A row that cannot be read is passed over: it must not hold up the
// others.
template <class State, class CommandOf>
auto look_at_due(sqlite::Statement statement, domain::Timestamp now, const std::optional<DuePlace>& after,
                 std::uint32_t limit, const CommandOf& command_of) {
  constexpr auto first = std::numeric_limits<std::int64_t>::min();
  statement.bind(1, now.ms).bind(2, after ? after->due.ms : first).bind(3, after ? after->row : first);
  statement.bind(4, limit);
  DueLook<decltype(command_of(std::declval<State&>()))> look;
  DuePlace last;
  std::uint32_t rows = 0;
  for (; statement.step(); ++rows) {
    last = {{statement.int64(0)}, statement.int64(1)};
    auto state = journal::codec::decode_json<State>(statement.text(2), journal::codec::kStoredLimits);
    if (state) look.commands.push_back(command_of(*state.value));
  }
  if (rows == limit) look.next = last;
  return look;
}

}  // namespace groundtruth::projections
