// Workers: registered, verified, changed, paid, erased; and the standing that follows from their work.
#include "domain/worker.hpp"

#include <doctest/doctest.h>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

const WorkerId kAda{"wrk_01j9zq4k7w00a1b2c3d4e5f6g7"};
const EmailClaimId kAdasMail{"eml_0000000000001357bdfhknpqsv"};
const AssignmentId kWork{"asg_01j9zq4k7w00h8j9k0m1n2p3q4"};
constexpr Area kBerlin{{52'520'000, 13'405'000}, 20};

const WorkerId kEve{"wrk_01j9zq4k7w00zzzzzzzzzzzzzz"};

VerifyWorker verify(const WorkerId& worker = kAda, const std::string& password_hash = {}) {
  return {worker, kAdasMail, password_hash};
}

RegisterWorker ada() {
  return {
      kAda, kAdasMail, "Ada", "ada@work.example", "$argon2id$hash", {{"drone"}, {Modality::video}, kBerlin}};
}

// With Ada's address.
RegisterWorker eve() {
  return {kEve, kAdasMail, "Eve", "ada@work.example", "$argon2id$eve", {}};
}

struct Workshop : Business {
  const Worker& worker() { return get<Worker>(kAda.value); }
  const Wallet& purse() { return get<Wallet>(wallet_of(account_of(kAda)).value); }
  const Worker& eve() { return get<Worker>(kEve.value); }
  const EmailClaim& claim() { return get<EmailClaim>(kAdasMail.value); }
  void becomes(const std::string& state) {
    if (state == "none") return;
    ask(ada());
    if (state == "verified") ask(verify());
    if (state == "erased") ask(EraseWorker{kAda, kAdasMail});
  }
  void settles(WorkOutcome outcome, std::int64_t times = 1) {
    const Cents earned = outcome == WorkOutcome::approved ? Cents{250} : Cents{0};
    for (; times > 0; --times) REQUIRE(ask(SettleWork{kAda, kTask, kWork, outcome, earned}).empty());
  }
};

TEST_CASE("a new worker waits for a mail, and has not taken the address") {
  Workshop work;
  CHECK(work.ask(ada()) == "");
  CHECK(work.worker().id == kAda);
  CHECK(work.worker().status == WorkerStatus::registered);
  CHECK(work.worker().registered_at == kNow);
  CHECK(work.worker().name == "Ada");
  CHECK(work.worker().email == "ada@work.example");
  CHECK(work.worker().password_hash == "$argon2id$hash");
  CHECK(work.worker().offer == ada().offer);
  CHECK(work.worker().verification_mail == WorkerMailStatus{MailState::waiting, kNow, 1});
  CHECK(work.worker().reset_mail == WorkerMailStatus{});
  CHECK(work.claim().account.empty());
}

TEST_CASE("an address belongs to whoever's link is opened first, whoever registered first") {
  for (const bool ada_is_first : {true, false}) {
    Workshop work;
    CHECK(work.ask(ada()) == "");
    CHECK(work.ask(eve()) == "");
    const auto& [first, second] = ada_is_first ? std::pair(kAda, kEve) : std::pair(kEve, kAda);
    CHECK(work.ask(verify(first)) == "");
    CHECK(work.claim().account == account_of(first));
    CHECK(work.ask(verify(second)) == "email_taken");
    CHECK(work.ask(verify(first)) == "");
    CHECK(work.last().empty());
    auto late = eve();
    late.worker = {"wrk_01j9zq4k7w00yyyyyyyyyyyyyy"};
    CHECK(work.ask(late) == "email_taken");
    CHECK(work.ask(EraseWorker{first, kAdasMail}) == "");
    CHECK(work.claim().account.empty());
    CHECK(work.ask(late) == "");
    CHECK(work.ask(verify(second)) == "");
    CHECK(work.ask(EraseWorker{late.worker, kAdasMail}) == "");  // takes nobody's address along
    CHECK(work.claim().account == account_of(second));
  }
}

