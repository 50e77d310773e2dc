// What an erased account leaves open is ended, however often the process dies on the way.
#include "workers/erasure/end_tasks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "domain/domain.hpp"
#include "tests/unit/workers/fakes.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;

namespace {

const AccountId kAccount{"org_x"};

// An account's chain, as a node that executes commands at once: what the domain decides is applied.
struct Chain {
  explicit Chain(int count) {
    for (int i = 0; i < count; ++i) {
      Task task;
      task.id = new_id<TaskId>("tsk_", clock.now(), Bucket{3}, randomness.bits());
      task.account = kAccount;
      task.status = i % 3 == 0 ? TaskStatus::funding : TaskStatus::open;
      task.reward_cents = {500};
      task.target_submissions = 10;
      task.pending_submissions = task.status == TaskStatus::open ? 2 : 0;
      tasks.emplace(task.id, task);
    }
  }

  TaskEnder ender() {
    return {[this](const AccountId& account, std::uint32_t limit) { return alive(account, limit); },
            [this](journal::Submission submission) { execute(submission); }, clock};
  }
  std::vector<TaskId> alive(const AccountId& account, std::uint32_t limit) {
    CHECK(account == kAccount);
    std::vector<TaskId> found;
    for (const auto& [id, task] : tasks)
      if (task.is_alive() && found.size() < limit) found.push_back(id);
    return found;
  }
  void execute(const journal::Submission& submission) {
    most_under_way = std::max(most_under_way, ++under_way);
    journal::Answer answer;
    const auto& command = std::get<CancelTask>(submission.command);
    CHECK(submission.id == end_command_id(command.task));
    CHECK_FALSE(submission.id_is_new);
    CHECK(submission.partition == journal::Partition{journal::Topic::tasks, 3});
    if (left && *left == 0) {
      answer.kind = lost_answers ? journal::AnswerKind::unknown : journal::AnswerKind::unavailable;
      if (lost_answers) decide(command);  // it was appended, and nobody heard of it
    } else {
      if (left) --*left;
      answer.kind = decide(command) ? journal::AnswerKind::accepted : journal::AnswerKind::rejected;
    }
    --under_way;
    submission.done(answer);
  }
  bool decide(const CancelTask& command) {
    Task& task = tasks.at(command.task);
    const auto decision = domain::decide(command, task, Wallet{}, clock.now());
    if (decision.rejection()) return false;
    for (const auto& event : decision.events()) {
      if (const auto* cancelled = std::get_if<TaskCancelled>(&event.event))
        evolve(task, *cancelled, clock.now());
      if (const auto* posted = std::get_if<WalletPosted>(&event.event)) {
        CHECK(posted->reason == PostingReason::task_refund);
        refunds.push_back(posted->entries.back().amount_cents.value);
      }
    }
    return true;
  }

  FakeClock clock;
  FakeRandomness randomness;
  std::map<TaskId, Task> tasks;
  std::vector<std::int64_t> refunds;
  std::optional<int> left;  // commands that the journal takes before it is away
  bool lost_answers = false;
  std::uint32_t under_way = 0, most_under_way = 0;
};

}  // namespace

TEST_CASE("end tasks: those that are funding or open end as by a cancel, and what waits stays owed") {
  Chain chain(250);
  CHECK(chain.ender().end_all(kAccount));
  CHECK(chain.alive(kAccount, 1'000).empty());
  for (const auto& [id, task] : chain.tasks) CHECK(task.status == TaskStatus::cancelled);
  CHECK(chain.refunds == std::vector<std::int64_t>(166, 8 * 500));
  CHECK(chain.ender().end_all(kAccount));
  CHECK(chain.refunds.size() == 166);
}

TEST_CASE("end tasks: nothing is ended twice and nothing is forgotten, wherever it stops") {
  for (const bool lost_answers : {false, true}) {
    for (int taken = 0; taken <= 13; ++taken) {
      CAPTURE(taken);
      CAPTURE(lost_answers);
      Chain chain(12);
      chain.left = taken;
      chain.lost_answers = lost_answers;
      CHECK(chain.ender().end_all(kAccount) == (taken >= 12));
      chain.left.reset();
      CHECK(chain.ender().end_all(kAccount));  // another process, which knows nothing of the first
      CHECK(chain.alive(kAccount, 1'000).empty());
      CHECK(chain.refunds.size() == 8);
    }
  }
}

TEST_CASE("end tasks: what read models show as open and is over is asked for again, not in a circle") {
  Chain chain(3);
  int looks = 0;
  const auto over = chain.tasks.begin()->first;
  chain.tasks.at(over).status = TaskStatus::completed;
  TaskEnder ender(
      [&](const AccountId& account, std::uint32_t limit) {
        auto found = chain.alive(account, limit);
        if (++looks == 1) found.push_back(over);
        return found;
      },
      [&](journal::Submission submission) { chain.execute(submission); }, chain.clock);
  CHECK_FALSE(ender.end_all(kAccount));
  CHECK(looks == 1);
  CHECK(ender.end_all(kAccount));
}

TEST_CASE("end tasks: a command is named after its task, in the task's own bucket") {
  Chain chain(100);
  std::set<std::string> ids;
  for (const auto& [id, task] : chain.tasks) {
    const auto command = end_command_id(id);
    CHECK(is_id(command.value, "cmd_"));
    CHECK(bucket_of(command.value)->value == 3);
    ids.insert(command.value);
  }
  CHECK(ids.size() == 100);
}
