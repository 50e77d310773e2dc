// Mails to new workers: each once, whatever the mail server and the journal do.
#include "workers/mail/verification_mailer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>

#include "tests/unit/workers/fakes.hpp"

using namespace groundtruth;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using ports::MailOutcome;

namespace {

class SharedClock final : public journal::Clock {
 public:
  domain::Timestamp now() const override { return {1'750'000'000'000}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds(steady_ms.load())};
  }
  std::atomic<std::int64_t> steady_ms{1'000};
};

// A mail server, the read models and the journal in one, under one lock.
class Desk final : public ports::Mailer {
 public:
  explicit Desk(std::uint32_t batch = 64) {
    VerificationMailerOptions options;
    options.interval = std::chrono::hours(1);  // it looks when it is told to
    options.batch = batch;
    options.log = [this](const std::string& what) {
      const std::lock_guard lock(mutex_);
      said_.push_back(what);
    };
    mailer = std::make_unique<VerificationMailer>(
        [this](std::uint32_t limit) { return unmailed(limit); },
        [this](const domain::WorkerId& worker) {
          const std::lock_guard lock(mutex_);
          return std::any_of(waiting_.begin(), waiting_.end(),
                             [&](const auto& one) { return one.id == worker; });
        },
        [](const domain::WorkerId& worker, domain::Timestamp expires) {
          return "https://work.test/" + worker.value + "/" + std::to_string(expires.ms);
        },
        [this](journal::Submission submission) { record(submission); }, *this, clock_, randomness_, duties,
        options);
  }
  ~Desk() override {
    unblock();
    mailer.reset();
  }

  domain::WorkerId registers(const std::string& name, std::uint16_t bucket = 7) {
    domain::Worker worker;
    worker.id = domain::new_id<domain::WorkerId>("wrk_", {1}, domain::Bucket{bucket}, randomness_.bits());
    worker.name = name;
    worker.email = name + "@work.test";
    const std::lock_guard lock(mutex_);
    waiting_.push_back(worker);
    return worker.id;
  }
  // Verified, or erased.
  void needs_none(const domain::WorkerId& worker) {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](const auto& one) { return one.id == worker; });
  }
  void fails(const std::string& name, MailOutcome outcome) {
    const std::lock_guard lock(mutex_);
    outcomes_[name + "@work.test"] = outcome;
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
  void pass(std::chrono::milliseconds time) { clock_.steady_ms += time.count(); }

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
  std::vector<std::pair<domain::WorkerId, bool>> recorded() {
    const std::lock_guard lock(mutex_);
    return recorded_;
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  FakeDuties duties;
  std::unique_ptr<VerificationMailer> mailer;

 private:
  std::vector<domain::Worker> unmailed(std::uint32_t limit) {
    const std::lock_guard lock(mutex_);
    mails_at_look_.push_back(mails_.size());
    changed_.notify_all();
    if (unreadable_) throw std::runtime_error("no read model");
    return {waiting_.begin(), waiting_.begin() + std::min<std::ptrdiff_t>(limit, std::ssize(waiting_))};
  }
  Result send(const ports::Mail& mail) override {
    std::unique_lock lock(mutex_);
    mails_.push_back(mail);
    under_way_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !blocked_; });
    under_way_ = false;
    const auto outcome = outcomes_.find(mail.to);
    return {outcome == outcomes_.end() ? MailOutcome::sent : outcome->second, "out of order"};
  }
  void record(const journal::Submission& submission) {
    journal::Answer answer;
    {
      const std::lock_guard lock(mutex_);
      const auto& command = std::get<domain::RecordVerificationMail>(submission.command);
      answer.kind = answers_;
      if (answers_ == journal::AnswerKind::accepted) {
        recorded_.emplace_back(command.worker, command.delivered);
        std::erase_if(waiting_, [&](const auto& one) { return one.id == command.worker; });
      }
    }
    submission.done(answer);
  }

  SharedClock clock_;
  FakeRandomness randomness_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<domain::Worker> waiting_;
  std::map<std::string, MailOutcome> outcomes_;
  std::vector<ports::Mail> mails_;
  std::vector<std::pair<domain::WorkerId, bool>> recorded_;
  std::vector<std::string> said_;
  journal::AnswerKind answers_ = journal::AnswerKind::accepted;
  bool blocked_ = false, under_way_ = false, unreadable_ = false;
  std::vector<std::size_t> mails_at_look_;  // how many had been sent when a look began
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("verification mail: those of other partitions are left to others, however many there are") {
  constexpr journal::Partition kTheirs{journal::Topic::workers, 8};
  Desk desk(2);
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

TEST_CASE("verification mail: each new worker gets one, with a link that is good for a week") {
  Desk desk;
  const auto ada = desk.registers("ada"), eve = desk.registers("eve");
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to() == Names{"ada", "eve"});
  CHECK(desk.recorded() == std::vector<std::pair<domain::WorkerId, bool>>{{ada, true}, {eve, true}});
  const auto mail = desk.mails().front();
  CHECK(mail.id == "verify-" + ada.value);
  CHECK(mail.text.find("Hello,") == 0);
  CHECK(mail.text.find("\nhttps://work.test/" + ada.value + "/1750604800000\n") != std::string::npos);
  desk.look();
  desk.registers("max");
  desk.look();
  CHECK(desk.sent_to() == Names{"ada", "eve", "max"});
}

