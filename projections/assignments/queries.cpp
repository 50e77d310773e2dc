// The SQL behind reads of assignments and submissions.
#include "projections/assignments/queries.hpp"

#include <algorithm>
#include <limits>

#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

using domain::Assignment;

constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

struct Place {
  std::int64_t created_at = kMax;
  std::int64_t row = kMax;
};

std::uint64_t count_of(sqlite::Connection& db, const SubmissionFilter& filter) {
  auto statement = db.cached("SELECT 0, 0, 0, pending, approved, rejected FROM counts WHERE task = ?1");
  statement.bind_blob(1, stream_key(filter.task.value));
  if (!statement.step()) return 0;
  return static_cast<std::uint64_t>(statement.int64(static_cast<int>(filter.status)));
}
static_assert(static_cast<int>(domain::AssignmentStatus::pending) == 3 &&
              static_cast<int>(domain::AssignmentStatus::rejected) == 5);

// Rows of the list behind `place`: version, state, created_at, row.
sqlite::Statement list(sqlite::Connection& db, const SubmissionFilter& filter, const Place& place,
                       std::uint64_t offset, std::uint32_t limit) {
  auto statement = db.cached(
      "SELECT a.version, a.state, l.created_at, l.row FROM ("
      "SELECT created_at, row, assignment FROM submissions WHERE task = ?1 AND status = ?2 "
      "AND created_at <= ?3 AND (created_at, row) < (?3, ?4) "
      "ORDER BY created_at DESC, row DESC LIMIT ?5 OFFSET ?6) l "
      "CROSS JOIN assignments a ON a.row = l.assignment ORDER BY l.created_at DESC, l.row DESC");
  statement.bind_blob(1, stream_key(filter.task.value))
      .bind(2, static_cast<std::int64_t>(filter.status))
      .bind(3, place.created_at)
      .bind(4, place.row)
      .bind(5, limit)
      .bind(6, static_cast<std::int64_t>(offset));
  return statement;
}

Page<Assignment> page_behind(sqlite::Connection& db, const SubmissionFilter& filter, const Place& place,
                             std::uint64_t offset, std::uint32_t limit) {
  Page<Assignment> page;
  page.total = count_of(db, filter);
  if (offset >= page.total) return page;
  auto statement = list(db, filter, place, offset, limit + 1);
  while (statement.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(
        {decode_state<Assignment>(statement.text(1)), static_cast<std::uint32_t>(statement.int64(0))});
  }
  return page;
}

}  // namespace

SubmissionWalk::SubmissionWalk(ReadPool& readers, SubmissionFilter filter)
    : readers_(&readers), filter_(std::move(filter)), created_at_(kMax), row_(kMax) {}

bool SubmissionWalk::next(std::uint32_t limit, const std::function<void(const Assignment&)>& take) {
  const auto db = readers_->lease();
  auto statement = list(*db, filter_, {created_at_, row_}, 0, limit);
  std::uint32_t rows = 0;
  for (; statement.step(); ++rows) {
    created_at_ = statement.int64(2);
    row_ = statement.int64(3);
    take(decode_state<Assignment>(statement.text(1)));
  }
  return rows == limit;
}

std::optional<Versioned<Assignment>> AssignmentQueries::assignment(const domain::AssignmentId& id) const {
  const auto db = readers_->lease();
  return load_row<Assignment>(db->cached("SELECT version, state FROM assignments WHERE id = ?1"),
                              stream_key(id.value));
}

bool AssignmentQueries::is_held(const domain::AssignmentId& id) const {
  const auto db = readers_->lease();
  const auto row = load_row<Assignment>(db->cached("SELECT version, state FROM assignments WHERE id = ?1"),
                                        stream_key(id.value));
  return row && row->state.status != domain::AssignmentStatus::lapsed;
}

domain::LeaseRecord AssignmentQueries::lease_record(const domain::WorkerId& worker, domain::Timestamp now,
                                                    std::uint32_t most_fruitless) const {
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  const auto key = stream_key(worker.value);
  domain::LeaseRecord record;
  {
    auto held =
        db->cached("SELECT count(*), coalesce(min(due), 0) FROM assignments WHERE holder = ?1 AND due > ?2");
    held.bind_blob(1, key).bind(2, now.ms);
    if (held.step()) record.held = held.int64(0), record.first_over = {held.int64(1)};
  }
  auto ended = db->cached(
      "SELECT count(*), coalesce(max(at), 0) FROM (SELECT at FROM fruitless WHERE worker = ?1 "
      "ORDER BY at DESC LIMIT ?2)");
  ended.bind_blob(1, key).bind(2, most_fruitless);
  if (ended.step()) record.fruitless = ended.int64(0), record.last_fruitless_at = {ended.int64(1)};
  return record;
}

