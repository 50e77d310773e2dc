// Contested submissions, and what goes when a worker is erased: lists that follow the chain.
#include <doctest/doctest.h>

#include <set>

#include "projections/assignments/queries.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

AssignmentQueries contested_of(Desk& desk) {
  return AssignmentQueries(desk.projector().readers("assignments"));
}

std::vector<AssignmentId> contests(const AssignmentQueries& assignments, std::uint32_t limit) {
  std::vector<AssignmentId> ids;
  std::optional<SubmissionId> after;
  for (;;) {
    const auto page = assignments.contests_after(after, limit);
    REQUIRE(page);
    for (const auto& item : page->items) ids.push_back(item.state.id);
    if (!page->more) return ids;
    after = page->items.back().state.submission;
  }
}

std::size_t kept(const AssignmentQueries& assignments, const WorkerId& worker) {
  return assignments.kept_of(worker, 100).size();
}

}  // namespace

TEST_CASE("contests wait in their order, a customer sees rejections, and a decision ends the waiting") {
  Story story(11);
  const TempDir directory;
  Desk desk(directory.path());
  const auto task = story.open_task(story.account(), {500}, 50);
  std::vector<AssignmentId> works;
  for (int i = 0; i < 5; ++i) {
    works.push_back(story.work(story.verified_worker(), task));
    story.reject(works.back());
  }
  for (const std::size_t i : {3U, 0U, 4U}) {
    story.contest(works[i]);
    story.pass(i == 3 ? 0 : 10);  // two in one millisecond
  }
  desk.catch_up(story);
  const auto assignments = contested_of(desk);
  for (const std::uint32_t limit : {1U, 2U, 100U}) {
    const auto waiting = contests(assignments, limit);
    CHECK(std::set(waiting.begin(), waiting.end()) == std::set{works[3], works[0], works[4]});
    CHECK(waiting.back() == works[4]);
  }
  CHECK(assignments.page({task, AssignmentStatus::rejected}, 0, 100).total == 5);
  story.decide_contest(works[0], ContestOutcome::upheld);
  story.decide_contest(works[3], ContestOutcome::dismissed);
  desk.catch_up(story);
  CHECK(contests(assignments, 100) == std::vector{works[4]});
  CHECK(assignments.page({task, AssignmentStatus::rejected}, 0, 100).total == 5);
  CHECK_FALSE(assignments.contests_after(SubmissionId{"sub_nothing"}, 10));
}

TEST_CASE("what is kept of a worker is their leases and rejections until those are discarded") {
  Story story(12);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto worker = story.verified_worker();
  const auto leased = story.accept(worker, story.open_task(customer, {500}, 50));
  const auto pending = story.work(worker, story.open_task(customer, {500}, 50));
  const auto rejected = story.work(worker, story.open_task(customer, {500}, 50));
  story.reject(rejected);
  desk.catch_up(story);
  const auto assignments = contested_of(desk);
  CHECK(kept(assignments, worker) == 2);
  story.release(leased);
  story.approve(pending);
  desk.catch_up(story);
  CHECK(kept(assignments, worker) == 1);
  story.discard(rejected);
  desk.catch_up(story);
  CHECK(kept(assignments, worker) == 0);
  CHECK(assignments.assignment(rejected)->state.is_discarded);
}