TEST_CASE("what was entered before is confirmed by the link, or replaced with it") {
  Workshop work;
  work.ask(ada());
  CHECK(work.ask(verify(kAda, "$argon2id$chosen")) == "");
  CHECK(work.worker().password_hash == "$argon2id$chosen");
  CHECK(work.worker().password_changes == 1);
  // The link is good for that once.
  CHECK(work.ask(verify(kAda, "$argon2id$again")) == "");
  CHECK(work.last().empty());
  CHECK(work.worker().password_hash == "$argon2id$chosen");

  Workshop kept;
  kept.becomes("verified");
  CHECK(kept.worker().password_hash == "$argon2id$hash");
  CHECK(kept.worker().password_changes == 0);
  CHECK(kept.worker().password_at == kNow);
}

// As journals hold it from when registering took the address.
TEST_CASE("a registration that took its address gives it back, and can still be verified") {
  Workshop work;
  work.ask(ada());
  work.happened(kAdasMail.value, EmailClaimed{account_of(kAda)});
  CHECK(work.ask(eve()) == "email_taken");
  CHECK(work.ask(YieldAddress{kEve, kAdasMail}) == "");
  CHECK(work.claim().account == account_of(kAda));
  CHECK(work.ask(YieldAddress{kAda, kAdasMail}) == "");
  CHECK(work.claim().account.empty());
  CHECK(work.ask(eve()) == "");
  CHECK(work.ask(verify()) == "");
  CHECK(work.claim().account == account_of(kAda));
  CHECK(work.ask(YieldAddress{kAda, kAdasMail}) == "");  // verified: it is theirs
  CHECK(work.last().empty());

  Workshop undisturbed;
  undisturbed.ask(ada());
  undisturbed.happened(kAdasMail.value, EmailClaimed{account_of(kAda)});
  CHECK(undisturbed.ask(verify()) == "");
  CHECK(undisturbed.worker().status == WorkerStatus::verified);
  CHECK(undisturbed.claim().account == account_of(kAda));
}

TEST_CASE("a link sets the password that it was made for, once") {
  Workshop work;
  work.becomes("verified");
  work.ask(RequestWorkerMail{kAda, WorkerMail::password_reset});
  work.now.ms += 1'000;
  CHECK(work.ask(SetWorkerPassword{kAda, 1, "$argon2id$new", {}}) == "version_mismatch");
  CHECK(work.ask(SetWorkerPassword{kAda, 0, "$argon2id$new", {}}) == "");
  CHECK(work.worker().password_hash == "$argon2id$new");
  CHECK(work.worker().password_changes == 1);
  CHECK(work.worker().password_at == work.now);
  CHECK(work.worker().name == "Ada");
  CHECK(work.worker().reset_mail.state == MailState::none);  // one that still waits would be good for nothing
  CHECK(work.ask(SetWorkerPassword{kAda, 0, "$argon2id$other", {}}) == "version_mismatch");
  CHECK(work.ask(SetWorkerPassword{kAda, 1, "$argon2id$other", "Ada L."}) == "");
  CHECK(work.worker().name == "Ada L.");
  CHECK(work.worker().offer == ada().offer);
}

TEST_CASE("a registration lapses after thirty days, and nobody who verified their address does") {
  Workshop work;
  work.ask(ada());
  work.now.ms += kRegistrationMs - 1;
  CHECK(work.ask(LapseRegistration{kAda, kAdasMail}) == "");
  CHECK(work.last().empty());
  work.now.ms += 1;
  CHECK(work.ask(LapseRegistration{kAda, kAdasMail}) == "");
  CHECK(work.worker().status == WorkerStatus::erased);
  CHECK(work.worker().password_hash.empty());
  CHECK(erased_owner(*work.last_event<WorkerErased>()) == kAda.value);
  CHECK(work.ask(LapseRegistration{kAda, kAdasMail}) == "");
  CHECK(work.last().empty());

  Workshop verified;
  verified.becomes("verified");
  verified.now.ms += kRegistrationMs;
  CHECK(verified.ask(LapseRegistration{kAda, kAdasMail}) == "");
  CHECK(verified.last().empty());
}

