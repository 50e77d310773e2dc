// See mail_queue.hpp.
#include "workers/mail/mail_queue.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace groundtruth::workers {

std::optional<MailQueue::Next> MailQueue::next(TimePoint now) const {
  using Rank = std::tuple<bool, TimePoint, std::int64_t>;  // the least one is next
  const Domain untouched;
  std::optional<Rank> best_rank;
  std::optional<Next> best;
  for (const auto& [key, entry] : entries_) {
    const auto found = domains_.find(entry.domain);
    const Domain& domain = found == domains_.end() ? untouched : found->second;
    const bool is_new = entry.tries == 0;
    const auto due = is_new ? domain.again_new : std::max({entry.again, domain.again, server_again_});
    if (now < due) continue;
    const Rank rank{!is_new, is_new ? TimePoint{} : entry.again, -entry.requested_at.ms};
    if (best_rank && *best_rank <= rank) continue;
    best_rank = rank;
    best = Next{key.first, key.second, entry.requested_at};
  }
  return best;
}

void MailQueue::sent(const Next& mail) {
  const auto entry = entries_.find({mail.worker, mail.mail});
  if (entry == entries_.end()) return;
  domains_.erase(entry->second.domain);
  server_delay_ = {};
  server_again_ = {};
  entries_.erase(entry);
}

void MailQueue::gone(const Next& mail) {
  entries_.erase({mail.worker, mail.mail});
}

std::chrono::milliseconds MailQueue::failed(const Next& mail, TimePoint now) {
  const auto found = entries_.find({mail.worker, mail.mail});
  if (found == entries_.end()) return {};
  Domain& domain = domains_[found->second.domain];
  domain.delay = doubled(domain.delay, options_.last_retry);
  domain.again = now + domain.delay;
  domain.again_new = now + std::min(domain.delay, options_.new_mail_pause);
  server_delay_ = {};
  server_again_ = {};
  return std::max(put_off(found->second, now, options_.last_retry), domain.delay);
}

std::chrono::milliseconds MailQueue::not_recorded(const Next& mail, TimePoint now) {
  const auto found = entries_.find({mail.worker, mail.mail});
  return found == entries_.end() ? std::chrono::milliseconds{}
                                 : put_off(found->second, now, options_.last_retry);
}

std::chrono::milliseconds MailQueue::server_failed(const Next& mail, TimePoint now) {
  server_delay_ = doubled(server_delay_, options_.last_server_retry);
  server_again_ = now + server_delay_;
  const auto found = entries_.find({mail.worker, mail.mail});
  if (found != entries_.end()) put_off(found->second, now, options_.last_server_retry);
  return server_delay_;
}

std::chrono::milliseconds MailQueue::put_off(Entry& entry, TimePoint now,
                                             std::chrono::milliseconds most) const {
  ++entry.tries;
  entry.delay = doubled(entry.delay, most);
  entry.again = now + entry.delay;
  return entry.delay;
}

bool MailQueue::was_tried(const Next& mail) const {
  const auto found = entries_.find({mail.worker, mail.mail});
  return found != entries_.end() && found->second.tries > 0;
}

std::vector<MailQueue::Next> MailQueue::all() const {
  std::vector<Next> mails;
  mails.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) mails.push_back({key.first, key.second, entry.requested_at});
  return mails;
}

std::chrono::milliseconds MailQueue::doubled(std::chrono::milliseconds delay,
                                             std::chrono::milliseconds most) const {
  return delay.count() == 0 ? options_.first_retry : std::min(delay * 2, most);
}

void MailQueue::forget_idle_domains() {
  std::set<std::string_view> needed;
  for (const auto& [key, entry] : entries_) needed.insert(entry.domain);
  std::erase_if(domains_, [&](const auto& domain) { return !needed.contains(domain.first); });
}

}  // namespace groundtruth::workers
