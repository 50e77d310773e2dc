// Sends the mails that workers are owed: the link with which somebody new shows that an address is theirs,
// and the one with which a forgotten password is replaced.
//
// Which mails are to be sent stands in the read models until the journal holds what became of each, so
// nothing is kept here and a crash at any instant loses no mail. It may repeat one, under the same
// Message-ID. Mails of partitions that this process does not have are left to others. What the mail server
// refuses for good is recorded as such; what it cannot do now is tried again, later each time
// (mail_queue.hpp), until it is `undeliverable`. Then, too, another one can be asked for.
//
// Threads: one of its own, which the mail server may hold up; `observe` and `counters` from any. Errors of
// the read models are logged and the look is repeated.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "domain/worker.hpp"
#include "journal/duties.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"
#include "journal/submission.hpp"
#include "workers/mail/mail_queue.hpp"
#include "workers/ports/mailer.hpp"

namespace groundtruth::workers {

struct WorkerMailerOptions {
  std::chrono::milliseconds interval{5'000};  // between looks, when nobody wakes it
  MailQueueOptions queue;
  std::chrono::milliseconds give_up{std::chrono::hours{48}};  // after a mail was asked for
  // A password's mail that comes later than this only confuses; never longer than `give_up`.
  std::chrono::milliseconds give_up_reset{std::chrono::hours{4}};
  std::chrono::hours verification_lifetime{7 * 24};  // of the links
  std::chrono::hours reset_lifetime{1};
  std::chrono::milliseconds patience{10'000};  // for the journal's answer
  std::uint32_t max_waiting = 20'000;          // looked at at once, the newest first
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

struct MailCounters {
  std::uint64_t sent = 0, refused = 0, undeliverable = 0;  // ends
  std::uint64_t failed = 0;                                // tries that a domain's server put off
  std::uint64_t server_failed = 0;  // tries that ended before the mail server heard of a mail
  std::uint64_t waiting = 0;        // now
};

class WorkerMailer {
 public:
  using Waiting = std::function<std::vector<projections::WaitingMail>(
      std::uint32_t limit)>;  // WorkerQueries::waiting_mails
  // As the read models have them right before each mail: the list grows old while a mail server takes its
  // time.
  using Find = std::function<std::optional<domain::Worker>(const domain::WorkerId& worker)>;
  using LinkOf = std::function<std::string(const domain::Worker& worker, domain::WorkerMail which,
                                           domain::Timestamp expires_at)>;
  using Submit = std::function<void(journal::Submission)>;  // Node::submit
  // All that is given must outlive it.
  WorkerMailer(Waiting waiting, Find find, LinkOf link_of, Submit submit, ports::Mailer& mailer,
               journal::Clock& clock, journal::Randomness& randomness, const journal::Duties& duties,
               WorkerMailerOptions options);
  ~WorkerMailer();  // stop()
  WorkerMailer(const WorkerMailer&) = delete;
  WorkerMailer& operator=(const WorkerMailer&) = delete;

  void start();
  void stop();  // waits for the mail under way; idempotent
  // For Projector::on_committed: looks at once when somebody is owed a mail.
  void observe(const journal::Accepted& accepted);

  MailCounters counters() const;

 private:
  void run();
  void look();
  void refresh();
  bool is_woken();
  void give_up_old();
  void send(const MailQueue::Next& next);
  bool record(const MailQueue::Next& next, std::int64_t requests, domain::MailFate fate);
  ports::Mail mail_to(const domain::Worker& worker, domain::WorkerMail which) const;
  void say(const domain::WorkerId& worker, domain::WorkerMail which, const std::string& what) const;

  const Waiting waiting_;
  const Find find_;
  const LinkOf link_of_;
  const Submit submit_;
  ports::Mailer& mailer_;
  journal::Clock& clock_;
  journal::Randomness& randomness_;
  const journal::Duties& duties_;
  const WorkerMailerOptions options_;
  MailQueue queue_;  // the thread's own

  std::atomic<std::uint64_t> sent_{0}, refused_{0}, undeliverable_{0}, failed_{0}, server_failed_{0},
      queued_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace groundtruth::workers