TEST_CASE("who may be told what, and when") {
  struct Row {
    std::string state, verify, change, erase, settle, password;
  };
  for (const auto& row :
       {Row{"none", "worker_not_found", "worker_not_found", "worker_not_found", "worker_not_found",
            "worker_not_found"},
        Row{"registered", "", "worker_not_found", "", "", "worker_not_found"},
        Row{"verified", "", "", "", "", ""},
        Row{"erased", "worker_not_found", "worker_not_found", "worker_erased", "", "worker_not_found"}}) {
    CAPTURE(row.state);
    const auto told = [&](const Command& command) {
      Workshop work;
      work.becomes(row.state);
      return work.ask(command);
    };
    CHECK(told(verify()) == row.verify);
    CHECK(told(ChangeWorkerProfile{kAda, "Eve", {}, {}, {}}) == row.change);
    CHECK(told(EraseWorker{kAda, kAdasMail}) == row.erase);
    CHECK(told(SettleWork{kAda, kTask, kWork, WorkOutcome::approved, {250}}) == row.settle);
    CHECK(told(SetWorkerPassword{kAda, 0, "$argon2id$new", {}}) == row.password);
    CHECK(told(RequestWorkerMail{kAda, WorkerMail::verification}) == "");
    CHECK(told(RequestWorkerMail{kAda, WorkerMail::password_reset}) == "");
    CHECK(told(SettleWorkerMail{kAda, WorkerMail::verification, 1, MailFate::sent}) == "");
  }
}

TEST_CASE("a mail is settled once, and can be asked for again whatever became of it") {
  using enum WorkerMail;
  struct Row {
    MailFate fate;
    MailState state;
  };
  for (const auto& [fate, state] :
       {Row{MailFate::sent, MailState::sent}, Row{MailFate::refused, MailState::refused},
        Row{MailFate::undeliverable, MailState::undeliverable}}) {
    Workshop work;
    work.ask(ada());
    work.ask(RequestWorkerMail{kAda, verification});
    CHECK(work.last().empty());  // it waits already
    work.ask(SettleWorkerMail{kAda, password_reset, 1, fate});
    CHECK(work.last().empty());
    work.ask(SettleWorkerMail{kAda, verification, 1, fate});
    CHECK(work.worker().verification_mail.state == state);
    work.ask(SettleWorkerMail{kAda, verification, 1, fate});
    CHECK(work.last().empty());
    work.now.ms += 5;
    work.ask(RequestWorkerMail{kAda, verification});
    CHECK(work.worker().verification_mail == WorkerMailStatus{MailState::waiting, work.now, 2});
    work.ask(SettleWorkerMail{kAda, verification, 1, fate});  // of the one before
    CHECK(work.last().empty());
    CHECK(work.worker().status == WorkerStatus::registered);
    work.ask(verify());
    CHECK(work.worker().verification_mail.state == MailState::none);
  }
}

TEST_CASE("only who needs a mail gets one") {
  using enum WorkerMail;
  for (const auto& [state, first, reset] :
       {std::tuple{"none", false, false}, std::tuple{"verified", false, true},
        std::tuple{"erased", false, false}}) {
    CAPTURE(state);
    Workshop work;
    work.becomes(state);
    work.ask(RequestWorkerMail{kAda, verification});
    CHECK(work.last().empty() != first);
    work.ask(RequestWorkerMail{kAda, password_reset});
    CHECK(work.last().empty() != reset);
  }
  Workshop work;
  work.ask(ada());
  work.ask(RequestWorkerMail{kAda, password_reset});
  CHECK(work.last().empty());
}

// As journals hold it from before worker.mail_settled.
TEST_CASE("a mail of before is settled as it was") {
  for (const bool delivered : {true, false}) {
    Workshop work;
    work.ask(ada());
    work.happened(kAda.value, VerificationMailed{kAda, delivered});
    CHECK(work.worker().verification_mail.state == (delivered ? MailState::sent : MailState::refused));
  }
}