TEST_CASE("verification mail: more than a batch are served in one look") {
  Desk desk(2);
  for (int i = 0; i < 9; ++i) desk.registers("w" + std::to_string(i));
  desk.mailer->start();
  desk.look();
  CHECK(desk.sent_to().size() == 9);
}

TEST_CASE("verification mail: what the server refuses for good is recorded so, and not sent again") {
  Desk desk;
  const auto ada = desk.registers("ada");
  desk.fails("ada", MailOutcome::refused);
  desk.mailer->start();
  desk.look();
  desk.pass(std::chrono::hours(24));
  desk.look();
  CHECK(desk.sent_to() == Names{"ada"});
  CHECK(desk.recorded() == std::vector<std::pair<domain::WorkerId, bool>>{{ada, false}});
}

TEST_CASE("verification mail: what fails is tried again, later each time and at last once an hour") {
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
  CHECK(desk.said().front().find("again in 5 s: out of order") != std::string::npos);
  desk.fails("ada", MailOutcome::sent);
  desk.pass(std::chrono::hours(1));
  desk.look();
  desk.look();
  CHECK(desk.sent_to().size() == tries + 1);
  CHECK(desk.recorded().size() == 1);
}

TEST_CASE("verification mail: those who fail do not hold up the others") {
  Desk desk(2);
  for (int i = 0; i < 5; ++i) {
    desk.registers("bad" + std::to_string(i));
    desk.fails("bad" + std::to_string(i), MailOutcome::failed);
  }
  desk.registers("good");
  desk.mailer->start();
  desk.look();
  const auto sent = desk.sent_to();
  CHECK(std::count(sent.begin(), sent.end(), "good") == 1);
  CHECK(sent.size() == 6);
}

TEST_CASE("verification mail: a journal that does not take the record has it sent again, as the same mail") {
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
TEST_CASE("verification mail: whoever is verified or erased while others are served gets none") {
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
  CHECK(desk.sent_to() == Names{"ada", "max"});
}

TEST_CASE("verification mail: whoever failed and is verified by now is forgotten") {
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

TEST_CASE("verification mail: a stop waits for the mail under way, and sends no other") {
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
  CHECK(desk.sent_to().front() == "ada");
  CHECK(desk.recorded().size() == desk.sent_to().size());
  const auto sent = desk.sent_to().size();
  desk.wake();  // finds nobody
  desk.mailer->stop();
  CHECK(desk.sent_to().size() == sent);
}

TEST_CASE("verification mail: read models that cannot be read are asked again") {
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

TEST_CASE("verification mail: one that was never started stops at once") {
  Desk desk;
  desk.registers("ada");
  desk.wake();
  desk.mailer->stop();
  CHECK(desk.sent_to().empty());
}
