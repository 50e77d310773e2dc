// The bound on unpaid tasks, with what is on its way.
#include "api/groundtruth/unpaid_tasks.hpp"

#include <doctest/doctest.h>

#include "journal/commit.hpp"

using namespace groundtruth;
using namespace groundtruth::api::groundtruth;

namespace {

const domain::AccountId kAcme{"org_1"}, kOther{"org_2"};

journal::Answer accepted(std::uint64_t seq, bool replayed = false) {
  journal::Answer answer;
  answer.kind = journal::AnswerKind::accepted;
  auto commit = std::make_shared<journal::Commit>();
  commit->seq = seq;
  answer.commit = commit;
  answer.replayed = replayed;
  return answer;
}

}  // namespace

TEST_CASE("what is on its way counts until the read models have it") {
  UnpaidTasks tasks({3, true});
  auto first = tasks.take(kAcme, 1, 0), second = tasks.take(kAcme, 1, 0);
  CHECK(!!first);
  CHECK(!!second);
  CHECK_FALSE(!!tasks.take(kAcme, 1, 0));
  CHECK(!!tasks.take(kOther, 1, 0));
  first.settle(accepted(7));
  CHECK(tasks.newest(kAcme) == 7);
  CHECK_FALSE(!!tasks.take(kAcme, 1, 6));  // not seen yet
  CHECK_FALSE(!!tasks.take(kAcme, 2, 7));  // counted by the read models now
  second.settle(accepted(8, true));        // a replay's task was counted before
  CHECK(!!tasks.take(kAcme, 2, 7));
}

TEST_CASE("who gives up gives their place back") {
  UnpaidTasks tasks({1, true});
  {
    const auto gone = tasks.take(kAcme, 0, 0);
  }
  auto held = tasks.take(kAcme, 0, 0);
  CHECK(!!held);
  journal::Answer refused;
  refused.kind = journal::AnswerKind::rejected;
  held.settle(refused);
  CHECK(!!tasks.take(kAcme, 0, 0));
  CHECK(tasks.newest(kAcme) == 0);
}
