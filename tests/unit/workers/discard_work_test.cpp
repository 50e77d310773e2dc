// What an erased worker leaves goes, however often the process dies on the way; what was bought stays.
#include "workers/erasure/discard_work.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>

#include "domain/domain.hpp"
#include "tests/unit/workers/fakes.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;

namespace {

const WorkerId kWorker{"wrk_x"};

// The chains of a worker's work, as a node that executes commands at once.
struct Chains {
  Chains() {
    for (const auto status :
         {AssignmentStatus::leased, AssignmentStatus::lapsed, AssignmentStatus::pending,
          AssignmentStatus::approved, AssignmentStatus::rejected, AssignmentStatus::contested,
          AssignmentStatus::leased, AssignmentStatus::rejected}) {
      Assignment work;
      work.id = new_id<AssignmentId>("asg_", clock.now(), Bucket{3}, randomness.bits());
      work.task = new_id<TaskId>("tsk_", clock.now(), Bucket{3}, randomness.bits());
      work.worker = kWorker;
      work.status = status;
      work.lease_until = {clock.now().ms + 1'000'000};
      if (status >= AssignmentStatus::pending) work.submission = {"sub_" + work.id.value};
      works.emplace(work.id, work);
    }
  }
  std::vector<Assignment> kept(std::uint32_t limit) const {
    std::vector<Assignment> found;
    for (const auto& [id, work] : works) {
      const bool is_kept =
          work.status == AssignmentStatus::leased || (work.was_rejected() && !work.is_discarded);
      if (is_kept && found.size() < limit) found.push_back(work);
    }
    return found;
  }
  WorkDiscarder discarder() {
    return {[this](const WorkerId& worker, std::uint32_t limit) {
              CHECK(worker == kWorker);
              return kept(limit);
            },
            [this](journal::Submission submission) { execute(submission); }, clock, randomness};
  }
  void execute(const journal::Submission& submission) {
    CHECK(submission.partition == journal::Partition{journal::Topic::tasks, 3});
    journal::Answer answer;
    if (left && *left == 0) {
      answer.kind = journal::AnswerKind::unavailable;
    } else {
      if (left) --*left;
      answer.kind = decide(submission) ? journal::AnswerKind::accepted : journal::AnswerKind::rejected;
    }
    submission.done(answer);
  }
  bool decide(const journal::Submission& submission) {
    Decision decision;
    AssignmentId id;
    if (const auto* discard = std::get_if<DiscardSubmission>(&submission.command)) {
      id = discard->assignment;
      CHECK(submission.id == discard_command_id(id));
      decision = domain::decide(*discard, works.at(id), clock.now());
    } else {
      const auto& release = std::get<ReleaseTask>(submission.command);
      id = release.assignment;
      CHECK(submission.id_is_new);
      decision = domain::decide(release, Task{}, works.at(id), clock.now());
    }
    if (decision.rejection()) return false;
    for (const auto& event : decision.events()) {
      if (const auto* ended = std::get_if<LeaseEnded>(&event.event))
        evolve(works.at(id), *ended, clock.now());
      if (const auto* discarded = std::get_if<SubmissionDiscarded>(&event.event))
        evolve(works.at(id), *discarded, clock.now());
    }
    return true;
  }

  FakeClock clock;
  FakeRandomness randomness;
  std::map<AssignmentId, Assignment> works;
  std::optional<int> left;  // commands that the journal takes before it is away
};

}  // namespace

TEST_CASE("discard work: places are given back, rejections go, and nothing else changes") {
  Chains chains;
  CHECK(chains.discarder().discard_all(kWorker));
  std::map<AssignmentStatus, int> seen;
  for (const auto& [id, work] : chains.works) {
    ++seen[work.status];
    CHECK(work.is_discarded == work.was_rejected());
  }
  CHECK(seen == std::map<AssignmentStatus, int>{{AssignmentStatus::lapsed, 3},
                                                {AssignmentStatus::pending, 1},
                                                {AssignmentStatus::approved, 1},
                                                {AssignmentStatus::rejected, 2},
                                                {AssignmentStatus::contested, 1}});
  CHECK(chains.discarder().discard_all(kWorker));
}

TEST_CASE("discard work: wherever it stops, the next look finds the rest") {
  for (int taken = 0; taken <= 6; ++taken) {
    CAPTURE(taken);
    Chains chains;
    chains.left = taken;
    CHECK(chains.discarder().discard_all(kWorker) == (taken >= 5));
    chains.left.reset();
    CHECK(chains.discarder().discard_all(kWorker));
    CHECK(chains.kept(100).empty());
  }
}

TEST_CASE("discard work: a lease that is over is left to the clock") {
  Chains chains;
  for (auto& [id, work] : chains.works) work.lease_until = chains.clock.now();
  CHECK_FALSE(chains.discarder().discard_all(kWorker));
}
