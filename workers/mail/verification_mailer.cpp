// See verification_mailer.hpp.
#include "workers/mail/verification_mailer.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <set>

namespace groundtruth::workers {
namespace {

journal::Partition partition_of(const domain::WorkerId& worker) {
  return journal::partition_of(journal::Topic::workers,
                               domain::bucket_of(worker.value).value_or(domain::Bucket{}));
}

}  // namespace

VerificationMailer::VerificationMailer(Unmailed unmailed, AwaitsMail awaits_mail, LinkOf link_of,
                                       Submit submit, ports::Mailer& mailer, journal::Clock& clock,
                                       journal::Randomness& randomness, const journal::Duties& duties,
                                       VerificationMailerOptions options)
    : unmailed_(std::move(unmailed)),
      awaits_mail_(std::move(awaits_mail)),
      link_of_(std::move(link_of)),
      submit_(std::move(submit)),
      mailer_(mailer),
      clock_(clock),
      randomness_(randomness),
      duties_(duties),
      options_(std::move(options)) {}

VerificationMailer::~VerificationMailer() {
  stop();
}

void VerificationMailer::start() {
  thread_ = std::thread([this] { run(); });
}

void VerificationMailer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void VerificationMailer::observe(const journal::Accepted& accepted) {
  if (!accepted.commit || accepted.commit->find<domain::WorkerRegistered>() == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

void VerificationMailer::run() {
  for (;;) {
    try {
      look();
    } catch (const std::exception& failure) {
      options_.log(std::string("mails to be sent cannot be read: ") + failure.what());
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.interval, [this] { return stopping_ || woken_; });
    if (stopping_) return;
    woken_ = false;
  }
}

// Until nobody is left who can be served now. Those who failed, and those of others, stay in the read models'
// list, at its front once they are many, so it is asked for more than them.
void VerificationMailer::look() {
  std::size_t others = 0;
  for (bool again = true; again;) {
    const auto limit = options_.batch + static_cast<std::uint32_t>(failures_.size() + others);
    auto workers = unmailed_(limit);
    const bool is_all = workers.size() < limit;
    const auto passed = std::erase_if(
        workers, [this](const domain::Worker& worker) { return !duties_.has(partition_of(worker.id)); });
    again = !is_all && passed > others;
    others = passed;
    if (is_all) {  // whoever else failed needs no mail any more, or none of ours
      std::set<domain::WorkerId> waiting;
      for (const auto& worker : workers) waiting.insert(worker.id);
      std::erase_if(failures_, [&](const auto& failure) { return !waiting.contains(failure.first); });
    }
    for (const auto& worker : workers) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
      }
      const auto failed = failures_.find(worker.id);
      if (failed != failures_.end() && clock_.steady() < failed->second.again) continue;
      if (!awaits_mail_(worker.id)) continue;
      send(worker);
      again = again || !failures_.contains(worker.id);
    }
  }
}

void VerificationMailer::send(const domain::Worker& worker) {
  const auto result = mailer_.send(mail_to(worker));
  const bool settled = result.outcome != ports::MailOutcome::failed;
  if (settled && record(worker.id, result.outcome == ports::MailOutcome::sent)) {
    failures_.erase(worker.id);
    return;
  }
  auto& failure = failures_[worker.id];
  failure.delay =
      failure.delay.count() == 0 ? options_.first_retry : std::min(failure.delay * 2, options_.last_retry);
  failure.again = clock_.steady() + failure.delay;
  options_.log("the verification mail of " + worker.id.value + " is tried again in " +
               std::to_string(failure.delay.count() / 1'000) +
               " s: " + (settled ? "the journal did not take it" : result.reason));
}

bool VerificationMailer::record(const domain::WorkerId& worker, bool delivered) {
  const auto partition = partition_of(worker);
  auto answer = std::make_shared<std::promise<bool>>();
  auto taken = answer->get_future();
  journal::Submission submission;
  submission.id = domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{partition.number},
                                                    randomness_.bits());
  submission.partition = partition;
  submission.actor = {journal::ActorKind::system, "mail", worker.value};
  submission.command = domain::RecordVerificationMail{worker, delivered};
  submission.deadline = clock_.steady() + options_.patience;
  submission.done = [answer](const journal::Answer& given) {
    answer->set_value(given.kind == journal::AnswerKind::accepted ||
                      given.kind == journal::AnswerKind::rejected);
  };
  submit_(std::move(submission));
  return taken.get();
}

ports::Mail VerificationMailer::mail_to(const domain::Worker& worker) const {
  const domain::Timestamp expires{
      clock_.now().ms +
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.link_lifetime).count()};
  ports::Mail mail;
  mail.id = "verify-" + worker.id.value;
  mail.to = worker.email;
  mail.subject = "Verify your e-mail address";
  // Nothing of what was entered with the address stands here: anybody may enter anybody's.
  mail.text = "Hello,\n\nopen this link to verify your e-mail address and start working:\n\n" +
              link_of_(worker.id, expires) +
              "\n\nIt is good for a week. If you did not register, ignore this mail.\n";
  return mail;
}

}  // namespace groundtruth::workers
