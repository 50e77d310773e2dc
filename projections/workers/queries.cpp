// The SQL behind reads of workers.
#include "projections/workers/queries.hpp"

#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

using domain::Worker;

Earned read_earned(const sqlite::Statement& row, int column) {
  return {{row.int64(column)}, row.int64(column + 1)};
}

}  // namespace

std::optional<Versioned<Worker>> WorkerQueries::worker(const domain::WorkerId& id) const {
  const auto db = readers_->lease();
  return load_row<Worker>(db->cached("SELECT version, state FROM workers WHERE id = ?1"),
                          stream_key(id.value));
}

Earned WorkerQueries::earned(const domain::WorkerId& id, std::int64_t from_day, std::int64_t to_day) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT coalesce(sum(cents), 0), coalesce(sum(approved), 0) FROM earnings WHERE worker = ?1 AND day >= "
      "?2 "
      "AND day <= ?3");
  statement.bind_blob(1, stream_key(id.value)).bind(2, from_day).bind(3, to_day).step();
  return read_earned(statement, 0);
}

std::vector<EarnedOnDay> WorkerQueries::earned_by_day(const domain::WorkerId& id, std::int64_t from_day,
                                                      std::int64_t to_day) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT day, cents, approved FROM earnings WHERE worker = ?1 AND day >= ?2 AND day <= ?3 "
      "ORDER BY day DESC");
  statement.bind_blob(1, stream_key(id.value)).bind(2, from_day).bind(3, to_day);
  std::vector<EarnedOnDay> days;
  while (statement.step()) days.push_back({statement.int64(0), read_earned(statement, 1)});
  return days;
}

std::vector<Standing> WorkerQueries::leaderboard(std::uint64_t offset, std::uint32_t limit) const {
  check_limit(limit);
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT w.state FROM (SELECT id, approved, trust FROM standings ORDER BY approved DESC, trust DESC, "
      "id DESC LIMIT ?1 OFFSET ?2) s CROSS JOIN workers w ON w.id = s.id "
      "ORDER BY s.approved DESC, s.trust DESC, s.id DESC");
  statement.bind(1, limit).bind(2, static_cast<std::int64_t>(offset));
  std::vector<Standing> board;
  while (statement.step())
    board.push_back({offset + board.size() + 1, decode_state<Worker>(statement.text(0))});
  return board;
}

std::uint64_t WorkerQueries::standings() const {
  const auto db = readers_->lease();
  auto statement = db->cached("SELECT count FROM totals WHERE name = 'standings'");
  return statement.step() ? static_cast<std::uint64_t>(statement.int64(0)) : 0;
}

std::optional<std::uint64_t> WorkerQueries::rank(const domain::WorkerId& id) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT (SELECT count(*) FROM standings b WHERE (b.approved, b.trust, b.id) >= (s.approved, s.trust, "
      "s.id)) "
      "FROM standings s WHERE s.id = ?1");
  statement.bind_blob(1, stream_key(id.value));
  if (!statement.step()) return std::nullopt;
  return static_cast<std::uint64_t>(statement.int64(0));
}

std::vector<WaitingMail> WorkerQueries::waiting_mails(std::uint32_t limit) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT worker, mail, requested_at FROM mails ORDER BY requested_at DESC, worker DESC LIMIT ?1");
  statement.bind(1, limit);
  std::vector<WaitingMail> mails;
  while (statement.step())
    mails.push_back({{std::string(statement.text(0))},
                     static_cast<domain::WorkerMail>(statement.int64(1)),
                     {statement.int64(2)}});
  return mails;
}

std::optional<Worker> WorkerQueries::last_registration(const domain::EmailClaimId& claim) const {
  const auto db = readers_->lease();
  auto statement = db->cached(
      "SELECT w.state FROM registrations r CROSS JOIN workers w ON w.id = r.id WHERE r.claim = ?1 "
      "ORDER BY r.registered_at DESC, r.id DESC LIMIT 1");
  if (!statement.bind_text(1, claim.value).step()) return std::nullopt;
  return decode_state<Worker>(statement.text(0));
}

DueLook<domain::LapseRegistration> WorkerQueries::due(domain::Timestamp now,
                                                      const std::optional<DuePlace>& after,
                                                      std::uint32_t limit) const {
  const auto db = readers_->lease();
  return look_at_due<Worker>(
      db->cached("SELECT r.due, r.row, w.state FROM registrations r CROSS JOIN workers w ON w.id = r.id "
                 "WHERE r.due <= ?1 AND (r.due, r.row) > (?2, ?3) ORDER BY r.due, r.row LIMIT ?4"),
      now, after, limit,
      [](const Worker& worker) { return domain::LapseRegistration{worker.id, worker.email_claim}; });
}

}  // namespace groundtruth::projections