std::optional<Versioned<Assignment>> AssignmentQueries::of_submission(const domain::SubmissionId& id) const {
  const auto db = readers_->lease();
  return load_row<Assignment>(
      db->cached("SELECT a.version, a.state FROM submissions s JOIN assignments a ON a.row = s.assignment "
                 "WHERE s.id = ?1"),
      stream_key(id.value));
}

Page<Assignment> AssignmentQueries::page(const SubmissionFilter& filter, std::uint64_t offset,
                                         std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  return page_behind(*db, filter, {}, offset, limit);
}

std::optional<Page<Assignment>> AssignmentQueries::page_after(
    const SubmissionFilter& filter, const std::optional<domain::SubmissionId>& after,
    std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  Place place;
  if (after) {
    auto statement = db->cached("SELECT created_at, row FROM submissions WHERE id = ?1 AND task = ?2");
    statement.bind_blob(1, stream_key(after->value)).bind_blob(2, stream_key(filter.task.value));
    if (!statement.step()) return std::nullopt;
    place = {statement.int64(0), statement.int64(1)};
  }
  return page_behind(*db, filter, place, 0, limit);
}

std::optional<Page<Assignment>> AssignmentQueries::contests_after(
    const std::optional<domain::SubmissionId>& after, std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  const Snapshot snapshot(*db);
  std::int64_t at = std::numeric_limits<std::int64_t>::min(), row = 0;
  if (after) {  // it may have been decided meanwhile: its own time says where it stood
    const auto found = load_row<Assignment>(
        db->cached("SELECT a.version, a.state FROM submissions s JOIN assignments a ON a.row = s.assignment "
                   "WHERE s.id = ?1"),
        stream_key(after->value));
    if (!found || !found->state.contested_at) return std::nullopt;
    at = found->state.contested_at->ms;
    auto place = db->cached("SELECT row FROM assignments WHERE id = ?1");
    place.bind_blob(1, stream_key(found->state.id.value)).step();
    row = place.int64(0);
  }
  Page<Assignment> page;
  page.total = static_cast<std::uint64_t>(db->query_int64("SELECT count(*) FROM contests"));
  auto statement = db->cached(
      "SELECT a.version, a.state FROM contests c JOIN assignments a ON a.row = c.assignment "
      "WHERE c.contested_at >= ?1 AND (c.contested_at, c.assignment) > (?1, ?2) "
      "ORDER BY c.contested_at, c.assignment LIMIT ?3");
  statement.bind(1, at).bind(2, row).bind(3, limit + 1);
  while (statement.step()) {
    if (page.items.size() == limit) {
      page.more = true;
      break;
    }
    page.items.push_back(
        {decode_state<Assignment>(statement.text(1)), static_cast<std::uint32_t>(statement.int64(0))});
  }
  return page;
}

std::vector<Assignment> AssignmentQueries::kept_of(const domain::WorkerId& worker,
                                                   std::uint32_t limit) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT a.state FROM kept k JOIN assignments a ON a.row = k.assignment WHERE k.worker = ?1 LIMIT ?2");
  statement.bind_blob(1, stream_key(worker.value)).bind(2, limit);
  std::vector<Assignment> kept;
  while (statement.step()) kept.push_back(decode_state<Assignment>(statement.text(0)));
  return kept;
}

DueLook<domain::PassTime> AssignmentQueries::due(domain::Timestamp now, const std::optional<DuePlace>& after,
                                                 std::uint32_t limit) const {
  const auto db = readers_->lease();
  return look_at_due<Assignment>(
      db->cached("SELECT due, row, state FROM assignments WHERE due IS NOT NULL AND due <= ?1 "
                 "AND (due, row) > (?2, ?3) ORDER BY due, row LIMIT ?4"),
      now, after, limit,
      [](Assignment& state) { return domain::PassTime{state.id, state.task, state.account}; });
}

}  // namespace groundtruth::projections