TEST_CASE("a change of the profile leaves alone what it does not name") {
  struct Row {
    const char* words;
    ChangeWorkerProfile change;
    std::string name;
    Offer offer;
  };
  const Offer before = ada().offer;
  const Area paris{{48'856'600, 2'352'200}, 5};
  for (const Row& row :
       {Row{"nothing", {kAda, {}, {}, {}, {}}, "Ada", before},
        Row{"the name", {kAda, "Eve", {}, {}, {}}, "Eve", before},
        Row{"no name at all", {kAda, "", {}, {}, {}}, "", before},
        Row{"skills", {kAda, {}, {{"french"}}, {}, {}}, "Ada", {{"french"}, before.modalities, kBerlin}},
        Row{"no skills",
            {kAda, {}, std::vector<std::string>{}, {}, {}},
            "Ada",
            {{}, before.modalities, kBerlin}},
        Row{"everything is recorded",
            {kAda, {}, {}, std::vector<Modality>{}, {}},
            "Ada",
            {{"drone"}, {}, kBerlin}},
        Row{"moved", {kAda, {}, {}, {}, AreaChange{paris}}, "Ada", {{"drone"}, before.modalities, paris}},
        Row{"nowhere", {kAda, {}, {}, {}, AreaChange{}}, "Ada", {{"drone"}, before.modalities, {}}}}) {
    CAPTURE(row.words);
    Workshop work;
    work.becomes("verified");
    CHECK(work.ask(row.change) == "");
    CHECK(work.worker().name == row.name);
    CHECK(work.worker().offer == row.offer);
    CHECK(work.worker().email == "ada@work.example");
    CHECK(work.worker().password_hash == "$argon2id$hash");
  }
}

TEST_CASE("whoever is erased leaves no word behind, and keeps what they earned") {
  Workshop work;
  work.becomes("verified");
  work.settles(WorkOutcome::approved);
  work.ask(EraseWorker{kAda, kAdasMail});
  CHECK(work.worker().status == WorkerStatus::erased);
  CHECK(work.worker().name.empty());
  CHECK(work.worker().email.empty());
  CHECK(work.worker().password_hash.empty());
  CHECK_FALSE(work.worker().offer.area);
  CHECK(work.worker().verification_mail.state == MailState::none);
  CHECK(work.purse().payable == Cents{250});
  CHECK(erased_owner(*work.last_event<WorkerErased>()) == kAda.value);
  // What was promised before is owed: the customer has paid.
  work.settles(WorkOutcome::approved);
  CHECK(work.purse().payable == Cents{500});
  CHECK(work.worker().earned_cents == Cents{500});
}

TEST_CASE("work is settled by what became of it") {
  struct Row {
    WorkOutcome outcome;
    std::int64_t approved, rejected, lapsed;
    Cents earned;
  };
  for (const auto& [outcome, approved, rejected, lapsed, earned] :
       {Row{WorkOutcome::approved, 2, 0, 0, {500}}, Row{WorkOutcome::rejected, 0, 2, 0, {0}},
        Row{WorkOutcome::lapsed, 0, 0, 2, {0}}}) {
    Workshop work;
    work.becomes("verified");
    work.settles(outcome, 2);
    CHECK(work.worker().approved == approved);
    CHECK(work.worker().rejected == rejected);
    CHECK(work.worker().lapsed == lapsed);
    CHECK(work.worker().earned_cents == earned);
    CHECK(work.purse().payable == earned);
    CHECK(work.purse().transit == -earned);
    const auto* posted = work.last_event<WalletPosted>();
    CHECK((posted != nullptr) == (outcome == WorkOutcome::approved));
    if (posted == nullptr) continue;
    CHECK(posted->account == account_of(kAda));
    CHECK(posted->reference == kWork.value);
    CHECK(balances(*posted));
    CHECK(follows_rules(*posted));
  }
}

