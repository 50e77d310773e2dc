// Work on tasks: places taken and given back, submissions and what becomes of them, and where the money is
// meanwhile.
#include "domain/assignment.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "tests/unit/domain/site.hpp"

namespace groundtruth::domain::test {
namespace {

TEST_CASE("whoever accepts a task has a place for as long as the lease lasts") {
  Site site;
  CHECK(site.accept() == "");
  CHECK(site.assignment().status == AssignmentStatus::leased);
  CHECK(site.assignment().task == kTask);
  CHECK(site.assignment().account == kAcme);
  CHECK(site.assignment().worker == site.ada);
  CHECK(site.assignment().reward_cents == Cents{2'500});
  CHECK(site.assignment().lease_until == Timestamp{kNow.ms + kLeaseMs});
  CHECK(site.assignment().due() == site.assignment().lease_until);
  CHECK(site.assignment().holds_lease({kNow.ms + kLeaseMs - 1}));
  CHECK_FALSE(site.assignment().holds_lease({kNow.ms + kLeaseMs}));
  CHECK(site.task().leased_places == 1);
}

TEST_CASE("what a worker may do with a task, by what they have done before") {
  struct Row {
    std::string state, accept, release, announce, submit, approve, reject;
  };
  const std::string unknown = "submission_not_found", decided = "submission_decided";
  for (const Row& row :
       {Row{"none", "", "lease_not_found", "lease_not_found", "lease_not_found", unknown, unknown},
        Row{"leased", "task_already_accepted", "", "", "", unknown, unknown},
        Row{"over", "", "lease_expired", "lease_expired", "lease_expired", unknown, unknown},
        Row{"released", "", "lease_expired", "lease_expired", "lease_expired", unknown, unknown},
        Row{"lapsed", "", "lease_expired", "lease_expired", "lease_expired", unknown, unknown},
        Row{"pending", "already_submitted", "already_submitted", "already_submitted", "already_submitted", "",
            ""},
        Row{"approved", "already_submitted", "already_submitted", "already_submitted", "already_submitted",
            decided, decided},
        Row{"rejected", "already_submitted", "already_submitted", "already_submitted", "already_submitted",
            decided, decided}}) {
    CAPTURE(row.state);
    const auto after = [&](auto does) {
      Site site;
      site.comes_to(row.state);
      const auto progress = site.task().progress();
      auto answer = does(site);
      if (!answer.empty()) {
        CHECK(site.task().progress().taken() == progress.taken());
        CHECK(site.last().empty());
      }
      return answer;
    };
    CHECK(after([](Site& site) { return site.accept(); }) == row.accept);
    CHECK(after([](Site& site) { return site.release(); }) == row.release);
    CHECK(after([](Site& site) { return site.announce(); }) == row.announce);
    CHECK(after([](Site& site) { return site.submit(); }) == row.submit);
    CHECK(after([](Site& site) { return site.approve(); }) == row.approve);
    CHECK(after([](Site& site) { return site.refuse(); }) == row.reject);
  }
}

TEST_CASE("only an open task that is not late takes workers and submissions") {
  struct Row {
    std::string state, status;
  };
  for (const auto& [state, status] :
       {Row{"funding", "funding"}, Row{"cancelled", "cancelled"}, Row{"expired", "expired"},
        Row{"late", "expired"}, Row{"completed", "completed"}}) {
    CAPTURE(state);
    Business business;
    business.has_account();
    auto create = street_scenes({2'500}, 2);
    create.deadline = Timestamp{kNow.ms + 1'000};
    business.ask(create);
    const auto eve = worker(2), max = worker(3), ada = worker(1);
    if (state != "funding") {
      business.ask(FundTask{kTask, kAcme, kCheckout, {5'000}});
      REQUIRE(business.ask(AcceptTask{work_of(eve), kTask, eve, kLeaseMs}).empty());
    }
    if (state == "cancelled") business.ask(CancelTask{kTask, kAcme, CancelReason::by_customer});
    if (state == "late" || state == "expired") business.now.ms += 1'000;
    if (state == "expired") business.ask(ExpireTask{kTask, kAcme});
    if (state == "completed") {
      for (const auto& who : {eve, max}) {
        business.ask(AcceptTask{work_of(who), kTask, who, kLeaseMs});
        business.ask(SubmitProof{work_of(who), kTask, {"sub_" + who.value}, kMedia});
        REQUIRE(business.ask(ApproveSubmission{work_of(who), kTask, kAcme, {"sub_" + who.value}}).empty());
      }
      REQUIRE(business.task().status == TaskStatus::completed);
    }
    const auto refused = business.give(AcceptTask{work_of(ada), kTask, ada, kLeaseMs});
    REQUIRE(refused);
    CHECK(refused->code == RejectionCode::task_not_open);
    CHECK(refused->words.at("status") == status);
    if (state == "funding" || state == "completed") continue;
    const auto too_late = business.give(SubmitProof{work_of(eve), kTask, kSubmission, kMedia});
    REQUIRE(too_late);
    CHECK(too_late->code == RejectionCode::task_not_open);
  }
  Business nothing;
  CHECK(nothing.ask(AcceptTask{work_of(worker(1)), kTask, worker(1), kLeaseMs}) == "task_not_found");
}

TEST_CASE("who holds enough, or has to wait, takes no place; who holds the very place is told that instead") {
  Site site;
  const auto take = [&](LeaseAllowance allowance) {
    return site.ask(AcceptTask{site.work, kTask, site.ada, kLeaseMs, true, allowance});
  };
  CHECK(take({2, 2, {site.now.ms + 1}, {}}) == "too_many_leases");
  CHECK(take({0, 2, {}, {site.now.ms + 1}}) == "must_wait");
  CHECK(site.task().leased_places == 0);
  CHECK(take({1, 2, {}, {site.now.ms}}).empty());
  CHECK(take({2, 2, {site.now.ms + 1}, {}}) == "task_already_accepted");
  Site full(1);
  REQUIRE(full.accept(worker(2)).empty());
  CHECK(full.ask(AcceptTask{full.work, kTask, full.ada, kLeaseMs, true, LeaseAllowance{1, 2, {}, {}}}) ==
        "task_full");
}

TEST_CASE("a full task takes nobody until somebody leaves") {
  struct Row {
    const char* words;
    std::function<void(Site&)> happens;
    std::string answer;
  };
  for (const Row& row :
       {Row{"Ada is at it", [](Site&) {}, "task_full"},
        Row{"she gave it back", [](Site& site) { site.release(); }, ""},
        Row{"her time is over, and nobody said so", [](Site& site) { site.now.ms += kLeaseMs; }, "task_full"},
        Row{"her time is over",
            [](Site& site) {
              site.now.ms += kLeaseMs;
              site.pass();
            },
            ""},
        Row{"she has submitted", [](Site& site) { site.submit(); }, "task_full"},
        Row{"her submission was rejected",
            [](Site& site) {
              site.submit();
              site.refuse();
            },
            ""}}) {
    CAPTURE(row.words);
    Site site(1);
    REQUIRE(site.accept().empty());
    CHECK_FALSE(site.task().has_free_place());
    row.happens(site);
    CHECK(site.task().has_free_place() == row.answer.empty());
    CHECK(site.accept(worker(2)) == row.answer);
  }
}

TEST_CASE("whose lease is over takes the place again without another one") {
  Site site(1);
  site.accept();
  site.announce();
  site.now.ms += kLeaseMs;
  CHECK(site.accept() == "");
  REQUIRE(site.last().size() == 3);
  CHECK(std::get<LeaseEnded>(site.last()[0]).reason == LeaseEnd::expired);
  CHECK(std::get<LeaseGranted>(site.last()[1]).expires_at == Timestamp{site.now.ms + kLeaseMs});
  CHECK(site.task().leased_places == 1);
  CHECK(site.assignment().uploads.empty());
}

TEST_CASE("so many uploads are announced, and no more") {
  Site site;
  site.accept();
  for (std::int64_t i = 0; i < kLimits.max_uploads; ++i)
    CHECK(site.announce("upl_" + std::to_string(i)) == "");
  const auto refused =
      site.give(AnnounceUpload{site.work, {{"upl_8"}, "video/mp4", 1, std::string(64, 'b')}, kLimits});
  REQUIRE(refused);
  CHECK(refused->code == RejectionCode::too_many_uploads);
  CHECK(refused->numbers.at("max_uploads") == 8);
  CHECK(site.assignment().uploads.size() == 8);
  CHECK(site.assignment().uploads[7].upload == UploadId{"upl_7"});
}

TEST_CASE("all uploads of a lease together are so large, and no larger") {
  Site site;
  site.accept();
  const auto announce = [&](char content, std::int64_t bytes) {
    return site.give(
        AnnounceUpload{site.work, {{"upl"}, "video/mp4", bytes, std::string(64, content)}, {100, 1'000}});
  };
  CHECK(announce('a', 1'001)->code == RejectionCode::uploads_too_large);
  CHECK_FALSE(announce('a', 600));
  CHECK_FALSE(announce('a', 600));  // the same bytes again: they lie there once
  CHECK(site.assignment().announced_bytes() == 600);
  const auto refused = announce('b', 401);
  REQUIRE(refused);
  CHECK(refused->code == RejectionCode::uploads_too_large);
  CHECK(refused->numbers.at("max_total_bytes") == 1'000);
  CHECK(refused->numbers.at("left_bytes") == 400);
  CHECK_FALSE(announce('b', 400));
  CHECK(announce('c', 1)->numbers.at("left_bytes") == 0);
  site.ask(ReleaseTask{site.work, kTask});
  site.accept();
  CHECK_FALSE(announce('c', 1'000));
}

TEST_CASE("what was verified under one lease is not taken under the next") {
  Site site;
  site.accept();
  CHECK(site.assignment().lease == 1);
  site.release();
  site.accept();  // in the same millisecond
  CHECK(site.assignment().lease == 2);
  const auto announce = [&](std::uint32_t lease) {
    return site.ask(
        AnnounceUpload{site.work, {{"upl"}, "video/mp4", 1, std::string(64, 'a')}, kLimits, lease});
  };
  CHECK(announce(1) == "lease_unseen");
  CHECK(announce(2) == "");
  CHECK(std::get<UploadAnnounced>(site.last()[0]).lease == 2);
  const auto submit = [&](std::uint32_t lease) {
    return site.ask(
        SubmitProof{site.work, kTask, kSubmission, {{"video/mp4", 1, std::string(64, 'a'), 1}}, lease});
  };
  CHECK(submit(1) == "lease_unseen");
  CHECK(submit(2) == "");
  CHECK(site.assignment().lease == 2);
}

TEST_CASE("a submission waits a week for its review") {
  Site site;
  site.accept();
  site.announce();
  CHECK(site.ask(SubmitProof{site.work, kTask, kSubmission, {}}) == "lease_unseen");
  CHECK(site.submit() == "");
  CHECK(site.assignment().status == AssignmentStatus::pending);
  CHECK(site.assignment().submission == kSubmission);
  CHECK(site.assignment().media.size() == 1);
  CHECK(site.assignment().uploads.empty());
  CHECK(site.assignment().submitted_at == kNow);
  CHECK(site.assignment().due() == Timestamp{kNow.ms + 7 * 86'400'000});
  CHECK(site.task().leased_places == 0);
  CHECK(site.task().pending_submissions == 1);
  CHECK(site.wallet().escrow == site.task().budget());
}

TEST_CASE("nobody decides another's submission, and nobody the wrong one") {
  Site site;
  site.comes_to("pending");
  CHECK(site.ask(ApproveSubmission{site.work, kTask, kOther, kSubmission}) == "submission_not_found");
  CHECK(site.ask(ApproveSubmission{site.work, kTask, kAcme, {"sub_other"}}) == "submission_not_found");
  CHECK(site.ask(ApproveSubmission{site.work, kTask, kAcme, {}}) == "submission_not_found");
  CHECK(site.ask(RejectSubmission{site.work, kTask, kOther, kSubmission, ""}) == "submission_not_found");
  CHECK(site.assignment().status == AssignmentStatus::pending);
}

TEST_CASE("an approved submission is paid once, out of escrow, and the last one completes the task") {
  Site site(1);
  site.comes_to("pending");
  CHECK(site.approve() == "");
  CHECK(site.last_event<SubmissionApproved>()->by == Approver::customer);
  CHECK(site.last_event<SubmissionApproved>()->reward_cents == Cents{2'500});
  CHECK(site.last_event<TaskCompleted>()->approved_submissions == 1);
  CHECK(site.assignment().decided_at == kNow);
  CHECK_FALSE(site.assignment().due());
  CHECK(site.task().status == TaskStatus::completed);
  CHECK(site.task().closed_at == kNow);
  CHECK(site.wallet().escrow == Cents{0});
  CHECK(site.wallet().transit == Cents{2'500});
  const auto again = site.give(ApproveSubmission{site.work, kTask, kAcme, kSubmission});
  REQUIRE(again);
  CHECK(again->words.at("status") == "approved");
  CHECK(site.wallet().transit == Cents{2'500});
}

TEST_CASE("a rejected submission keeps its money in escrow while the task is open") {
  Site site(1);
  site.comes_to("pending");
  CHECK(site.refuse() == "");
  CHECK(site.assignment().reason == "too dark");
  CHECK(site.last_event<WalletPosted>() == nullptr);
  CHECK(site.wallet().escrow == Cents{2'500});
  CHECK(site.task().has_free_place());
  CHECK(site.give(ApproveSubmission{site.work, kTask, kAcme, kSubmission})->words.at("status") == "rejected");
}

TEST_CASE("time ends a lease and approves what nobody reviewed, not before, and once") {
  struct Row {
    std::string state;
    std::int64_t after_ms;
    AssignmentStatus status;
  };
  using enum AssignmentStatus;
  for (const auto& [state, after_ms, status] :
       {Row{"none", kReviewMs, none}, Row{"leased", kLeaseMs - 1, leased}, Row{"leased", kLeaseMs, lapsed},
        Row{"leased", kReviewMs, lapsed}, Row{"released", kReviewMs, lapsed},
        Row{"pending", kReviewMs - 1, pending}, Row{"pending", kReviewMs, approved},
        Row{"approved", kReviewMs, approved}, Row{"rejected", kContestMs - 1, rejected}}) {
    CAPTURE(state);
    CAPTURE(after_ms);
    Site site;
    site.comes_to(state);
    const auto before = site.assignment().status;
    site.now.ms += after_ms;
    CHECK(site.pass() == "");
    CHECK(site.assignment().status == status);
    CHECK(site.last().empty() == (before == status));
    if (const auto* ended = site.last_event<LeaseEnded>()) CHECK(ended->reason == LeaseEnd::expired);
    if (const auto* taken = site.last_event<SubmissionApproved>()) CHECK(taken->by == Approver::time);
    CHECK(site.pass() == "");
    CHECK(site.last().empty());
  }
}

TEST_CASE("of a task that has ended, what waits for its review is still owed") {
  struct Row {
    std::string ends, decision;
    Cents transit, external;
  };
  for (const auto& [ends, decision, transit, external] :
       {Row{"cancelled", "approved", {2'500}, {-2'500}}, Row{"cancelled", "rejected", {0}, {0}},
        Row{"cancelled", "by time", {2'500}, {-2'500}}, Row{"expired", "approved", {2'500}, {-2'500}},
        Row{"expired", "rejected", {0}, {0}}}) {
    CAPTURE(ends);
    CAPTURE(decision);
    Site site(3, Timestamp{kNow.ms + 1'000});
    site.comes_to("pending");
    site.accept(worker(2));
    if (ends == "cancelled") {
      CHECK(site.ask(CancelTask{kTask, kAcme, CancelReason::by_customer}) == "");
    } else {
      site.now.ms += 1'000;
      CHECK(site.ask(ExpireTask{kTask, kAcme}) == "");
    }
    CHECK(site.task().leased_places == 0);
    CHECK(site.task().pending_submissions == 1);
    CHECK(site.wallet().escrow == Cents{2'500});
    CHECK(site.wallet().external == Cents{-2'500});
    if (decision == "approved") CHECK(site.approve() == "");
    if (decision == "rejected") CHECK(site.refuse() == "");
    if (decision == "by time") {
      site.now.ms += kReviewMs;
      CHECK(site.pass() == "");
    }
    CHECK(site.last_event<TaskCompleted>() == nullptr);
    CHECK(boost::describe::enum_to_string(site.task().status, "") == ends);
    CHECK(site.task().progress().pending == 0);
    CHECK(site.wallet().escrow == Cents{0});
    CHECK(site.wallet().transit == transit);
    CHECK(site.wallet().external == external);
  }
}

TEST_CASE("a lease on a task that has ended ends without a place to give back") {
  for (const bool released : {true, false}) {
    Site site;
    site.accept();
    site.ask(CancelTask{kTask, kAcme, CancelReason::by_customer});
    if (!released) site.now.ms += kLeaseMs;
    CHECK((released ? site.release() : site.pass()) == "");
    CHECK(site.last().size() == 1);
    CHECK(site.task().leased_places == 0);
    CHECK(site.assignment().status == AssignmentStatus::lapsed);
  }
}

// --- whatever happens
// -----------------------------------------------------------------------------------------------

constexpr int kTasks = 4, kWorkers = 6;

// Many workers on several tasks of two customers, with what must hold after every step.
class Crowd {
 public:
  explicit Crowd(std::uint64_t seed) : engine_(seed) {
    business_.ask(CreateAccount{kAcme, kMail, Surface::groundtruth, "Acme", "a@acme.example"});
    business_.ask(CreateAccount{kOther, {"eml_other"}, Surface::groundtruth, "Other", "o@other.example"});
    for (int i = 0; i < kWorkers; ++i)
      business_.ask(RegisterWorker{worker(i), {"eml_" + std::to_string(i)}, "w", "w@work.example", "h", {}});
    for (int i = 0; i < kTasks; ++i) create(i);
  }

  void step() {
    business_.now.ms += static_cast<std::int64_t>(below(20) == 0 ? below(kReviewMs) : below(kLeaseMs));
    const int number = static_cast<int>(below(kTasks));
    act(number, worker(static_cast<int>(below(kWorkers))));
    for (int i = 0; i < kTasks; ++i) check(i);
    for (const auto& account : {kAcme, kOther}) check(account);
  }

  // Lets everything come to its end, by customers and by time.
  void end() {
    for (int i = 0; i < kTasks; ++i) {
      if (task(i).is_alive()) give(CancelTask{id(i), owner(i), CancelReason::by_customer});
      for (int w = 0; w < kWorkers; ++w) {
        business_.now.ms += kReviewMs;
        give(PassTime{work_of(worker(w), id(i)), id(i), owner(i)});
      }
      check(i);
    }
    for (const auto& account : {kAcme, kOther}) {
      check(account);
      const Wallet& wallet = business_.get<Wallet>(wallet_of(account).value);
      REQUIRE(wallet.escrow == Cents{0});
      REQUIRE(wallet.external == -wallet.transit);
    }
    Cents owed;
    for (int w = 0; w < kWorkers; ++w)
      owed += business_.get<Wallet>(wallet_of(account_of(worker(w))).value).payable;
    REQUIRE(owed.value == (paid_[kAcme] + paid_[kOther]).value);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  static TaskId id(int number) { return {"tsk_" + std::to_string(number)}; }
  static AccountId owner(int number) { return number % 2 == 0 ? kAcme : kOther; }
  const Task& task(int number) { return business_.get<Task>(id(number).value); }
  const Assignment& work(int number, const WorkerId& who) {
    return business_.get<Assignment>(work_of(who, id(number)).value);
  }

  void create(int number) {
    auto create = street_scenes({2'500 + number}, static_cast<std::int64_t>(1 + below(4)));
    create.task = id(number);
    create.account = owner(number);
    create.checkout = {"cko_" + std::to_string(number)};
    if (below(2) == 0)
      create.deadline = Timestamp{business_.now.ms + 1 + static_cast<std::int64_t>(below(kReviewMs))};
    give(create);
  }

  void act(int number, const WorkerId& who) {
    const AssignmentId assignment = work_of(who, id(number));
    const Assignment before = work(number, who);
    switch (below(16)) {
      case 0:
        return give(FundTask{id(number), owner(number), task(number).checkout, task(number).budget()});
      case 1:
        return give(ReleaseTask{assignment, id(number)});
      case 2:
        return give(AnnounceUpload{assignment, {{"upl"}, "video/mp4", 1, std::string(64, 'a')}, kLimits});
      case 3:
      case 4:
      case 5:
        return give(SubmitProof{assignment, id(number), {"sub_" + std::to_string(submissions_++)}, kMedia});
      case 6:
      case 7:
        return give(ApproveSubmission{assignment, id(number),
                                      below(9) == 0 ? owner(number + 1) : owner(number), before.submission});
      case 8:
        return give(RejectSubmission{assignment, id(number), owner(number), before.submission, "no"});
      case 9:
      case 10:
        return give(PassTime{assignment, id(number), owner(number)});
      case 11:
        return give(ExpireTask{id(number), owner(number)});
      case 12:
        if (below(5) == 0) give(CancelTask{id(number), owner(number), CancelReason::by_customer});
        return;
      default:
        return give(
            AcceptTask{assignment, id(number), who, 1 + static_cast<std::int64_t>(below(4 * kLeaseMs))});
    }
  }

  // Gives the command, looks at each of its events, and relays what concerns a worker.
  void give(const Command& command) {
    std::map<std::string, Wallet> before;
    for (const auto& account : {kAcme, kOther})
      before[account.value] = business_.get<Wallet>(wallet_of(account).value);
    if (business_.give(command)) return;
    const auto events = business_.last();
    for (const auto& event : events) {
      if (const auto* posted = std::get_if<WalletPosted>(&event)) {
        REQUIRE(balances(*posted));
        REQUIRE(follows_rules(*posted));
        REQUIRE(covers(before[posted->account.value], *posted));
      }
      if (const auto* granted = std::get_if<LeaseGranted>(&event)) {
        REQUIRE_FALSE(submitted_.contains(granted->assignment));
        REQUIRE(held_.insert(granted->assignment).second);
      }
      if (const auto* ended = std::get_if<LeaseEnded>(&event)) {
        REQUIRE(held_.erase(ended->assignment) == 1);
        if (ended->reason == LeaseEnd::expired)
          settle(ended->worker, ended->assignment, WorkOutcome::lapsed, {});
      }
      if (const auto* submitted = std::get_if<SubmissionCreated>(&event)) {
        REQUIRE(held_.erase(submitted->assignment) == 1);
        REQUIRE(submitted_.insert(submitted->assignment).second);
      }
      if (const auto* approved = std::get_if<SubmissionApproved>(&event)) {
        REQUIRE(decided_.insert(approved->assignment).second);
        paid_[approved->account] += approved->reward_cents;
        settle(approved->worker, approved->assignment, WorkOutcome::approved, approved->reward_cents);
      }
      if (const auto* rejected = std::get_if<SubmissionRejected>(&event)) {
        REQUIRE(decided_.insert(rejected->assignment).second);
        settle(rejected->worker, rejected->assignment, WorkOutcome::rejected, {});
      }
      if (const auto* completed = std::get_if<TaskCompleted>(&event))
        REQUIRE(completed->approved_submissions ==
                business_.get<Task>(completed->task.value).target_submissions);
    }
  }

  void settle(const WorkerId& who, const AssignmentId& assignment, WorkOutcome outcome, Cents earned) {
    REQUIRE_FALSE(business_.give(SettleWork{who, {}, assignment, outcome, earned}));
  }

  void check(int number) {
    const Task& each = task(number);
    std::int64_t leased = 0, pending = 0, approved = 0;
    for (int w = 0; w < kWorkers; ++w) {
      const auto status = work(number, worker(w)).status;
      leased += status == AssignmentStatus::leased;
      pending += status == AssignmentStatus::pending;
      approved += status == AssignmentStatus::approved;
    }
    const bool is_open = each.status == TaskStatus::open;
    REQUIRE(each.progress().taken() <= each.target_submissions);
    REQUIRE(each.leased_places == (is_open ? leased : 0));
    REQUIRE(each.pending_submissions == pending);
    REQUIRE(each.approved_submissions == approved);
    REQUIRE((each.status == TaskStatus::completed) ==
            (approved == each.target_submissions && (each.status == TaskStatus::completed || is_open)));
  }

  void check(const AccountId& account) {
    Cents promised, funded, kept;
    for (int i = 0; i < kTasks; ++i) {
      if (owner(i) != account) continue;
      promised += task(i).reward_cents * task(i).promised_submissions();
      if (task(i).funded_at) funded += task(i).budget();
      kept += task(i).reward_cents * task(i).approved_submissions;
    }
    const Wallet& wallet = business_.get<Wallet>(wallet_of(account).value);
    REQUIRE(wallet.escrow == promised);
    REQUIRE(wallet.transit == paid_[account]);
    REQUIRE(wallet.transit == kept);
    // What is neither promised nor paid went back, once.
    REQUIRE(wallet.external == -(promised + kept));
    REQUIRE(-wallet.external <= funded);
  }

  std::mt19937_64 engine_;
  Business business_;
  int submissions_ = 0;
  std::set<AssignmentId> held_, submitted_, decided_;
  std::map<AccountId, Cents> paid_;
};

TEST_CASE("whatever workers, customers and time do, places and money add up after every step") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  for (std::uint64_t round = 0; round < 150; ++round) {
    CAPTURE(round);
    Crowd crowd(seed + round);
    for (int step = 0; step < 150; ++step) crowd.step();
    crowd.end();
  }
}

}  // namespace
}  // namespace groundtruth::domain::test
