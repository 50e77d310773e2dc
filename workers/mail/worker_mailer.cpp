// See worker_mailer.hpp.
#include "workers/mail/worker_mailer.hpp"

#include <algorithm>
#include <future>
#include <memory>

namespace groundtruth::workers {
namespace {

using domain::MailFate;
using domain::WorkerMail;

journal::Partition partition_of(const domain::WorkerId& worker) {
  return journal::partition_of(journal::Topic::workers,
                               domain::bucket_of(worker.value).value_or(domain::Bucket{}));
}

std::string domain_of(const std::string& email) {
  return email.substr(std::min(email.rfind('@'), email.size() - 1) + 1);
}

bool is_owed(const domain::Worker& worker, const MailQueue::Next& next) {
  const auto& mail = worker.mail(next.mail);
  return mail.state == domain::MailState::waiting && mail.requested_at == next.requested_at;
}

std::string_view name_of(WorkerMail which) {
  return which == WorkerMail::verification ? "verification" : "password";
}

// Servers quote addresses in what they say; logs hold none.
std::string without_address(std::string text, const std::string& address) {
  constexpr std::string_view instead = "(address)";
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b);
  };
  for (std::size_t from = 0; !address.empty();) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(from);
    const auto found = std::search(begin, text.end(), address.begin(), address.end(), same);
    if (found == text.end()) break;
    const auto at = static_cast<std::size_t>(found - text.begin());
    text.replace(at, address.size(), instead);
    from = at + instead.size();
  }
  return text;
}

}  // namespace

WorkerMailer::WorkerMailer(Waiting waiting, Find find, LinkOf link_of, Submit submit, ports::Mailer& mailer,
                           journal::Clock& clock, journal::Randomness& randomness,
                           const journal::Duties& duties, WorkerMailerOptions options)
    : waiting_(std::move(waiting)),
      find_(std::move(find)),
      link_of_(std::move(link_of)),
      submit_(std::move(submit)),
      mailer_(mailer),
      clock_(clock),
      randomness_(randomness),
      duties_(duties),
      options_(std::move(options)),
      queue_(options_.queue) {}

WorkerMailer::~WorkerMailer() {
  stop();
}

void WorkerMailer::start() {
  thread_ = std::thread([this] { run(); });
}

void WorkerMailer::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void WorkerMailer::observe(const journal::Accepted& accepted) {
  if (!accepted.commit || (accepted.commit->find<domain::WorkerRegistered>() == nullptr &&
                           accepted.commit->find<domain::WorkerMailRequested>() == nullptr))
    return;
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

MailCounters WorkerMailer::counters() const {
  return {sent_, refused_, undeliverable_, failed_, server_failed_, queued_};
}

void WorkerMailer::run() {
  for (;;) {
    try {
      look();
    } catch (const std::exception& failure) {
      options_.log(std::string("mails to be sent cannot be read: ") + failure.what());
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, options_.interval, [this] { return stopping_ || woken_; });
    if (stopping_) return;
  }
}

bool WorkerMailer::is_woken() {
  const std::lock_guard lock(mutex_);
  return std::exchange(woken_, false);
}

// Until nothing is left that may be tried now. Whoever is owed one meanwhile is looked at before the next is
// chosen.
void WorkerMailer::look() {
  is_woken();
  refresh();
  give_up_old();
  while (const auto next = queue_.next(clock_.steady())) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    send(*next);
    queued_ = queue_.size();
    if (is_woken()) refresh();
  }
}

void WorkerMailer::refresh() {
  auto waiting = waiting_(options_.max_waiting);
  std::erase_if(waiting, [this](const auto& mail) { return !duties_.has(partition_of(mail.worker)); });
  queue_.keep(waiting, [this](const domain::WorkerId& id) -> std::optional<std::string> {
    const auto worker = find_(id);
    if (!worker || worker->email.empty()) return std::nullopt;
    return domain_of(worker->email);
  });
  queued_ = queue_.size();
}

// What was tried, and is too old to be tried on.
void WorkerMailer::give_up_old() {
  const std::int64_t now = clock_.now().ms;
  for (const auto& mail : queue_.all()) {
    const auto most = mail.mail == WorkerMail::verification
                          ? options_.give_up
                          : std::min(options_.give_up, options_.give_up_reset);
    if (now - mail.requested_at.ms < most.count() || !queue_.was_tried(mail)) continue;
    const auto worker = find_(mail.worker);
    if (worker && is_owed(*worker, mail)) {
      if (!record(mail, worker->mail(mail.mail).requests, MailFate::undeliverable)) continue;
      ++undeliverable_;
      say(mail.worker, mail.mail,
          "is given up: it was tried for " + std::to_string(most.count() / 3'600'000) +
              " hours; they can ask for another");
    }
    queue_.gone(mail);
  }
  queued_ = queue_.size();
}

