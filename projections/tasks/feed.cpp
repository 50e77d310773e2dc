// The SQL behind the feed, and the choice of the cheaper way through it (contract in feed.hpp).
#include "projections/tasks/feed.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr FeedPlace kBest{kMax, kMax, kMax};
// Index entries that are passed over in search of a suiting one before each kind is asked for by itself.
constexpr std::uint32_t kMaxPassedOver = 4'096;

FeedPlace place_of(const sqlite::Statement& row) {
  return {row.int64(0), row.int64(1), row.int64(2)};
}

std::optional<domain::Task> task_at(sqlite::Connection& db, std::int64_t row) {
  auto statement = db.cached("SELECT state FROM tasks WHERE row = ?1");
  statement.bind(1, row);
  if (!statement.step()) return std::nullopt;
  return decode_state<domain::Task>(statement.text(0));
}

// Reads what came since: rows of (number, JSON), numbered from 1 without gaps.
template <class T>
void read_new(sqlite::Statement statement, std::vector<T>& known) {
  statement.bind(1, static_cast<std::int64_t>(known.size()));
  while (statement.step()) {
    known.resize(static_cast<std::size_t>(statement.int64(0)));
    known.back() = decode_state<T>(statement.text(1));
  }
}

}  // namespace

// The two ways through the feed.
struct FeedQueries::Way {
  sqlite::Connection& db;
  const Suiting& suiting;

  // The next ones of the whole feed, for as long as suiting ones come often enough. nullopt: they do not.
  std::optional<std::vector<FeedPlace>> next_of_all(const FeedPlace& after, std::size_t wanted) const {
    auto statement = db.cached(
        "SELECT reward, created_at, row, ask, area FROM feed WHERE (reward, created_at, row) < (?1, ?2, ?3) "
        "ORDER BY reward DESC, created_at DESC, row DESC");
    statement.bind(1, after.reward_cents).bind(2, after.created_ms).bind(3, after.row);
    std::vector<FeedPlace> found;
    std::uint32_t passed_over = 0;
    while (found.size() < wanted && statement.step()) {
      if (suiting.has(statement.int64(3), statement.int64(4)))
        found.push_back(place_of(statement));
      else if (++passed_over > kMaxPassedOver)
        return std::nullopt;
    }
    return found;
  }

  // The same by asking for everything that suits by itself: it costs what there is of that, however rare the
  // tasks are.
  std::vector<FeedPlace> next_of_each(const FeedPlace& after, std::size_t wanted) const {
    std::vector<FeedPlace> found;
    for (std::size_t ask = 0; ask < suiting.asks.size(); ++ask)
      for (std::size_t area = 0; suiting.asks[ask] && area < suiting.areas.size(); ++area)
        if (suiting.areas[area])
          add_next(static_cast<std::int64_t>(ask), static_cast<std::int64_t>(area), after, wanted, found);
    std::sort(found.begin(), found.end(), std::greater());
    if (found.size() > wanted) found.resize(wanted);
    return found;
  }

 private:
  void add_next(std::int64_t ask, std::int64_t area, const FeedPlace& after, std::size_t wanted,
                std::vector<FeedPlace>& found) const {
    auto statement = db.cached(
        "SELECT reward, created_at, row FROM feed WHERE ask = ?1 AND area = ?2 "
        "AND (reward, created_at, row) < (?3, ?4, ?5) "
        "ORDER BY reward DESC, created_at DESC, row DESC LIMIT ?6");
    statement.bind(1, ask).bind(2, area);
    statement.bind(3, after.reward_cents).bind(4, after.created_ms).bind(5, after.row);
    statement.bind(6, static_cast<std::int64_t>(wanted));
    while (statement.step()) found.push_back(place_of(statement));
  }
};

FeedQueries::Suiting FeedQueries::suiting(sqlite::Connection& db, std::uint64_t generation,
                                          const domain::Offer& offer) const {
  const std::lock_guard lock(known_->mutex);
  if (known_->generation != generation) {
    known_->asks.clear();
    known_->areas.clear();
    known_->generation = generation;
  }
  read_new(db.cached("SELECT number, ask FROM feed_asks WHERE number > ?1 ORDER BY number"), known_->asks);
  read_new(db.cached("SELECT number, area FROM feed_areas WHERE number > ?1 ORDER BY number"), known_->areas);
  Suiting suiting{{false}, {true}};
  for (const auto& ask : known_->asks) suiting.asks.push_back(suits(offer, ask));
  for (const auto& area : known_->areas) suiting.areas.push_back(may_reach(offer, area));
  return suiting;
}

FeedPage FeedQueries::page(const domain::Offer& offer, const std::optional<FeedPlace>& after,
                           std::uint32_t limit,
                           const std::function<bool(const domain::Task&)>& may_take) const {
  const auto db = readers_->lease();
  const auto generation = readers_->generation();
  const Snapshot snapshot(*db);
  const Suiting matched = suiting(*db, generation, offer);
  const Way way{*db, matched};
  FeedPlace place = after.value_or(kBest);
  FeedPage page;
  bool is_rare = false;
  for (;;) {
    // One more than is shown tells whether there is a next page.
    const std::size_t wanted = limit + 1;
    std::optional<std::vector<FeedPlace>> places;
    if (!is_rare) places = way.next_of_all(place, wanted);
    is_rare = !places;
    if (!places) places = way.next_of_each(place, wanted);
    for (const auto& next : *places) {
      auto task = task_at(*db, next.row);
      const bool can_take =
          task && domain::suits(offer, task->modalities, task->requirements) && may_take(*task);
      if (can_take && page.tasks.size() == limit) {
        page.next = place;
        return page;
      }
      // The place of the last one shown: what follows it may be passed over again, and costs little.
      if (can_take) {
        page.tasks.push_back(std::move(*task));
        place = next;
      }
    }
    if (places->size() < wanted) return page;
    place = places->back();
  }
}

}  // namespace groundtruth::projections
