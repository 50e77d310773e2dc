// The SQL behind the feed, and the choice of the cheaper way through it (contract in feed.hpp).
#include "projections/tasks/feed.hpp"

#include <algorithm>
#include <limits>

#include "projections/stream_table.hpp"

namespace groundtruth::projections {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr FeedPlace kBest{kMax, kMax, kMax};
// Index entries that are passed over in search of a suiting one before each class is asked by itself.
constexpr std::uint32_t kMaxPassedOver = 4'096;

struct Entry {
  FeedPlace place;
  std::int64_t task_class = 0;
};

bool is_among(const std::vector<bool>& classes, std::int64_t task_class) {
  const auto index = static_cast<std::size_t>(task_class - 1);
  return index < classes.size() && classes[index];
}

// The next ones of the whole feed, for as long as suiting ones come often enough. nullopt: they do not.
std::optional<std::vector<Entry>> next_of_all(sqlite::Connection& db, const std::vector<bool>& classes,
                                              const FeedPlace& after, std::size_t wanted) {
  auto statement = db.cached(
      "SELECT reward, created_at, row, class FROM feed WHERE (reward, created_at, row) < (?1, ?2, ?3) "
      "ORDER BY reward DESC, created_at DESC, row DESC");
  statement.bind(1, after.reward_cents).bind(2, after.created_ms).bind(3, after.row);
  std::vector<Entry> found;
  std::uint32_t passed_over = 0;
  while (found.size() < wanted && statement.step()) {
    const std::int64_t task_class = statement.int64(3);
    if (is_among(classes, task_class))
      found.push_back({{statement.int64(0), statement.int64(1), statement.int64(2)}, task_class});
    else if (++passed_over > kMaxPassedOver)
      return std::nullopt;
  }
  return found;
}

void add_next_of(sqlite::Connection& db, std::int64_t task_class, const FeedPlace& after, std::size_t wanted,
                 std::vector<Entry>& found) {
  auto statement = db.cached(
      "SELECT reward, created_at, row FROM feed WHERE class = ?1 AND (reward, created_at, row) < (?2, ?3, "
      "?4) "
      "ORDER BY reward DESC, created_at DESC, row DESC LIMIT ?5");
  statement.bind(1, task_class)
      .bind(2, after.reward_cents)
      .bind(3, after.created_ms)
      .bind(4, after.row)
      .bind(5, static_cast<std::int64_t>(wanted));
  while (statement.step())
    found.push_back({{statement.int64(0), statement.int64(1), statement.int64(2)}, task_class});
}

// The same by asking every suiting class: it costs what there are classes, however rare their tasks are.
std::vector<Entry> next_of_classes(sqlite::Connection& db, const std::vector<bool>& classes,
                                   const FeedPlace& after, std::size_t wanted) {
  std::vector<Entry> found;
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (classes[i]) add_next_of(db, static_cast<std::int64_t>(i) + 1, after, wanted, found);
  std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.place > b.place; });
  if (found.size() > wanted) found.resize(wanted);
  return found;
}

std::optional<domain::Task> task_at(sqlite::Connection& db, std::int64_t row) {
  auto statement = db.cached("SELECT state FROM tasks WHERE row = ?1");
  statement.bind(1, row);
  if (!statement.step()) return std::nullopt;
  return decode_state<domain::Task>(statement.text(0));
}

}  // namespace

std::vector<bool> FeedQueries::classes_for(sqlite::Connection& db, std::uint64_t generation,
                                           const domain::Offer& offer) const {
  const std::lock_guard lock(known_->mutex);
  if (known_->generation != generation) {
    known_->classes.clear();
    known_->generation = generation;
  }
  auto statement = db.cached("SELECT class, asks FROM feed_classes WHERE class > ?1 ORDER BY class");
  statement.bind(1, static_cast<std::int64_t>(known_->classes.size()));
  while (statement.step()) {
    known_->classes.resize(static_cast<std::size_t>(statement.int64(0)));
    known_->classes.back() = decode_state<FeedClass>(statement.text(1));
  }
  std::vector<bool> suiting(known_->classes.size());
  for (std::size_t i = 0; i < suiting.size(); ++i) suiting[i] = may_suit(offer, known_->classes[i]);
  return suiting;
}

FeedPage FeedQueries::page(const domain::Offer& offer, const std::optional<FeedPlace>& after,
                           std::uint32_t limit,
                           const std::function<bool(const domain::Task&)>& may_take) const {
  const auto db = readers_->lease();
  const auto generation = readers_->generation();
  const Snapshot snapshot(*db);
  const auto classes = classes_for(*db, generation, offer);
  FeedPlace place = after.value_or(kBest);
  FeedPage page;
  bool is_rare = false;
  for (;;) {
    // One more than is shown tells whether there is a next page.
    const std::size_t wanted = limit + 1;
    std::optional<std::vector<Entry>> entries;
    if (!is_rare) entries = next_of_all(*db, classes, place, wanted);
    is_rare = !entries;
    if (!entries) entries = next_of_classes(*db, classes, place, wanted);
    for (const auto& entry : *entries) {
      auto task = task_at(*db, entry.place.row);
      const bool can_take =
          task && domain::suits(offer, task->modalities, task->requirements) && may_take(*task);
      if (can_take && page.tasks.size() == limit) {
        page.next = place;
        return page;
      }
      // The place of the last one shown: what follows it may be passed over again, and costs little.
      if (can_take) {
        page.tasks.push_back(std::move(*task));
        place = entry.place;
      }
    }
    if (entries->size() < wanted) return page;
    place = entries->back().place;
  }
}

}  // namespace groundtruth::projections
