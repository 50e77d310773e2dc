// The clock worker under a clock of its own: what is due, in what order, and what a jump of the clock does.
#include "workers/clock/clock_worker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/workers/fakes.hpp"
#include "workers/clock/wall_clock_guard.hpp"

using namespace groundtruth;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using namespace std::chrono_literals;

namespace {

// A task for each due time; ends those that the worker says are due, unless the journal is away.
struct ClockDesk {
  explicit ClockDesk(std::uint32_t batch = 256) {
    ClockOptions options;
    options.batch = batch;
    options.log = [this](const std::string& what) { said.push_back(what); };
    worker =
        std::make_unique<ClockWorker>([this](domain::Timestamp now, const auto& after,
                                             std::uint32_t limit) { return due(now, after, limit); },
                                      [this](journal::Submission submission) { take(std::move(submission)); },
                                      clock, randomness, executor, duties, std::move(options));
  }

  void add(std::int64_t due_in_ms) {
    const auto task =
        domain::new_id<domain::TaskId>("tsk_", clock.now(), domain::Bucket{7}, randomness.bits());
    tasks.emplace(clock.wall_ms + due_in_ms, task);
  }
  ClockWorker::Look due(domain::Timestamp now, const std::optional<projections::DuePlace>& after,
                        std::uint32_t limit) {
    ++looks;
    if (unreadable) throw std::runtime_error("no read model");
    projections::DueLook<domain::ExpireTask> look;
    for (const auto& [when, task] : tasks) {
      if (when > now.ms || (after && when <= after->due.ms)) continue;
      look.commands.push_back({task, {"org_x"}});
      if (look.commands.size() == limit) {
        look.next = projections::DuePlace{{when}, 0};
        break;
      }
    }
    return acts_of(std::move(look));
  }
  void take(journal::Submission submission) {
    const auto& command = std::get<domain::ExpireTask>(submission.command);
    journal::Answer answer;
    const bool refused = away || halted.contains(command.task);
    answer.kind = refused ? journal::AnswerKind::unavailable : journal::AnswerKind::accepted;
    if (!refused) {
      const auto found = std::find_if(tasks.begin(), tasks.end(),
                                      [&](const auto& one) { return one.second == command.task; });
      REQUIRE(found != tasks.end());
      ended.push_back(found->first);
      tasks.erase(found);
      answer.commit = std::make_shared<journal::Commit>();
    }
    ++submitted;
    if (silent)
      unanswered = [done = std::move(submission.done), answer] { done(answer); };
    else
      submission.done(answer);
  }
  void pass(std::chrono::milliseconds time) {
    for (auto left = time; left > 0ms; left -= 500ms) {
      clock.wall_ms += 500;
      clock.steady_ms += 500;
      executor.run(clock.steady());
    }
  }

  FakeClock clock;
  FakeRandomness randomness;
  FakeExecutor executor;
  FakeDuties duties;
  std::multimap<std::int64_t, domain::TaskId> tasks;  // by due time
  std::vector<std::int64_t> ended;                    // due times, in the order of ending
  std::vector<std::string> said;
  std::set<domain::TaskId> halted;   // tasks of a partition that takes nothing
  std::function<void()> unanswered;  // the last answer, where the journal is silent
  bool away = false, unreadable = false, silent = false;
  int looks = 0, submitted = 0;
  std::unique_ptr<ClockWorker> worker;
};

}  // namespace

