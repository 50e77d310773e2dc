// What customers see of submissions and workers of their hold on a task: states, lists, counts, walks, and
// what time is to act on.
#include "projections/assignments/assignments.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>

#include "projections/assignments/queries.hpp"
#include "projections/rebuild.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

constexpr std::array kListed{AssignmentStatus::pending, AssignmentStatus::approved,
                             AssignmentStatus::rejected};

AssignmentQueries assignments_of(Desk& desk) {
  return AssignmentQueries(desk.projector().readers("assignments"));
}

// Newest first, as the journal tells it.
std::vector<SubmissionId> expected(const Story& story, const SubmissionFilter& filter) {
  std::vector<SubmissionId> ids;
  std::map<SubmissionId, AssignmentStatus> decided;
  for (const auto& accepted : story.accepted()) {
    if (!accepted.commit) continue;
    for (const auto& event : accepted.commit->events) {
      if (const auto* made = std::get_if<SubmissionCreated>(&event.data); made && made->task == filter.task)
        ids.push_back(made->submission);
      if (const auto* approved = std::get_if<SubmissionApproved>(&event.data))
        decided[approved->submission] = AssignmentStatus::approved;
      if (const auto* rejected = std::get_if<SubmissionRejected>(&event.data))
        decided[rejected->submission] = AssignmentStatus::rejected;
    }
  }
  std::erase_if(ids, [&](const SubmissionId& id) {
    const auto found = decided.find(id);
    return filter.status != (found == decided.end() ? AssignmentStatus::pending : found->second);
  });
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::vector<SubmissionId> ids_of(const Page<Assignment>& page) {
  std::vector<SubmissionId> ids;
  for (const auto& item : page.items) ids.push_back(item.state.submission);
  return ids;
}

std::vector<SubmissionId> by_cursor(const AssignmentQueries& assignments, const SubmissionFilter& filter,
                                    std::uint32_t limit) {
  std::vector<SubmissionId> ids;
  std::optional<SubmissionId> last;
  while (true) {
    const auto page = assignments.page_after(filter, last, limit);
    REQUIRE(page);
    REQUIRE(page->items.size() <= limit);
    for (const auto& id : ids_of(*page)) ids.push_back(id);
    if (!page->more) return ids;
    last = ids.back();
  }
}

std::vector<SubmissionId> by_walk(const AssignmentQueries& assignments, const SubmissionFilter& filter,
                                  std::uint32_t limit) {
  std::vector<SubmissionId> ids;
  auto walk = assignments.walk(filter);
  while (walk.next(limit, [&](const Assignment& each) { ids.push_back(each.submission); })) {
  }
  return ids;
}

}  // namespace

TEST_CASE("assignments: what happened to a worker's work is what readers see, with its version") {
  struct Row {
    const char* words;
    void (*happens)(Story&, const AssignmentId&);
    AssignmentStatus status;
    std::uint32_t version;
    bool held;
  };
  using enum AssignmentStatus;
  const Row rows[] = {
      {"accepted", [](Story&, const AssignmentId&) {}, leased, 1, true},
      {"given back", [](Story& s, const AssignmentId& a) { s.release(a); }, lapsed, 2, false},
      {"submitted with an upload",
       [](Story& s, const AssignmentId& a) {
         s.upload(a);
         s.submit(a);
       },
       pending, 3, true},
      {"approved",
       [](Story& s, const AssignmentId& a) {
         s.submit(a);
         s.approve(a);
       },
       approved, 3, true},
      {"rejected",
       [](Story& s, const AssignmentId& a) {
         s.submit(a);
         s.reject(a, "Too dark.");
       },
       rejected, 3, true},
      {"over",
       [](Story& s, const AssignmentId& a) {
         s.pass(3'600'000);
         s.time_passes(a);
       },
       lapsed, 2, false},
  };
  for (const auto& row : rows) {
    for (const bool one_batch : {false, true}) {
      CAPTURE(row.words);
      CAPTURE(one_batch);
      Story story(1);
      const TempDir directory;
      Desk desk(directory.path());
      const auto task = story.open_task(story.account());
      const auto ada = story.verified_worker();
      const auto work = story.accept(ada, task);
      if (!one_batch) desk.catch_up(story);
      row.happens(story, work);
      desk.catch_up(story);
      REQUIRE(desk.failures().empty());
      const auto assignments = assignments_of(desk);
      const auto seen = assignments.assignment(work);
      REQUIRE(seen);
      CHECK(seen->version == row.version);
      CHECK(seen->state.status == row.status);
      CHECK(seen->state.worker == ada);
      CHECK(assignments.is_held(work) == row.held);
      for (const auto status : kListed)
        CHECK(assignments.page({task, status}, 0, 10).total == (status == row.status ? 1 : 0));
      if (!seen->state.has_submission()) continue;
      const auto found = assignments.of_submission(seen->state.submission);
      REQUIRE(found);
      CHECK(found->state.id == work);
      CHECK(found->version == row.version);
    }
  }
}