TEST_CASE("trust is the share of good work, and begins with seven of ten") {
  struct Row {
    std::int64_t approved, rejected, lapsed, trust;
  };
  for (const auto& [approved, rejected, lapsed, trust] :
       {Row{0, 0, 0, 70}, Row{1, 0, 0, 72}, Row{3, 0, 0, 76}, Row{20, 0, 0, 90}, Row{1'000, 0, 0, 99},
        Row{0, 1, 0, 63}, Row{0, 0, 1, 66}, Row{0, 0, 2, 63}, Row{0, 4, 0, 50}, Row{0, 5, 0, 46},
        Row{0, 0, 8, 50}, Row{0, 0, 9, 48}, Row{0, 1'000'000, 0, 0}, Row{50, 54, 0, 50},
        Row{50, 55, 0, 49}}) {
    CAPTURE(approved);
    CAPTURE(rejected);
    CAPTURE(lapsed);
    Worker worker;
    worker.approved = approved;
    worker.rejected = rejected;
    worker.lapsed = lapsed;
    CHECK(worker.trust() == trust);
  }
}

TEST_CASE("levels come with approved work, and beyond the second only with trust") {
  struct Row {
    std::int64_t approved, rejected, level;
  };
  for (const auto& [approved, rejected, level] :
       {Row{0, 0, 1}, Row{9, 0, 1}, Row{10, 0, 2}, Row{49, 0, 2}, Row{50, 0, 3}, Row{199, 0, 3},
        Row{200, 0, 4}, Row{999, 0, 4}, Row{1'000, 0, 5}, Row{1'000'000, 0, 5}, Row{50, 54, 3},
        Row{50, 55, 2}, Row{1'000, 1'100, 2}, Row{9, 100, 1}, Row{10, 100, 2}}) {
    CAPTURE(approved);
    CAPTURE(rejected);
    Worker worker;
    worker.approved = approved;
    worker.rejected = rejected;
    CHECK(worker.level() == level);
  }
}

TEST_CASE("badges, one short of each and at it") {
  using enum Badge;
  struct Row {
    WorkerStatus status;
    std::int64_t approved, rejected, lapsed;
    std::vector<Badge> badges;
  };
  constexpr auto kRegistered = WorkerStatus::registered, kVerified = WorkerStatus::verified;
  for (const Row& row :
       {Row{kRegistered, 0, 0, 0, {}}, Row{kVerified, 0, 0, 0, {verified}},
        Row{kVerified, 1, 9, 9, {verified, first_submission}},
        Row{kVerified, 9, 0, 0, {verified, first_submission}},
        Row{kVerified, 10, 0, 0, {verified, first_submission, ten_submissions}},
        Row{kVerified, 19, 1, 0, {verified, first_submission, ten_submissions}},
        Row{kVerified, 20, 1, 0, {verified, first_submission, ten_submissions, reliable}},
        Row{kVerified, 20, 1, 1, {verified, first_submission, ten_submissions}},
        Row{kVerified, 24, 0, 1, {verified, first_submission, ten_submissions}},
        Row{kVerified, 25, 0, 1, {verified, first_submission, ten_submissions, flawless}},
        Row{kVerified, 25, 1, 1, {verified, first_submission, ten_submissions}},
        Row{kVerified, 99, 1, 1, {verified, first_submission, ten_submissions}},
        Row{kVerified, 100, 1, 1, {verified, first_submission, ten_submissions, hundred_submissions}},
        Row{kVerified,
            1'000,
            0,
            0,
            {verified, first_submission, ten_submissions, hundred_submissions, thousand_submissions, reliable,
             flawless}}}) {
    CAPTURE(row.approved);
    Worker worker;
    worker.status = row.status;
    worker.approved = row.approved;
    worker.rejected = row.rejected;
    worker.lapsed = row.lapsed;
    CHECK(worker.badges() == row.badges);
  }
}

TEST_CASE("good work never costs trust, bad work never earns any") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  std::mt19937_64 engine(seed);
  for (int round = 0; round < 100; ++round) {
    Workshop work;
    work.becomes("verified");
    for (int step = 0; step < 60; ++step) {
      const Worker before = work.worker();
      const auto outcome = static_cast<WorkOutcome>(engine() % 3);
      work.settles(outcome);
      const Worker& after = work.worker();
      REQUIRE(after.trust() >= 0);
      REQUIRE(after.trust() <= 100);
      if (outcome == WorkOutcome::approved) {
        REQUIRE(after.trust() >= before.trust());
        REQUIRE(after.level() >= before.level());
      } else {
        REQUIRE(after.trust() <= before.trust());
        REQUIRE(after.level() <= before.level());
      }
    }
  }
}

TEST_CASE("who is reinstated was never rejected, and is paid") {
  Workshop work;
  work.becomes("verified");
  work.settles(WorkOutcome::rejected);
  const auto trust = work.worker().trust();
  CHECK(work.ask(SettleWork{kAda, kTask, kWork, WorkOutcome::reinstated, {250}}) == "");
  CHECK(work.worker().rejected == 0);
  CHECK(work.worker().approved == 1);
  CHECK(work.worker().trust() > trust);
  CHECK(work.purse().payable == Cents{250});
}

TEST_CASE("of an erased worker nothing is left of what they offered") {
  Workshop work;
  work.becomes("erased");
  CHECK(work.worker().offer == Offer{});
}

}  // namespace
}  // namespace groundtruth::domain::test
