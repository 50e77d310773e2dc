// Mails to workers: each once, whatever the mail server and the journal do; and in which order.
#include "workers/mail/worker_mailer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "tests/unit/workers/fakes.hpp"

using namespace groundtruth;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using ports::MailOutcome;

namespace {

constexpr auto kReset = domain::WorkerMail::password_reset;

class SharedClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {1'750'000'000'000 + wall_ms.load()}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds(steady_ms.load())};
  }
  std::atomic<std::int64_t> steady_ms{1'000}, wall_ms{0};
};

// A mail server, the read models and the journal in one, under one lock.
class Desk final : public ports::Mailer {
 public:
  Desk() {
    WorkerMailerOptions options;
    options.interval = std::chrono::hours(1);  // it looks when it is told to
    options.log = [this](const std::string& what) {
      const std::lock_guard lock(mutex_);
      said_.push_back(what);
    };
    mailer = std::make_unique<WorkerMailer>(
        [this](std::uint32_t limit) { return waiting(limit); },
        [this](const domain::WorkerId& worker) -> std::optional<domain::Worker> {
          const std::lock_guard lock(mutex_);
          const auto found = workers_.find(worker);
          if (found == workers_.end()) return std::nullopt;
          return found->second;
        },
        [](const domain::Worker& worker, domain::WorkerMail which, domain::Timestamp expires) {
          return std::string("https://work.test/") + (which == kReset ? "reset/" : "") + worker.id.value +
                 "/" + std::to_string(expires.ms);
        },
        [this](journal::Submission submission) { record(submission); }, *this, clock_, randomness_, duties,
        options);
  }
  ~Desk() override {
    unblock();
    mailer.reset();
  }

  domain::WorkerId registers(const std::string& name, std::uint16_t bucket = 7,
                             const std::string& at = "work.test") {
    domain::Worker worker;
    worker.id = domain::new_id<domain::WorkerId>("wrk_", {1}, domain::Bucket{bucket}, randomness_.bits());
    worker.name = name;
    worker.email = name + "@" + at;
    worker.status = domain::WorkerStatus::registered;
    const std::lock_guard lock(mutex_);
    asked_ms_ += 1;
    worker.verification_mail = {domain::MailState::waiting, {clock_.now().ms + asked_ms_}, 1};
    workers_.emplace(worker.id, worker);
    return worker.id;
  }
  void asks_for(const domain::WorkerId& worker, domain::WorkerMail which) {
    const std::lock_guard lock(mutex_);
    asked_ms_ += 1;
    auto& mail = status_of(workers_.at(worker), which);
    mail = {domain::MailState::waiting, {clock_.now().ms + asked_ms_}, mail.requests + 1};
  }
  // Verified, or erased.
  void needs_none(const domain::WorkerId& worker) {
    const std::lock_guard lock(mutex_);
    workers_.at(worker).verification_mail.state = domain::MailState::none;
  }
  void fails(const std::string& name, MailOutcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_[name] = outcome;
  }
  void journal_answers(journal::AnswerKind kind) {
    const std::lock_guard lock(mutex_);
    answers_ = kind;
  }
  void read_models_fail(bool fail) {
    const std::lock_guard lock(mutex_);
    unreadable_ = fail;
  }