TEST_CASE("assignments: what nobody did is not there") {
  Story story(2);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto task = story.open_task(customer), other = story.open_task(customer);
  const auto work = story.work(story.verified_worker(), task);
  desk.catch_up(story);
  const auto assignments = assignments_of(desk);
  const auto submission = story.state<Assignment>(work.value).submission;
  CHECK_FALSE(assignments.assignment({"asg_unheard_of"}));
  CHECK_FALSE(assignments.is_held({"asg_unheard_of"}));
  CHECK_FALSE(assignments.of_submission({"sub_unheard_of"}));
  CHECK(assignments.page({other, AssignmentStatus::pending}, 0, 10).items.empty());
  CHECK(assignments.page({task, AssignmentStatus::pending}, 1, 10).items.empty());
  CHECK(assignments.page({task, AssignmentStatus::pending}, 1, 10).total == 1);
  SUBCASE("and a cursor of another task's list is refused") {
    CHECK_FALSE(assignments.page_after({other, AssignmentStatus::pending}, submission, 10));
    CHECK_FALSE(
        assignments.page_after({task, AssignmentStatus::pending}, SubmissionId{"sub_unheard_of"}, 10));
    CHECK(assignments.page_after({task, AssignmentStatus::approved}, submission, 10)->items.empty());
  }
  SUBCASE("and a page has its bounds") {
    CHECK_THROWS(assignments.page({task, AssignmentStatus::pending}, 0, 0));
    CHECK_THROWS(assignments.page({task, AssignmentStatus::pending}, 0, kMaxPage + 1));
  }
}

TEST_CASE("assignments: every list's pages, cursors, walks and counts are what the journal says") {
  for (std::uint64_t seed = 100; seed < 106; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    for (int i = 0; i < 3; ++i) story.open_task(customer, {100}, 60);
    for (int i = 0; i < 150; ++i) {
      if (story.upto(3) == 0) story.pass(static_cast<std::int64_t>(story.upto(3)));
      const auto work = story.work(story.verified_worker(), story.tasks()[story.upto(3)]);
      if (story.upto(3) == 0) story.upto(2) == 0 ? story.approve(work) : story.reject(work);
      if (story.upto(4) == 0) story.approve(story.works()[story.upto(story.works().size())]);
      if (story.upto(20) == 0) desk.catch_up(story, story.dice());
    }
    desk.catch_up(story, story.dice());
    REQUIRE(desk.failures().empty());
    const auto assignments = assignments_of(desk);
    for (const auto& task : story.tasks()) {
      for (const auto status : kListed) {
        const SubmissionFilter filter{task, status};
        const auto all = expected(story, filter);
        const auto limit = static_cast<std::uint32_t>(1 + story.upto(7));
        std::vector<SubmissionId> by_page;
        for (std::uint64_t offset = 0; offset <= all.size(); offset += limit) {
          const auto page = assignments.page(filter, offset, limit);
          CHECK(page.total == all.size());
          CHECK(page.more == (offset + limit < all.size()));
          for (const auto& id : ids_of(page)) by_page.push_back(id);
        }
        CHECK(by_page == all);
        CHECK(by_cursor(assignments, filter, limit) == all);
        CHECK(by_walk(assignments, filter, limit) == all);
      }
    }
  }
}

