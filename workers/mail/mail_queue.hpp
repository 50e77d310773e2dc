// Which mail is tried next. Pure: no clock, no I/O.
//
//   New mail first, the newest before all: what was never tried goes before what failed, so that no number of
//   mails that fail, or take their time, holds up the one that was just asked for.
//   Back-off by domain: where a mail to a domain fails, all that failed there wait, longer each time; a new
//   mail to it waits a minute at most. One that is taken ends the domain's back-off.
//   Back-off of the mail server: where it cannot be reached, or takes nothing, what was tried waits. A new
//   mail is tried all the same: perhaps the server failed because of another one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "projections/workers/queries.hpp"

namespace groundtruth::workers {

struct MailQueueOptions {
  std::chrono::milliseconds first_retry{5'000};  // doubled after each failure, of a mail and of a domain
  std::chrono::milliseconds last_retry{3'600'000};
  std::chrono::milliseconds new_mail_pause{60'000};  // a domain that fails gets new mail this often at least
  std::chrono::milliseconds last_server_retry{300'000};
};

// One thread at a time. Holds what `keep` was given last, some 300 bytes each.
class MailQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Key = std::pair<domain::WorkerId, domain::WorkerMail>;

  explicit MailQueue(MailQueueOptions options) : options_(options) {}

  // What waits to be sent now. `domain_of` is asked for those that are new; nullopt: nobody's any more. A
  // mail that was asked for anew is new.
  template <class DomainOf>
  void keep(const std::vector<projections::WaitingMail>& waiting, const DomainOf& domain_of) {
    std::map<Key, Entry> kept;
    for (const auto& mail : waiting) {
      const Key key{mail.worker, mail.mail};
      const auto known = entries_.find(key);
      if (known != entries_.end() && known->second.requested_at == mail.requested_at) {
        kept.insert(entries_.extract(known));
        continue;
      }
      if (std::optional<std::string> domain = domain_of(mail.worker))
        kept.emplace(key, Entry{std::move(*domain), mail.requested_at, 0, {}, {}});
    }
    entries_ = std::move(kept);
    forget_idle_domains();
  }

  struct Next {
    domain::WorkerId worker;
    domain::WorkerMail mail{};
    domain::Timestamp requested_at;
  };
  std::optional<Next> next(TimePoint now) const;

  // What became of the one that `next` gave. Each but `sent` and `gone` returns when it may be tried again.
  void sent(const Next& mail);  // also: refused for good
  void gone(const Next& mail);  // nobody needs it any more; says nothing of its domain
  std::chrono::milliseconds failed(const Next& mail, TimePoint now);  // the server did not take it
  std::chrono::milliseconds not_recorded(const Next& mail,
                                         TimePoint now);  // taken, and the journal does not know
  std::chrono::milliseconds server_failed(const Next& mail, TimePoint now);  // it could not even be offered

  bool was_tried(const Next& mail) const;
  std::size_t size() const { return entries_.size(); }
  std::vector<Next> all() const;

 private:
  struct Entry {
    std::string domain;
    domain::Timestamp requested_at;
    std::uint32_t tries = 0;
    TimePoint again;
    std::chrono::milliseconds delay{};
  };
  struct Domain {
    TimePoint again;      // for what failed
    TimePoint again_new;  // for what is new
    std::chrono::milliseconds delay{};
  };

  std::chrono::milliseconds put_off(Entry& entry, TimePoint now, std::chrono::milliseconds most) const;
  std::chrono::milliseconds doubled(std::chrono::milliseconds delay, std::chrono::milliseconds most) const;
  void forget_idle_domains();

  const MailQueueOptions options_;
  std::map<Key, Entry> entries_;
  std::map<std::string, Domain> domains_;  // those with entries
  TimePoint server_again_;
  std::chrono::milliseconds server_delay_{};
};

}  // namespace groundtruth::workers
