// The feed: open tasks with a free place that a worker can take, the best paid first, of equally paid ones
// the newest.
//
// A page looks at a bounded part of it, whatever there is and whatever is asked for: it may hold fewer tasks
// than asked for, none even, and still say where to go on.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error.
#pragma once

#include <array>
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
  std::optional<FeedPlace> next;  // where to go on: more may follow; nullopt: that was all
};

// What a page may cost.
struct FeedBounds {
  std::uint32_t passed_over = 4'096;  // index entries of what does not suit, some 100 ns each
  std::uint32_t looked_at = 200;   // tasks that `may_take` is asked for, some 50 µs each; a page's own more
  std::uint32_t asked_each = 128;  // ways of asking that suit and are followed one by one
};

class FeedQueries {
 public:
  explicit FeedQueries(ReadPool& readers, FeedBounds bounds = {})
      : readers_(&readers), bounds_(bounds), known_(std::make_shared<Known>()) {}

  // Tasks that suit `offer`, ask for `modality` where one is given, and that `may_take` agrees to, behind
  // `after`; from the best one without it. The predicate is asked once a task, with the task's own
  // requirements already checked.
  FeedPage page(const domain::Offer& offer, const std::optional<FeedPlace>& after, std::uint32_t limit,
                const std::function<bool(const domain::Task&)>& may_take,
                std::optional<domain::Modality> modality = {}) const;

 private:
  // What tasks ask never changes and is numbered without gaps, so each is decoded once a file. In pieces that
  // stay where they are: a page reads those that it was given while the next ones are added.
  template <class T>
  struct Numbered {
    static constexpr std::size_t kPiece = 1'024;
    using Piece = std::array<T, kPiece>;
    std::vector<std::shared_ptr<Piece>> pieces;
    std::size_t count = 0;
    const T& at(std::int64_t number) const {  // from 1
      const auto index = static_cast<std::size_t>(number - 1);
      return (*pieces[index / kPiece])[index % kPiece];
    }
  };
  struct Known {
    std::mutex mutex;
    std::uint64_t generation = 0;
    Numbered<FeedAsk> asks;
    Numbered<domain::Area> areas;
  };
  struct Suiting;
  struct Way;
  template <class T>
  static void read_new(sqlite::Statement statement, Numbered<T>& known);
  Suiting suiting(sqlite::Connection& db, std::uint64_t generation, const domain::Offer& offer,
                  std::optional<domain::Modality> modality) const;

  ReadPool* readers_;
  FeedBounds bounds_;
  std::shared_ptr<Known> known_;
};

}  // namespace groundtruth::projections