  void block() {
    const std::lock_guard lock(mutex_);
    blocked_ = true;
  }
  void unblock() {
    {
      const std::lock_guard lock(mutex_);
      blocked_ = false;
    }
    changed_.notify_all();
  }
  void await_mail_under_way() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_; });
  }

  void wake() {
    journal::Commit commit;
    commit.events.push_back({"wrk", 1, domain::WorkerRegistered{}});
    journal::Accepted accepted;
    accepted.commit = std::make_shared<const journal::Commit>(std::move(commit));
    mailer->observe(accepted);
  }
  // Returns when somebody looked after the call and found nothing to do: then all is done.
  void look() {
    std::unique_lock lock(mutex_);
    for (std::size_t first = mails_at_look_.size(), seen = first;; seen = mails_at_look_.size()) {
      for (std::size_t i = first; i + 1 < seen; ++i)
        if (mails_at_look_[i] == mails_at_look_[i + 1]) return;
      lock.unlock();
      wake();
      lock.lock();
      changed_.wait(lock, [&] { return mails_at_look_.size() > seen; });
    }
  }
  void pass(std::chrono::milliseconds time) {
    clock_.steady_ms += time.count();
    clock_.wall_ms += time.count();
  }

  std::vector<std::string> sent_to() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& mail : mails_) names.push_back(mail.to.substr(0, mail.to.find('@')));
    return names;
  }
  std::vector<ports::Mail> mails() {
    const std::lock_guard lock(mutex_);
    return mails_;
  }
  using Recorded = std::vector<std::pair<domain::WorkerId, domain::MailFate>>;
  Recorded recorded() {
    const std::lock_guard lock(mutex_);
    return recorded_;
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  FakeDuties duties;
  std::unique_ptr<WorkerMailer> mailer;

 private:
  static domain::WorkerMailStatus& status_of(domain::Worker& worker, domain::WorkerMail which) {
    return which == kReset ? worker.reset_mail : worker.verification_mail;
  }
  std::vector<projections::WaitingMail> waiting(std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    mails_at_look_.push_back(mails_.size());
    changed_.notify_all();
    if (unreadable_) throw std::runtime_error("no read model");
    std::vector<projections::WaitingMail> mails;
    for (const auto& [id, worker] : workers_)
      for (const auto which : {domain::WorkerMail::verification, kReset})
        if (worker.mail(which).state == domain::MailState::waiting)
          mails.push_back({id, which, worker.mail(which).requested_at});
    std::sort(mails.begin(), mails.end(),
              [](const auto& a, const auto& b) { return a.requested_at > b.requested_at; });
    mails.resize(std::min<std::size_t>(mails.size(), limit));
    return mails;
  }
  Result send(const ports::Mail& mail) override {
    std::unique_lock lock(mutex_);
    mails_.push_back(mail);
    under_way_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
    under_way_ = false;
    const auto outcome = outcomes_.find(mail.to.substr(0, mail.to.find('@')));
    return {outcome == outcomes_.end() ? MailOutcome::sent : outcome->second,
            "out of order: <" + mail.to + ">"};
  }
  void record(const journal::Submission& submission) {
    journal::Answer answer;
    {
      const std::lock_guard lock(mutex_);
      const auto& command = std::get<domain::SettleWorkerMail>(submission.command);
      answer.kind = answers_;
      auto& mail = status_of(workers_.at(command.worker), command.mail);
      if (answers_ == journal::AnswerKind::accepted && mail.requests == command.requests) {
        recorded_.emplace_back(command.worker, command.fate);
        mail.state = domain::MailState::sent;
      }
    }
    submission.done(answer);
  }

  SharedClock clock_;
  FakeRandomness randomness_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<domain::WorkerId, domain::Worker> workers_;
  std::int64_t asked_ms_ = 0;
  std::map<std::string, MailOutcome> outcomes_;
  std::vector<ports::Mail> mails_;
  Recorded recorded_;
  std::vector<std::string> said_;
  journal::AnswerKind answers_ = journal::AnswerKind::accepted;
  bool blocked_ = false, under_way_ = false, unreadable_ = false;
  std::vector<std::size_t> mails_at_look_;  // how many had been sent when a look began
};

using Names = std::vector<std::string>;
using Recorded = Desk::Recorded;
using enum domain::MailFate;

}  // namespace

TEST_CASE("mails: those of other partitions are left to others, however many there are") {
  constexpr journal::Partition kTheirs{journal::Topic::workers, 8};
  Desk desk;
  desk.duties.give(kTheirs, false);
  for (int i = 0; i < 9; ++i) desk.registers("theirs" + std::to_string(i), 8);
  desk.registers("ada");
  desk.mailer->start();
  // It asks more than once in a look, which `look` takes for several.
  while (desk.sent_to().empty()) desk.look();
  desk.look();
  CHECK(desk.sent_to() == Names{"ada"});
  desk.duties.give(kTheirs, true);
  while (desk.sent_to().size() < 10) desk.look();
  CHECK(desk.recorded().size() >= 9);
}

TEST_CASE("mails: each new worker gets one, with a link that is good for a week") {
  Desk desk;
  const auto ada = desk.registers("ada"), eve = desk.registers("eve");
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to() == Names{"eve", "ada"});  // the newest first
  CHECK(desk.recorded() == Recorded{{eve, sent}, {ada, sent}});
  const auto mail = desk.mails().back();
  CHECK(mail.id == "verify-" + ada.value);
  CHECK(mail.text.find("Hello,") == 0);
  CHECK(mail.text.find("\nhttps://work.test/" + ada.value + "/1750604800000\n") != std::string::npos);
  desk.look();
  desk.registers("max");
  desk.look();
  CHECK(desk.sent_to() == Names{"eve", "ada", "max"});
}

TEST_CASE("mails: what the server refuses for good is recorded so, and not sent again") {
  Desk desk;
  const auto ada = desk.registers("ada");
  desk.fails("ada", MailOutcome::refused);
  desk.mailer->start();
  desk.look();
  desk.pass(std::chrono::hours(24));
  desk.look();
  CHECK(desk.sent_to() == Names{"ada"});
  CHECK(desk.recorded() == Recorded{{ada, refused}});
  CHECK(desk.mailer->counters().refused == 1);
  REQUIRE(desk.said().size() == 1);
  CHECK(desk.said()[0].find("refused for good; they can ask for another: out of order: <(address)>") !=
        std::string::npos);
  desk.asks_for(ada, domain::WorkerMail::verification);
  desk.look();
  REQUIRE(desk.mails().size() == 2);
  CHECK(desk.mails()[1].id == "verify-" + ada.value + "-2");
}

