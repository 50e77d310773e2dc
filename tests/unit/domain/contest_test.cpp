// Rejections that workers contest, and what becomes of the media of a rejection.
#include <doctest/doctest.h>

#include "tests/unit/domain/site.hpp"

namespace groundtruth::domain::test {
namespace {

struct Dispute : Site {
  explicit Dispute(std::int64_t target = 100) : Site(target) { comes_to("rejected"); }
  std::string contest() { return ask(ContestSubmission{work, kTask, ada, kSubmission}); }
  std::string decide(ContestOutcome outcome) {
    return ask(DecideContest{work, kTask, kAcme, kSubmission, outcome});
  }
};

TEST_CASE("a rejection can be contested once, by whom it concerns, for seven days") {
  Dispute site;
  CHECK(site.ask(ContestSubmission{site.work, kTask, worker(2), kSubmission}) == "submission_not_found");
  CHECK(site.ask(ContestSubmission{site.work, kTask, site.ada, {"sub_other"}}) == "submission_not_found");
  CHECK(site.contest() == "");
  CHECK(site.assignment().status == AssignmentStatus::contested);
  CHECK(site.assignment().review() == AssignmentStatus::rejected);
  CHECK_FALSE(site.assignment().due());  // an operator decides, whenever
  CHECK(site.contest() == "submission_not_contestable");
  CHECK(site.approve() == "submission_decided");
  CHECK(site.accept() == "already_submitted");

  Dispute late;
  late.now.ms += kContestMs;
  const auto refused = late.give(ContestSubmission{late.work, kTask, late.ada, kSubmission});
  REQUIRE(refused);
  CHECK(refused->words.at("status") == "too_late");
}

TEST_CASE("what was not rejected cannot be contested") {
  for (const char* state : {"none", "leased", "pending", "approved"}) {
    CAPTURE(state);
    Site site;
    site.comes_to(state);
    const bool has_submission = site.assignment().has_submission();
    CHECK(site.ask(ContestSubmission{site.work, kTask, site.ada, kSubmission}) ==
          (has_submission ? "submission_not_contestable" : "submission_not_found"));
  }
}

TEST_CASE("an upheld contest is paid by the platform, whatever became of the task") {
  for (const bool is_ended : {false, true}) {
    CAPTURE(is_ended);
    Dispute site(1);
    if (is_ended) REQUIRE(site.ask(CancelTask{kTask, kAcme, CancelReason::by_customer}).empty());
    const Wallet before = site.wallet();
    const auto places = site.task().progress().taken();
    REQUIRE(site.contest().empty());
    CHECK(site.decide(ContestOutcome::upheld) == "");
    CHECK(site.assignment().status == AssignmentStatus::reinstated);
    CHECK(site.last_event<ContestDecided>()->reward_cents == Cents{2'500});
    CHECK(follows_rules(*site.last_event<WalletPosted>()));
    CHECK(site.wallet().escrow == before.escrow);
    CHECK(site.wallet().available == before.available);
    CHECK(site.wallet().transit == before.transit + Cents{2'500});
    CHECK(site.wallet().external == before.external - Cents{2'500});
    CHECK(site.task().progress().taken() == places);
    CHECK(site.decide(ContestOutcome::upheld) == "submission_decided");
    CHECK(site.decide(ContestOutcome::dismissed) == "submission_decided");
    CHECK(site.contest() == "submission_not_contestable");
  }
}

TEST_CASE("a dismissed contest leaves the rejection, and no second contest") {
  Dispute site;
  CHECK(site.decide(ContestOutcome::dismissed) == "contest_not_found");
  REQUIRE(site.contest().empty());
  CHECK(site.ask(DecideContest{site.work, kTask, kOther, kSubmission, ContestOutcome::dismissed}) ==
        "contest_not_found");
  CHECK(site.decide(ContestOutcome::dismissed) == "");
  CHECK(site.last_event<WalletPosted>() == nullptr);
  CHECK(site.assignment().status == AssignmentStatus::rejected);
  const auto again = site.give(ContestSubmission{site.work, kTask, site.ada, kSubmission});
  REQUIRE(again);
  CHECK(again->words.at("status") == "dismissed");
}

TEST_CASE("the media of a rejection is discarded once nobody has a right to it, and once only") {
  Dispute site;
  CHECK(site.assignment().due() == Timestamp{kNow.ms + kContestMs});
  CHECK(site.pass() == "");
  CHECK_FALSE(site.assignment().is_discarded);
  site.now.ms += kContestMs;
  CHECK(site.pass() == "");
  CHECK(site.last_event<SubmissionDiscarded>() != nullptr);
  CHECK(site.assignment().is_discarded);
  CHECK_FALSE(site.assignment().due());
  CHECK(site.pass() == "");
  CHECK(site.last().empty());
  CHECK(site.ask(DiscardSubmission{site.work, kTask}) == "");
  CHECK(site.last().empty());

  for (const auto outcome : {ContestOutcome::upheld, ContestOutcome::dismissed}) {
    Dispute decided;
    REQUIRE(decided.contest().empty());
    REQUIRE(decided.decide(outcome).empty());
    CHECK(decided.assignment().due() == decided.now);
    CHECK(decided.pass() == "");
    CHECK(decided.assignment().is_discarded);
  }
}

TEST_CASE("of an erased worker only what was rejected is discarded") {
  for (const char* state : {"none", "leased", "pending", "approved", "rejected"}) {
    CAPTURE(state);
    Site site;
    site.comes_to(state);
    CHECK(site.ask(DiscardSubmission{site.work, kTask}) == "");
    CHECK(site.last().empty() == (std::string(state) != "rejected"));
  }
  Dispute site;  // one that waits for an operator is decided all the same, by what else is known
  REQUIRE(site.contest().empty());
  REQUIRE(site.ask(DiscardSubmission{site.work, kTask}).empty());
  CHECK(site.decide(ContestOutcome::upheld) == "");
  CHECK_FALSE(site.assignment().due());
}

}  // namespace
}  // namespace groundtruth::domain::test
