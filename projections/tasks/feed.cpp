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
// So many kinds of what tasks ask are matched with an offer all at once; more only as tasks that ask it are
// met.
constexpr std::size_t kMaxMatched = 4'096;

FeedPlace place_of(const sqlite::Statement& row) {
  return {row.int64(0), row.int64(1), row.int64(2)};
}

std::optional<domain::Task> task_at(sqlite::Connection& db, std::int64_t row) {
  auto statement = db.cached("SELECT state FROM tasks WHERE row = ?1");
  statement.bind(1, row);
  if (!statement.step()) return std::nullopt;
  return decode_state<domain::Task>(statement.text(0));
}

}  // namespace

// What suits one offer, found out when it is asked for. Area 0, anywhere, suits everybody.
struct FeedQueries::Suiting {
  Numbered<FeedAsk> asks;
  Numbered<domain::Area> areas;
  const domain::Offer& offer;
  std::optional<domain::Modality> modality;
  enum class Match : std::uint8_t { unknown, no, yes };
  std::vector<Match> ask_matches = std::vector<Match>(asks.count + 1);
  std::vector<Match> area_matches = std::vector<Match>(areas.count + 1);

  bool has_ask(std::int64_t ask) {
    Match& match = ask_matches[static_cast<std::size_t>(ask)];
    if (match == Match::unknown) match = matches(asks.at(ask)) ? Match::yes : Match::no;
    return match == Match::yes;
  }
  bool has_area(std::int64_t area) {
    if (area == 0) return true;
    Match& match = area_matches[static_cast<std::size_t>(area)];
    if (match == Match::unknown) match = may_reach(offer, areas.at(area)) ? Match::yes : Match::no;
    return match == Match::yes;
  }
  bool has(std::int64_t ask, std::int64_t area) { return has_ask(ask) && has_area(area); }

  // All that suits, where that is no more than so many.
  std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> all(std::size_t most) {
    if (asks.count > kMaxMatched || areas.count > kMaxMatched) return std::nullopt;
    std::vector<std::int64_t> suiting_areas;
    for (std::int64_t area = 0; area <= std::ssize(area_matches) - 1; ++area)
      if (has_area(area)) suiting_areas.push_back(area);
    std::vector<std::pair<std::int64_t, std::int64_t>> found;
    for (std::int64_t ask = 1; ask <= std::ssize(ask_matches) - 1; ++ask) {
      if (!has_ask(ask)) continue;
      if (found.size() + suiting_areas.size() > most) return std::nullopt;
      for (const auto area : suiting_areas) found.emplace_back(ask, area);
    }
    return found;
  }

 private:
  bool matches(const FeedAsk& ask) const {
    const bool is_wanted = !modality || std::find(ask.modalities.begin(), ask.modalities.end(), *modality) !=
                                            ask.modalities.end();
    return is_wanted && suits(offer, ask);
  }
};

// The two ways through the feed.
struct FeedQueries::Way {
  sqlite::Connection& db;
  Suiting& suiting;
  std::uint32_t may_pass_over;

  struct Found {
    std::vector<FeedPlace> places;
    std::optional<FeedPlace> stopped_at;  // too much was passed over: it looked no further than this
  };

  // The next ones of the whole feed, for as long as suiting ones come often enough.
  Found next_of_all(const FeedPlace& after, std::size_t wanted) {
    auto statement = db.cached(
        "SELECT reward, created_at, row, ask, area FROM feed WHERE (reward, created_at, row) < (?1, ?2, ?3) "
        "ORDER BY reward DESC, created_at DESC, row DESC");
    statement.bind(1, after.reward_cents).bind(2, after.created_ms).bind(3, after.row);
    Found found;
    while (found.places.size() < wanted && statement.step()) {
      if (suiting.has(statement.int64(3), statement.int64(4))) {
        found.places.push_back(place_of(statement));
      } else if (may_pass_over == 0) {
        found.stopped_at = place_of(statement);
        break;
      } else {
        --may_pass_over;
      }
    }
    return found;
  }

  // The same by asking for everything that suits by itself: it costs what there is of that, however rare the
  // tasks are.
  Found next_of_each(const std::vector<std::pair<std::int64_t, std::int64_t>>& kinds, const FeedPlace& after,
                     std::size_t wanted) {
    Found found;
    for (const auto& [ask, area] : kinds) add_next(ask, area, after, wanted, found.places);
    std::sort(found.places.begin(), found.places.end(), std::greater());
    if (found.places.size() > wanted) found.places.resize(wanted);
    return found;
  }

 private:
  void add_next(std::int64_t ask, std::int64_t area, const FeedPlace& after, std::size_t wanted,
                std::vector<FeedPlace>& found) {
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

// Reads what came since: rows of (number, JSON).
template <class T>
void FeedQueries::read_new(sqlite::Statement statement, Numbered<T>& known) {
  statement.bind(1, static_cast<std::int64_t>(known.count));
  while (statement.step()) {
    if (known.count % Numbered<T>::kPiece == 0)
      known.pieces.push_back(std::make_shared<typename Numbered<T>::Piece>());
    (*known.pieces.back())[known.count % Numbered<T>::kPiece] = decode_state<T>(statement.text(1));
    ++known.count;
  }
}

FeedQueries::Suiting FeedQueries::suiting(sqlite::Connection& db, std::uint64_t generation,
                                          const domain::Offer& offer,
                                          std::optional<domain::Modality> modality) const {
  const std::lock_guard lock(known_->mutex);
  if (known_->generation != generation) {
    known_->asks = {};
    known_->areas = {};
    known_->generation = generation;
  }
  read_new(db.cached("SELECT number, ask FROM feed_asks WHERE number > ?1 ORDER BY number"), known_->asks);
  read_new(db.cached("SELECT number, area FROM feed_areas WHERE number > ?1 ORDER BY number"), known_->areas);
  return Suiting{known_->asks, known_->areas, offer, modality};
}

FeedPage FeedQueries::page(const domain::Offer& offer, const std::optional<FeedPlace>& after,
                           std::uint32_t limit, const std::function<bool(const domain::Task&)>& may_take,
                           std::optional<domain::Modality> modality) const {
  const auto db = readers_->lease();
  const auto generation = readers_->generation();
  const Snapshot snapshot(*db);
  Suiting matched = suiting(*db, generation, offer, modality);
  Way way{*db, matched, bounds_.passed_over};
  std::uint32_t may_look_at = bounds_.looked_at + limit;
  FeedPlace place = after.value_or(kBest);  // nothing before it is of any use to this reader any more
  FeedPage page;
  std::optional<std::vector<std::pair<std::int64_t, std::int64_t>>> kinds;
  for (;;) {
    // One more than is shown tells whether there is a next page.
    const std::size_t wanted = limit + 1;
    Way::Found found;
    if (!kinds) {
      found = way.next_of_all(place, wanted);
      if (found.stopped_at) kinds = matched.all(bounds_.asked_each);
    }
    if (kinds) found = way.next_of_each(*kinds, place, wanted);
    for (const auto& next : found.places) {
      if (may_look_at == 0) {
        page.next = place;
        return page;
      }
      --may_look_at;
      auto task = task_at(*db, next.row);
      const bool can_take =
          task && domain::suits(offer, task->modalities, task->requirements) && may_take(*task);
      if (can_take && page.tasks.size() == limit) {
        page.next = place;
        return page;
      }
      if (can_take) page.tasks.push_back(std::move(*task));
      place = next;
    }
    if (found.stopped_at) {
      page.next = found.stopped_at;
      return page;
    }
    if (found.places.size() < wanted) return page;
  }
}

}  // namespace groundtruth::projections
