// Sends the mail with which a new worker shows that an address is theirs.
//
// Whose mail is to be sent stands in the read models until the journal holds what became of it, so nothing is
// kept here and a crash at any instant loses no mail. It may repeat one, under the same Message-ID. Workers
// of partitions that this process does not have are left to others. What the mail server refuses for good is
// recorded as such; what it cannot do now is tried again, later each time.
//
// Threads: one of its own, which the mail server may hold up; `wake` from any. Errors of the read models are
// logged and the look is repeated.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "domain/worker.hpp"
#include "journal/duties.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"
#include "journal/submission.hpp"
#include "workers/ports/mailer.hpp"

namespace groundtruth::workers {

struct VerificationMailerOptions {
  std::chrono::milliseconds interval{5'000};     // between looks, when nobody wakes it
  std::chrono::milliseconds first_retry{5'000};  // doubled after each failure
  std::chrono::milliseconds last_retry{3'600'000};
  std::chrono::hours link_lifetime{7 * 24};
  std::chrono::milliseconds patience{10'000};  // for the journal's answer
  std::uint32_t batch = 64;
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class VerificationMailer {
 public:
  using Unmailed =
      std::function<std::vector<domain::Worker>(std::uint32_t limit)>;  // WorkerQueries::unmailed
  // Whether it still is, asked right before each mail: the list grows old while a mail server takes its time.
  using AwaitsMail = std::function<bool(const domain::WorkerId& worker)>;  // WorkerQueries::awaits_mail
  using LinkOf = std::function<std::string(const domain::WorkerId& worker, domain::Timestamp expires_at)>;
  using Submit = std::function<void(journal::Submission)>;  // Node::submit
  // All that is given must outlive it.
  VerificationMailer(Unmailed unmailed, AwaitsMail awaits_mail, LinkOf link_of, Submit submit,
                     ports::Mailer& mailer, journal::Clock& clock, journal::Randomness& randomness,
                     const journal::Duties& duties, VerificationMailerOptions options);
  ~VerificationMailer();  // stop()
  VerificationMailer(const VerificationMailer&) = delete;
  VerificationMailer& operator=(const VerificationMailer&) = delete;

  void start();
  void stop();  // waits for the mail under way; idempotent
  // For Projector::on_committed: looks at once when somebody has registered.
  void observe(const journal::Accepted& accepted);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Failure {
    TimePoint again;
    std::chrono::milliseconds delay{};
  };

  void run();
  void look();
  void send(const domain::Worker& worker);
  bool record(const domain::WorkerId& worker, bool delivered);
  ports::Mail mail_to(const domain::Worker& worker) const;

  const Unmailed unmailed_;
  const AwaitsMail awaits_mail_;
  const LinkOf link_of_;
  const Submit submit_;
  ports::Mailer& mailer_;
  journal::Clock& clock_;
  journal::Randomness& randomness_;
  const journal::Duties& duties_;
  const VerificationMailerOptions options_;
  std::map<domain::WorkerId, Failure> failures_;  // the thread's own

  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace groundtruth::workers
