// The SQL behind reads of tasks.
#include "projections/tasks/queries.hpp"

#include <algorithm>
#include <limits>

#include "projections/stream_table.hpp"
#include "projections/tasks/tasks.hpp"

namespace groundtruth::projections {
namespace {

using domain::Task;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();

// ?1 owner, ?2 from, ?3 until (created_at), ?4 and ?5 the place behind which the page starts, ?6 limit,
// ?7 offset, ?8 status. The row is looked up only for what is shown.
constexpr sqlite::Sql kPageOfStatus =
    "SELECT version, state FROM tasks WHERE row IN ("
    "SELECT row FROM tasks WHERE owner = ?1 AND status = ?8 AND created_at >= ?2 AND created_at < ?3 "
    "AND (created_at, row) < (?4, ?5) ORDER BY created_at DESC, row DESC LIMIT ?6 OFFSET ?7) "
    "ORDER BY created_at DESC, row DESC";

// The lists of all statuses are each in order already: SQLite merges them and reads no more than it shows.
#define GT_LIST_OF(status)                                                            \
  "SELECT created_at AS c, row AS r FROM tasks WHERE owner = ?1 AND status = " status \
  " AND created_at >= ?2 AND created_at < ?3 AND (created_at, row) < (?4, ?5)"
constexpr sqlite::Sql kPageOfAll =
    "SELECT t.version, t.state FROM ("
    GT_LIST_OF("1") " UNION ALL " GT_LIST_OF("2") " UNION ALL " GT_LIST_OF("3") " UNION ALL "
    GT_LIST_OF("4") " UNION ALL " GT_LIST_OF("5")
    " ORDER BY c DESC, r DESC LIMIT ?6 OFFSET ?7) l CROSS JOIN tasks t ON t.row = l.r "
    "ORDER BY l.c DESC, l.r DESC";
#undef GT_LIST_OF
static_assert(kTaskStatuses == 6);

struct Place {
  std::int64_t created_at = kNoBound;
  std::int64_t row = kNoBound;
};

struct OwnerRow {
  std::int64_t number = 0;
  std::array<std::uint64_t, kTaskStatuses> counts{};
};

std::optional<OwnerRow> find_owner(sqlite::Connection& db, const domain::AccountId& account) {
  auto statement =
      db.cached("SELECT owner, funding, open, completed, cancelled, expired FROM owners WHERE account = ?1");
  statement.bind_blob(1, stream_key(account.value));
  if (!statement.step()) return std::nullopt;
  OwnerRow owner;
  owner.number = statement.int64(0);
  for (std::size_t i = 1; i < kTaskStatuses; ++i)
    owner.counts[i] = static_cast<std::uint64_t>(statement.int64(static_cast<int>(i)));
  return owner;
}

std::int64_t from_ms(const TaskFilter& filter) {
  return filter.created_from ? filter.created_from->ms : kMin;
}
std::int64_t until_ms(const TaskFilter& filter) {
  return filter.created_until ? filter.created_until->ms : kNoBound;
}

std::uint64_t count_of(sqlite::Connection& db, const OwnerRow& owner, const TaskFilter& filter) {
  const bool bounded = filter.created_from || filter.created_until;
  std::uint64_t total = 0;
  for (std::size_t status = 1; status < kTaskStatuses; ++status) {
    if (filter.status && static_cast<std::size_t>(*filter.status) != status) continue;
    if (!bounded) {
      total += owner.counts[status];
    } else if (owner.counts[status] > 0) {
      auto statement = db.cached(
          "SELECT count(*) FROM tasks WHERE owner = ?1 AND status = ?2 AND created_at >= ?3 AND created_at < "
          "?4");
      statement.bind(1, owner.number)
          .bind(2, static_cast<std::int64_t>(status))
          .bind(3, from_ms(filter))
          .bind(4, until_ms(filter));
      statement.step();
      total += static_cast<std::uint64_t>(statement.int64(0));
    }
  }
  return total;
}

Page<Task> page_behind(sqlite::Connection& db, const OwnerRow& owner, const TaskFilter& filter, Place place,
                       std::uint64_t offset, std::uint32_t limit) {
  Page<Task> page;
  page.total = count_of(db, owner, filter);
  if (offset >= page.total) return page;
  // The bound that a cursor sets must be the index's own, or a late page would read all before it.
  const auto until =
      place.created_at == kNoBound ? until_ms(filter) : std::min(until_ms(filter), place.created_at + 1);
  auto statement = db.cached(filter.status ? kPageOfStatus : kPageOfAll);
  statement.bind(1, owner.number)
      .bind(2, from_ms(filter))
      .bind(3, until)
      .bind(4, place.created_at)
      .bind(5, place.row)
      .bind(6, limit + 1)
      .bind(7, static_cast<std::int64_t>(offset));
  if (filter.status) statement.bind(8, static_cast<std::int64_t>(*filter.status));
  while (statement.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(
        {decode_state<Task>(statement.text(1)), static_cast<std::uint32_t>(statement.int64(0))});
  }
  return page;
}

}  // namespace

TaskCache::Row TaskQueries::task(const domain::TaskId& id) const {
  if (!cache_) return read(id);
  return cache_->get(id, readers_->generation(), [&] { return read(id); });
}

TaskCache::Row TaskQueries::read(const domain::TaskId& id) const {
  const auto db = readers_->lease();
  auto row =
      load_row<Task>(db->cached("SELECT version, state FROM tasks WHERE id = ?1"), stream_key(id.value));
  return row ? std::make_shared<const Versioned<Task>>(std::move(*row)) : nullptr;
}

Page<Task> TaskQueries::page(const TaskFilter& filter, std::uint64_t offset, std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto owner = find_owner(*db, filter.account);
  return owner ? page_behind(*db, *owner, filter, {}, offset, limit) : Page<Task>{};
}

std::optional<Page<Task>> TaskQueries::page_after(const TaskFilter& filter,
                                                  const std::optional<domain::TaskId>& after,
                                                  std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto owner = find_owner(*db, filter.account);
  if (!owner) return after ? std::nullopt : std::optional(Page<Task>{});
  Place place;
  if (after) {
    auto statement = db->cached("SELECT created_at, row FROM tasks WHERE id = ?1 AND owner = ?2");
    statement.bind_blob(1, stream_key(after->value)).bind(2, owner->number);
    if (!statement.step()) return std::nullopt;
    place = {statement.int64(0), statement.int64(1)};
  }
  return page_behind(*db, *owner, filter, place, 0, limit);
}

DueLook<domain::ExpireTask> TaskQueries::due(domain::Timestamp now, const std::optional<DuePlace>& after,
                                             std::uint32_t limit) const {
  const auto db = readers_->lease();
  return look_at_due<Task>(db->cached("SELECT due, row, state FROM tasks WHERE due IS NOT NULL AND due <= ?1 "
                                      "AND (due, row) > (?2, ?3) ORDER BY due, row LIMIT ?4"),
                           now, after, limit,
                           [](Task& task) { return domain::ExpireTask{task.id, task.account}; });
}

std::uint64_t TaskQueries::count(const TaskFilter& filter) const {
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto owner = find_owner(*db, filter.account);
  return owner ? count_of(*db, *owner, filter) : 0;
}

}  // namespace groundtruth::projections