TEST_CASE("clock: a task ends within a second of its deadline, and not before") {
  ClockDesk desk;
  desk.add(10'000);
  desk.worker->start();
  desk.pass(9'500ms);
  CHECK(desk.ended.empty());
  desk.pass(1'500ms);
  CHECK(desk.ended.size() == 1);
  CHECK(desk.worker->acted() == 1);
}

TEST_CASE("clock: what stands in a partition of others is left to them, and done once it is ours") {
  constexpr journal::Partition kTheirs{journal::Topic::tasks, 7};
  ClockDesk desk(4);
  desk.duties.give(kTheirs, false);
  for (int i = 0; i < 10; ++i) desk.add(1'000 + i);
  desk.worker->start();
  desk.pass(5s);
  CHECK(desk.submitted == 0);
  CHECK(desk.looks >= 3 * 4);  // every sweep goes to its end
  desk.duties.give(kTheirs, true);
  desk.pass(1s);
  CHECK(desk.ended.size() == 10);
}

TEST_CASE("clock: what came due while nobody looked is caught up with, the longest overdue first") {
  ClockDesk desk(4);
  for (const auto due : {5'000, 1'000, 3'000, 2'000, 9'000, 8'000, 7'000, 6'000, 4'000, 3'600'000})
    desk.add(due);
  desk.clock.wall_ms += 60'000;  // the process was away
  desk.worker->start();
  desk.executor.run(desk.clock.steady());
  CHECK(desk.ended.size() == 9);
  CHECK(std::is_sorted(desk.ended.begin(), desk.ended.end()));
}

TEST_CASE("clock: a journal or read models that are away are asked again, once an interval") {
  ClockDesk desk(1);
  desk.add(0);
  desk.worker->start();
  desk.away = true;
  desk.pass(10s);
  CHECK(desk.submitted >= 9);
  CHECK(desk.submitted <= 11);
  desk.unreadable = true;
  desk.pass(10s);
  CHECK(desk.submitted <= 12);
  CHECK(desk.looks >= 18);
  desk.away = desk.unreadable = false;
  desk.pass(2s);
  CHECK(desk.ended.size() == 1);
}

TEST_CASE("clock: what a halted partition holds does not hold up the others") {
  ClockDesk desk(2);
  for (const auto due : {1'000, 2'000, 3'000, 4'000, 5'000, 6'000}) desk.add(due);
  for (auto stuck = desk.tasks.begin(); desk.halted.size() < 5; ++stuck) desk.halted.insert(stuck->second);
  desk.clock.wall_ms += 60'000;
  desk.worker->start();
  desk.pass(3s);
  CHECK(desk.ended.size() == 1);
  desk.halted.clear();
  desk.pass(3s);
  CHECK(desk.ended.size() == 6);
}

TEST_CASE("clock: a clock that jumps ahead ends nothing until it has stood for five minutes") {
  ClockDesk desk;
  desk.add(3'600'000);
  desk.worker->start();
  desk.pass(5s);
  desk.clock.wall_ms += 7'200'000;
  SUBCASE("and is put right: nothing was harmed") {
    desk.pass(60s);
    CHECK(desk.ended.empty());
    desk.clock.wall_ms -= 7'200'000;
    desk.pass(600s);
    CHECK(desk.ended.empty());
  }
  SUBCASE("and was right: what is due ends") {
    desk.pass(299s);
    CHECK(desk.ended.empty());
    desk.pass(5s);
    CHECK(desk.ended.size() == 1);
    CHECK(desk.said.size() == 2);
  }
}

TEST_CASE("clock: a clock that is set back ends nothing early and nothing twice") {
  ClockDesk desk;
  desk.add(10'000);
  desk.worker->start();
  desk.pass(5s);
  desk.clock.wall_ms -= 30'000;  // less than counts as a jump
  desk.pass(20s);
  CHECK(desk.ended.empty());
  desk.pass(20s);
  CHECK(desk.ended.size() == 1);
}

TEST_CASE("clock: answers that come after the worker is gone find nobody") {
  ClockDesk desk;
  desk.add(0);
  desk.silent = true;
  desk.worker->start();
  desk.executor.run(desk.clock.steady());
  REQUIRE(desk.unanswered);
  desk.worker.reset();
  desk.unanswered();
  desk.executor.run(desk.clock.steady());
  CHECK(desk.looks == 1);
}

TEST_CASE("wall clock guard: slow drift is no jump") {
  WallClockGuard guard;
  std::int64_t wall = 1'750'000'000'000, steady = 0;
  for (int i = 0; i < 1'000; ++i) {
    wall += 1'900;
    steady += 1'000;
    CHECK(guard.trusts({wall}, WallClockGuard::TimePoint{std::chrono::milliseconds(steady)}));
  }
}