// The order within one millisecond was that in which a batch first touched the assignments, so a rebuilt file
// had another one.
TEST_CASE("assignments: a list has one order, however the chain was cut into batches") {
  Story story(3);
  const TempDir live, whole;
  Desk one(live.path()), two(whole.path());
  const auto task = story.open_task(story.account(), {500}, 50);
  std::vector<AssignmentId> works;
  for (int i = 0; i < 20; ++i) works.push_back(story.accept(story.verified_worker(), task));
  one.catch_up(story);
  std::shuffle(works.begin(), works.end(), story.dice());
  std::vector<SubmissionId> submitted;
  for (const auto& work : works) submitted.push_back(story.submit(work));  // all in one millisecond
  std::reverse(submitted.begin(), submitted.end());
  one.catch_up(story, story.dice());
  two.catch_up(story);
  const SubmissionFilter filter{task, AssignmentStatus::pending};
  CHECK(ids_of(assignments_of(one).page(filter, 0, 100)) == submitted);
  CHECK(ids_of(assignments_of(two).page(filter, 0, 100)) == submitted);
  rebuild(one.projector(), story.journal(), story.codec(), {"assignments"});
  CHECK(ids_of(assignments_of(one).page(filter, 0, 100)) == submitted);
}

TEST_CASE("assignments: a walk neither repeats nor skips what was there all along") {
  for (std::uint64_t seed = 120; seed < 124; ++seed) {
    for (const bool is_walk : {false, true}) {
      CAPTURE(seed);
      CAPTURE(is_walk);
      Story story(seed);
      const TempDir directory;
      Desk desk(directory.path());
      const auto task = story.open_task(story.account(), {100}, 500);
      const auto submit_one = [&] { return story.work(story.verified_worker(), task); };
      for (int i = 0; i < 60; ++i) {
        if (story.upto(3) == 0) story.pass(1);
        submit_one();
      }
      desk.catch_up(story);
      const SubmissionFilter filter{task, AssignmentStatus::pending};
      const auto before = expected(story, filter);
      const auto assignments = assignments_of(desk);
      std::vector<SubmissionId> seen;
      std::optional<SubmissionId> last;
      auto walk = assignments.walk(filter);
      for (bool more = true; more;) {
        const auto limit = static_cast<std::uint32_t>(1 + story.upto(9));
        if (is_walk) {
          more = walk.next(limit, [&](const Assignment& each) { seen.push_back(each.submission); });
        } else {
          const auto page = assignments.page_after(filter, last, limit);
          REQUIRE(page);
          for (const auto& id : ids_of(*page)) seen.push_back(id);
          last = seen.back();
          more = page->more;
        }
        for (auto news = story.upto(4); news > 0; --news) submit_one();
        // Also the very one that the cursor names.
        if (story.upto(2) == 0) story.approve(assignments.of_submission(seen.back())->state.id);
        if (story.upto(2) == 0) story.reject(story.works()[story.upto(60)]);
        desk.catch_up(story);
      }
      CHECK(std::set<SubmissionId>(seen.begin(), seen.end()).size() == seen.size());
      const auto still = expected(story, filter);
      for (const auto& id : before)
        if (std::find(still.begin(), still.end(), id) != still.end())
          CHECK(std::find(seen.begin(), seen.end(), id) != seen.end());
      for (const auto& id : seen) CHECK(std::find(before.begin(), before.end(), id) != before.end());
    }
  }
}