TEST_CASE("mails: what fails is tried again, later each time and at last once an hour") {
  Desk desk;
  desk.registers("ada");
  desk.fails("ada", MailOutcome::failed);
  desk.mailer->start();
  desk.look();
  std::size_t tries = 1;
  CHECK(desk.sent_to().size() == tries);
  for (const int seconds : {5, 10, 20, 40, 80, 160, 320, 640, 1'280, 2'560, 3'600, 3'600}) {
    CAPTURE(seconds);
    desk.pass(std::chrono::seconds(seconds) - std::chrono::milliseconds(1));
    desk.look();
    CHECK(desk.sent_to().size() == tries);
    desk.pass(std::chrono::milliseconds(1));
    desk.look();
    CHECK(desk.sent_to().size() == ++tries);
  }
  CHECK(desk.recorded().empty());
  CHECK(desk.said().size() == tries);
  CHECK(desk.said().front().find("again in 5 s: out of order: <(address)>") != std::string::npos);
  desk.fails("ada", MailOutcome::sent);
  desk.pass(std::chrono::hours(1));
  desk.look();
  desk.look();
  CHECK(desk.sent_to().size() == tries + 1);
  CHECK(desk.recorded().size() == 1);
}

TEST_CASE("mails: what is new goes before whatever failed, and the newest before all") {
  Desk desk;
  for (int i = 0; i < 40; ++i) {
    const auto name = "bad" + std::to_string(i);
    desk.registers(name, 7, "slow" + std::to_string(i) + ".test");
    desk.fails(name, MailOutcome::failed);
  }
  desk.block();
  desk.mailer->start();
  desk.await_mail_under_way();  // the others wait for their first try
  desk.registers("honest");
  desk.wake();
  desk.unblock();
  desk.look();
  const auto tried = desk.sent_to();
  REQUIRE(tried.size() == 41);
  CHECK(tried[1] == "honest");
  desk.pass(std::chrono::minutes(1));  // everything that failed may be tried again
  desk.block();
  desk.wake();
  desk.await_mail_under_way();
  desk.registers("honest2");
  desk.wake();
  desk.unblock();
  desk.look();
  CHECK(desk.sent_to()[42] == "honest2");
}

TEST_CASE("mails: a domain that fails is asked less and less, for all its mailboxes together") {
  Desk desk;
  for (int i = 0; i < 10; ++i) {
    const auto name = "bad" + std::to_string(i);
    desk.registers(name, 7, "slow.test");
    desk.fails(name, MailOutcome::failed);
  }
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to().size() == 1);
  for (const auto& [seconds, tries] :
       std::vector<std::pair<int, std::size_t>>{{4, 1}, {1, 2}, {9, 2}, {1, 3}}) {
    desk.pass(std::chrono::seconds(seconds));
    desk.look();
    CHECK(desk.sent_to().size() == tries);
  }
  // A new mail to it waits for no more than a minute, however long the domain has failed.
  for (int i = 0; i < 9; ++i) {
    desk.pass(std::chrono::minutes(1));
    desk.look();
  }
  const auto before = desk.sent_to().size();
  desk.registers("honest", 7, "slow.test");
  desk.pass(std::chrono::minutes(1));
  desk.look();
  REQUIRE(desk.sent_to().size() > before);
  CHECK(desk.sent_to()[before] == "honest");
}

TEST_CASE("mails: a mail server that is away is asked for new mails at once, for old ones later") {
  Desk desk;
  for (const char* name : {"ada", "eve"}) {
    desk.registers(name);
    desk.fails(name, MailOutcome::server_failed);
  }
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to() == Names{"eve", "ada"});
  CHECK(desk.mailer->counters().server_failed == 2);
  desk.fails("ada", MailOutcome::sent);
  desk.fails("eve", MailOutcome::sent);
  desk.registers("max");
  desk.look();  // it is there again: what waits for it goes as soon as its own time has come
  CHECK(desk.sent_to() == Names{"eve", "ada", "max"});
  desk.pass(std::chrono::seconds(5));
  desk.look();
  CHECK(desk.sent_to().size() == 5);
  CHECK(desk.recorded().size() == 3);
}

