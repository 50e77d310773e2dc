// One task and a worker on their way through it, for the domain's tests.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {

inline const UploadLimits kLimits{8, 1'000'000};

inline constexpr std::int64_t kLeaseMs = 3'600'000;
inline const SubmissionId kSubmission{"sub_01j9zq4k7w00h8j9k0m1n2p3q4"};
inline const std::vector<Media> kMedia{{"video/mp4", 1'000, std::string(64, 'a'), 60'000}};

inline WorkerId worker(int number) {
  return new_id<WorkerId>("wrk_", kNow, Bucket{7}, {static_cast<std::uint64_t>(number), 0});
}
inline AssignmentId work_of(const WorkerId& worker, const TaskId& task = kTask) {
  return {"asg_" + task.value + worker.value};
}

// One task and the worker Ada, with whatever others it takes.
struct Site : Business {
  const WorkerId ada = worker(1);
  const AssignmentId work = work_of(ada);
  const Assignment& assignment() { return get<Assignment>(work.value); }

  explicit Site(std::int64_t target = 100, std::optional<Timestamp> deadline = {}) {
    has_account();
    auto create = street_scenes({2'500}, target);
    create.deadline = deadline;
    REQUIRE(ask(create).empty());
    REQUIRE(ask(FundTask{kTask, kAcme, kCheckout, create.reward_cents * target}).empty());
  }
  std::string accept(const WorkerId& who) { return ask(AcceptTask{work_of(who), kTask, who, kLeaseMs}); }
  std::string accept() { return accept(ada); }
  std::string release() { return ask(ReleaseTask{work, kTask}); }
  std::string announce(const std::string& upload = "upl_1") {
    return ask(AnnounceUpload{work, {{upload}, "video/mp4", 1'000, std::string(64, 'a')}, kLimits});
  }
  std::string submit() { return ask(SubmitProof{work, kTask, kSubmission, kMedia}); }
  std::string approve() { return ask(ApproveSubmission{work, kTask, kAcme, kSubmission}); }
  std::string refuse() { return ask(RejectSubmission{work, kTask, kAcme, kSubmission, "too dark"}); }
  std::string pass() { return ask(PassTime{work, kTask, kAcme}); }

  // Ada's way to `state`.
  void comes_to(const std::string& state) {
    if (state == "none") return;
    REQUIRE(accept().empty());
    if (state == "leased") return;
    if (state == "over") {
      now.ms += kLeaseMs;
      return;
    }
    if (state == "released") {
      REQUIRE(release().empty());
      return;
    }
    if (state == "lapsed") {
      now.ms += kLeaseMs;
      REQUIRE(pass().empty());
      return;
    }
    REQUIRE(submit().empty());
    if (state == "approved") REQUIRE(approve().empty());
    if (state == "rejected") REQUIRE(refuse().empty());
  }
};

}  // namespace groundtruth::domain::test