TEST_CASE("assignments: what a worker holds, and how often their leases came to nothing in a row") {
  Story story(31);
  const TempDir directory;
  Desk desk(directory.path());
  const auto acme = story.account();
  const auto ada = story.worker(), eve = story.worker("Eve", "eve@work.test");
  std::vector<TaskId> tasks;
  for (int i = 0; i < 6; ++i) tasks.push_back(story.open_task(acme));
  const auto queries = assignments_of(desk);
  const auto record = [&](const WorkerId& worker) {
    desk.catch_up(story);
    return queries.lease_record(worker, story.now(), 64);
  };
  CHECK(record(ada).held == 0);
  const auto first = story.accept(ada, tasks[0], 60'000), second = story.accept(ada, tasks[1], 90'000);
  story.accept(eve, tasks[0], 60'000);
  auto now = record(ada);
  CHECK(now.held == 2);
  CHECK(now.first_over == queries.assignment(first)->state.lease_until);
  CHECK(now.fruitless == 0);
  story.release(first);
  now = record(ada);
  CHECK(now.held == 1);
  CHECK(now.fruitless == 1);
  const auto released_at = now.last_fruitless_at;
  CHECK(released_at.ms > 0);
  story.pass(100'000);
  CHECK(record(ada).held == 0);  // its time is over, though nobody has said so
  story.time_passes(second);
  now = record(ada);
  CHECK(now.fruitless == 2);
  CHECK(now.last_fruitless_at.ms > released_at.ms);
  CHECK(queries.lease_record(ada, story.now(), 1).fruitless == 1);
  // Work that is submitted ends the row, and what was before it counts no more.
  story.submit(story.accept(ada, tasks[2], 60'000));
  now = record(ada);
  CHECK(now.held == 0);
  CHECK(now.fruitless == 0);
  // Where the task ends first, its leases are nobody's fault.
  const auto third = story.accept(ada, tasks[3], 60'000);
  story.cancel(tasks[3]);
  story.pass(100'000);
  story.time_passes(third);
  CHECK(record(ada).fruitless == 0);
  story.release(story.accept(ada, tasks[4], 60'000));
  CHECK(record(ada).fruitless == 1);
  CHECK(record(eve).fruitless == 0);
}

TEST_CASE("assignments: time is to act on leases and reviews that are over, the longest over first") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  const auto task = story.open_task(story.account(), {500}, 50);
  const auto start = story.now();
  const auto leased_for = [&](std::int64_t ms) { return story.accept(story.verified_worker(), task, ms); };
  const auto second = leased_for(2'000), first = leased_for(1'000), released = leased_for(1'500),
             third = leased_for(3'000), submitted = leased_for(500);
  story.release(released);
  story.submit(submitted);
  desk.catch_up(story);
  const auto assignments = assignments_of(desk);
  const auto due = [&](std::int64_t ms, std::uint32_t limit = 100) {
    std::vector<AssignmentId> ids;
    std::optional<DuePlace> after;
    do {
      const auto look = assignments.due({start.ms + ms}, after, limit);
      for (const auto& one : look.commands) {
        CHECK(one.task == task);
        CHECK(one.account == story.accounts().front());
        ids.push_back(one.assignment);
      }
      CHECK(look.commands.size() <= limit);
      after = look.next;
    } while (after);
    return ids;
  };
  CHECK(due(999).empty());
  CHECK(due(1'000) == std::vector{first});
  CHECK(due(kReviewMs - 1) == std::vector{first, second, third});
  CHECK(due(kReviewMs) == std::vector{first, second, third, submitted});
  CHECK(due(kReviewMs, 1) == due(kReviewMs));
  story.pass(2'000);
  story.time_passes(second);
  story.time_passes(third);  // too early
  desk.catch_up(story);
  CHECK(due(kReviewMs) == std::vector{first, third, submitted});
  story.pass(kReviewMs);
  for (const auto& work : due(kReviewMs)) story.time_passes(work);
  desk.catch_up(story);
  CHECK(due(2 * kReviewMs).empty());
  CHECK(assignments.assignment(submitted)->state.status == AssignmentStatus::approved);
}

TEST_CASE("assignments: what random stories leave due, counted and held is what their states say") {
  for (std::uint64_t seed = 140; seed < 144; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    for (int round = 0; round < 3; ++round) {
      story.steps(700);
      desk.catch_up(story, story.dice());
      REQUIRE(desk.failures().empty());
      const auto assignments = assignments_of(desk);
      std::set<AssignmentId> expected_due, seen_due;
      for (const auto& work : story.works()) {
        const auto& state = story.state<Assignment>(work.value);
        if (state.due() && *state.due() <= story.now()) expected_due.insert(work);
        REQUIRE(assignments.is_held(work) == (state.status != AssignmentStatus::lapsed));
        REQUIRE(assignments.assignment(work)->version == story.version(work.value));
      }
      for (const auto& one : assignments.due(story.now(), {}, 100'000).commands)
        seen_due.insert(one.assignment);
      CHECK(seen_due == expected_due);
      const auto db = desk.projector().readers("assignments").lease();
      CHECK(db->query_int64("SELECT sum(pending + approved + rejected) FROM counts") ==
            db->query_int64("SELECT count(*) FROM submissions"));
      CHECK(db->query_int64(
                "SELECT count(*) FROM counts c WHERE "
                "pending <> (SELECT count(*) FROM submissions s WHERE s.task = c.task AND status = 3) OR "
                "approved <> (SELECT count(*) FROM submissions s WHERE s.task = c.task AND status = 4) OR "
                "rejected <> (SELECT count(*) FROM submissions s WHERE s.task = c.task AND status = 5)") ==
            0);
    }
  }
}