TEST_CASE("mails: there is an end to trying, after which another can be asked for") {
  Desk desk;
  const auto ada = desk.registers("ada"), eve = desk.registers("eve", 7, "eve.test");
  desk.fails("ada", MailOutcome::failed);
  desk.fails("eve", MailOutcome::failed);
  desk.needs_none(eve);
  desk.asks_for(eve, kReset);
  desk.mailer->start();
  desk.look();
  for (int hour = 0; hour < 47; ++hour) {
    desk.pass(std::chrono::hours(1));
    desk.look();
    if (hour == 2) CHECK(desk.recorded().empty());
    if (hour == 4) CHECK(desk.recorded() == Recorded{{eve, undeliverable}});
  }
  CHECK(desk.recorded().size() == 1);
  desk.pass(std::chrono::hours(2));
  desk.look();
  CHECK(desk.recorded() == Recorded{{eve, undeliverable}, {ada, undeliverable}});
  CHECK(desk.mailer->counters().undeliverable == 2);
  CHECK(desk.mailer->counters().waiting == 0);
  const auto tries = desk.sent_to().size();
  desk.fails("ada", MailOutcome::sent);
  desk.asks_for(ada, domain::WorkerMail::verification);
  desk.look();
  CHECK(desk.sent_to().size() == tries + 1);
  CHECK(desk.recorded().size() == 3);
}

TEST_CASE("mails: a new password is a mail of its own, whose link is good for an hour") {
  Desk desk;
  const auto ada = desk.registers("ada");
  desk.needs_none(ada);
  desk.asks_for(ada, kReset);
  desk.mailer->start();
  desk.look();
  REQUIRE(desk.mails().size() == 1);
  const auto mail = desk.mails().front();
  CHECK(mail.id == "reset-" + ada.value);
  CHECK(mail.text.find("\nhttps://work.test/reset/" + ada.value + "/1750003600000\n") != std::string::npos);
  desk.asks_for(ada, kReset);
  desk.look();
  REQUIRE(desk.mails().size() == 2);
  CHECK(desk.mails()[1].id == "reset-" + ada.value + "-2");
}

TEST_CASE("mails: a journal that does not take the record has it sent again, as the same mail") {
  for (const auto kind : {journal::AnswerKind::unavailable, journal::AnswerKind::unknown}) {
    Desk desk;
    desk.registers("ada");
    desk.journal_answers(kind);
    desk.mailer->start();
    desk.look();
    CHECK(desk.recorded().empty());
    desk.journal_answers(journal::AnswerKind::accepted);
    desk.pass(std::chrono::seconds(5));
    desk.look();
    REQUIRE(desk.mails().size() == 2);
    CHECK(desk.mails()[0].id == desk.mails()[1].id);
    CHECK(desk.recorded().size() == 1);
  }
}

// They stood in the list that was read before the server took its time.
TEST_CASE("mails: whoever is verified or erased while others are served gets none") {
  Desk desk;
  desk.registers("ada");
  const auto eve = desk.registers("eve");
  desk.registers("max");
  desk.block();
  desk.mailer->start();
  desk.await_mail_under_way();
  desk.needs_none(eve);
  desk.unblock();
  desk.look();
  CHECK(desk.sent_to() == Names{"max", "ada"});
}

TEST_CASE("mails: whoever failed and is verified by now is forgotten") {
  Desk desk;
  const auto ada = desk.registers("ada");
  desk.fails("ada", MailOutcome::failed);
  desk.mailer->start();
  desk.look();
  desk.needs_none(ada);
  desk.pass(std::chrono::hours(24));
  desk.look();
  CHECK(desk.sent_to() == Names{"ada"});
}

TEST_CASE("mails: a stop waits for the mail under way, and sends no other") {
  Desk desk;
  desk.registers("ada");
  desk.registers("eve");
  desk.block();
  desk.mailer->start();
  desk.await_mail_under_way();
  std::atomic<bool> stopped{false};
  std::thread stopping([&] {
    desk.mailer->stop();
    stopped = true;
  });
  CHECK_FALSE(stopped);
  desk.unblock();
  stopping.join();
  CHECK(desk.sent_to().front() == "eve");
  CHECK(desk.recorded().size() == desk.sent_to().size());
  const auto sent = desk.sent_to().size();
  desk.wake();  // finds nobody
  desk.mailer->stop();
  CHECK(desk.sent_to().size() == sent);
}

TEST_CASE("mails: read models that cannot be read are asked again") {
  Desk desk;
  desk.registers("ada");
  desk.read_models_fail(true);
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to().empty());
  REQUIRE_FALSE(desk.said().empty());
  CHECK(desk.said().front().find("no read model") != std::string::npos);
  desk.read_models_fail(false);
  desk.look();
  CHECK(desk.sent_to() == Names{"ada"});
}

TEST_CASE("mails: one that was never started stops at once") {
  Desk desk;
  desk.registers("ada");
  desk.wake();
  desk.mailer->stop();
  CHECK(desk.sent_to().empty());
}
