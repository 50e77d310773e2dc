// The feed: open tasks with a free place that a worker can take, the best paid first, of equally paid ones
// the newest.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "domain/task.hpp"
#include "projections/read_pool.hpp"
#include "projections/tasks/feed_class.hpp"

namespace groundtruth::projections {

// A place in the feed; it never changes while a task is in it, so it is a cursor. A task that leaves and
// comes back has its old place.
struct FeedPlace {
  std::int64_t reward_cents = 0;
  std::int64_t created_ms = 0;
  std::int64_t row = 0;
  friend auto operator<=>(const FeedPlace&, const FeedPlace&) = default;
};

struct FeedPage {
  std::vector<domain::Task> tasks;
  std::optional<FeedPlace> next;  // where to go on; nullopt: that was all
};

class FeedQueries {
 public:
  explicit FeedQueries(ReadPool& readers) : readers_(&readers), known_(std::make_shared<Known>()) {}

  // Tasks that suit `offer` and that `may_take` agrees to, behind `after`; from the best one without it. The
  // predicate is asked once a task, with the task's own requirements already checked.
  FeedPage page(const domain::Offer& offer, const std::optional<FeedPlace>& after, std::uint32_t limit,
                const std::function<bool(const domain::Task&)>& may_take) const;

 private:
  // These never change, so each is decoded once a file.
  struct Known {
    std::mutex mutex;
    std::uint64_t generation = 0;
    std::vector<FeedAsk> asks;        // by number less one
    std::vector<domain::Area> areas;  // likewise
  };
  // By number. Area 0, anywhere, suits everybody.
  struct Suiting {
    std::vector<bool> asks, areas;
    bool has(std::int64_t ask, std::int64_t area) const {
      return asks[static_cast<std::size_t>(ask)] && areas[static_cast<std::size_t>(area)];
    }
  };
  Suiting suiting(sqlite::Connection& db, std::uint64_t generation, const domain::Offer& offer) const;
  struct Way;

  ReadPool* readers_;
  std::shared_ptr<Known> known_;
};

}  // namespace groundtruth::projections