void WorkerMailer::send(const MailQueue::Next& next) {
  const auto worker = find_(next.worker);
  if (!worker || !is_owed(*worker, next)) {
    queue_.gone(next);
    return;
  }
  const auto result = mailer_.send(mail_to(*worker, next.mail));
  const auto reason = without_address(result.reason, worker->email);
  const auto again_in = [](std::chrono::milliseconds delay) {
    return "is tried again in " + std::to_string(delay.count() / 1'000) + " s: ";
  };
  switch (result.outcome) {
    case ports::MailOutcome::sent:
    case ports::MailOutcome::refused: {
      const bool is_sent = result.outcome == ports::MailOutcome::sent;
      if (!record(next, worker->mail(next.mail).requests, is_sent ? MailFate::sent : MailFate::refused)) {
        const auto delay = queue_.not_recorded(next, clock_.steady());
        say(next.worker, next.mail, again_in(delay) + "the journal did not accept the record of it");
        return;
      }
      queue_.sent(next);
      ++(is_sent ? sent_ : refused_);
      if (!is_sent) say(next.worker, next.mail, "is refused for good; they can ask for another: " + reason);
      return;
    }
    case ports::MailOutcome::failed: {
      ++failed_;
      const auto delay = queue_.failed(next, clock_.steady());
      say(next.worker, next.mail, again_in(delay) + reason);
      return;
    }
    case ports::MailOutcome::server_failed: {
      ++server_failed_;
      const auto delay = queue_.server_failed(next, clock_.steady());
      options_.log("the mail server is tried again in " + std::to_string(delay.count() / 1'000) +
                   " s: " + reason);
      return;
    }
  }
}

bool WorkerMailer::record(const MailQueue::Next& next, std::int64_t requests, MailFate fate) {
  const auto partition = partition_of(next.worker);
  auto answer = std::make_shared<std::promise<bool>>();
  auto taken = answer->get_future();
  journal::Submission submission;
  submission.id = domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{partition.number},
                                                    randomness_.bits());
  submission.partition = partition;
  submission.actor = {journal::ActorKind::system, "mail", next.worker.value};
  submission.command = domain::SettleWorkerMail{next.worker, next.mail, requests, fate};
  submission.deadline = clock_.steady() + options_.patience;
  submission.done = [answer](const journal::Answer& given) {
    answer->set_value(given.kind == journal::AnswerKind::accepted ||
                      given.kind == journal::AnswerKind::rejected);
  };
  submit_(std::move(submission));
  return taken.get();
}

// Nothing of what was entered with the address stands in a mail: anybody may enter anybody's.
ports::Mail WorkerMailer::mail_to(const domain::Worker& worker, WorkerMail which) const {
  const bool verifies = which == WorkerMail::verification;
  const auto lifetime = verifies ? options_.verification_lifetime : options_.reset_lifetime;
  const domain::Timestamp expires{clock_.now().ms +
                                  std::chrono::duration_cast<std::chrono::milliseconds>(lifetime).count()};
  const auto link = link_of_(worker, which, expires);
  ports::Mail mail;
  mail.to = worker.email;
  // The first one has the id of the worker alone; those that are asked for later are other mails.
  const auto requests = worker.mail(which).requests;
  mail.id = (verifies ? "verify-" : "reset-") + worker.id.value;
  if (requests > 1) mail.id += '-' + std::to_string(requests);
  if (verifies) {
    mail.subject = "Verify your e-mail address";
    mail.text =
        "Hello,\n\nopen this link and press the button there to verify your e-mail address and start "
        "working:\n\n" +
        link + "\n\nThe link is valid for a week. If you did not register, ignore this mail.\n";
  } else {
    mail.subject = "Choose a new password";
    mail.text =
        "Hello,\n\nsomebody asked for a new password for your account. Open this link to choose "
        "one:\n\n" +
        link +
        "\n\nIt is good for one hour, and for one change. If you did not ask for it, ignore this mail: "
        "your password stays as it is.\n";
  }
  return mail;
}

void WorkerMailer::say(const domain::WorkerId& worker, WorkerMail which, const std::string& what) const {
  options_.log("the " + std::string(name_of(which)) + " mail of " + worker.value + ' ' + what);
}

}  // namespace groundtruth::workers
