// See journal_budget.hpp.
#include "api/common/journal_budget.hpp"

#include <algorithm>

#include "api/common/rate_limiter.hpp"

namespace groundtruth::api {
namespace {

constexpr std::chrono::minutes kSlice{30};  // of which kSlices are a day
// A record holds the request and, besides, about this much of ids and names; what follows from it as much
// again.
constexpr std::uint64_t kRecordBytes = 2'048;
constexpr std::uint64_t kFollowingBytes = 1'024;

}  // namespace

JournalBudget::JournalBudget(JournalBudgetOptions options, const journal::Clock& clock)
    : options_(std::move(options)), clock_(clock) {
  static_assert(kSlice * kSlices == std::chrono::hours(24));
}

JournalBudget::Share& JournalBudget::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  budget_ = std::exchange(other.budget_, nullptr);
  subject_ = std::move(other.subject_);
  bytes_ = other.bytes_;
  return *this;
}

void JournalBudget::Share::give_back() {
  if (auto* budget = std::exchange(budget_, nullptr)) budget->change(subject_, bytes_, 0);
}

// What another node wrote for us, and what may have been written, counts as it was estimated.
void JournalBudget::Share::settle(const journal::Answer& answer) {
  auto* budget = std::exchange(budget_, nullptr);
  if (budget == nullptr) return;
  const bool may_be_there =
      answer.kind == journal::AnswerKind::unknown || (answer.commit && !answer.replayed);
  std::uint64_t kept = may_be_there ? bytes_ : 0;
  if (may_be_there && answer.appended_bytes > 0) kept = answer.appended_bytes + kFollowingBytes;
  budget->change(subject_, bytes_, kept);
}

std::uint64_t JournalBudget::limit_of(const journal::Actor& actor) const {
  if (actor.kind == journal::ActorKind::system) return options_.address_bytes;
  if (actor.kind == journal::ActorKind::worker) return options_.worker_bytes;
  const auto own = options_.accounts.find(actor.account);
  return own == options_.accounts.end() ? options_.account_bytes : own->second;
}

JournalBudget::Taken JournalBudget::take(const journal::Actor& actor, std::string_view remote_address,
                                         std::size_t body_bytes) {
  Taken taken;
  if (!options_.enforced) return taken;
  const bool is_anonymous = actor.kind == journal::ActorKind::system;
  std::string subject = is_anonymous ? address_subject(remote_address) : actor.account;
  // A proof brings media, which the journal does not hold.
  const std::uint64_t bytes =
      std::min<std::uint64_t>(body_bytes, journal::kMaxCommitBytes) + kRecordBytes + kFollowingBytes;
  const std::uint64_t limit = limit_of(actor);
  const std::lock_guard lock(mutex_);
  Window& window = window_of(subject, slice_now());
  if (window.total + bytes > limit) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    taken.refused_for = wait_for(window, bytes, limit);
    return taken;
  }
  window.total += bytes;
  window.bytes[static_cast<std::size_t>(window.slice) % kSlices] += bytes;
  taken.share.budget_ = this;
  taken.share.subject_ = std::move(subject);
  taken.share.bytes_ = bytes;
  return taken;
}

std::int64_t JournalBudget::slice_now() const {
  return clock_.steady().time_since_epoch() / kSlice;
}

JournalBudget::Window& JournalBudget::window_of(const std::string& subject, std::int64_t slice) {
  if (const auto known = by_subject_.find(subject); known != by_subject_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
  } else {
    if (recent_.size() >= options_.max_subjects) {
      by_subject_.erase(recent_.back().subject);
      recent_.pop_back();
    }
    recent_.push_front(Window{subject, slice, 0, {}});
    by_subject_.emplace(recent_.front().subject, recent_.begin());
  }
  Window& window = recent_.front();
  const auto passed = std::min<std::int64_t>(slice - window.slice, kSlices);
  for (std::int64_t i = 1; i <= passed; ++i) {
    auto& old = window.bytes[static_cast<std::size_t>(window.slice + i) % kSlices];
    window.total -= std::exchange(old, 0);
  }
  window.slice = std::max(window.slice, slice);
  return window;
}

// Until so many slices are over that the rest leaves room.
std::chrono::seconds JournalBudget::wait_for(const Window& window, std::uint64_t bytes,
                                             std::uint64_t limit) const {
  std::uint64_t left = window.total;
  std::int64_t slices = 0;
  while (slices < static_cast<std::int64_t>(kSlices) && left + bytes > limit) {
    ++slices;
    left -= window.bytes[static_cast<std::size_t>(window.slice + slices) % kSlices];
  }
  return std::chrono::duration_cast<std::chrono::seconds>(std::max<std::int64_t>(slices, 1) * kSlice);
}

std::uint64_t JournalBudget::used(const std::string& subject) const {
  const std::lock_guard lock(mutex_);
  const auto known = by_subject_.find(subject);
  if (known == by_subject_.end()) return 0;
  const Window& window = *known->second;
  const auto passed = std::min<std::int64_t>(slice_now() - window.slice, kSlices);
  std::uint64_t used = window.total;
  for (std::int64_t i = 1; i <= passed; ++i)
    used -= window.bytes[static_cast<std::size_t>(window.slice + i) % kSlices];
  return used;
}

// By the time of a change the window may be forgotten, or the slice in which bytes were taken over: then
// there is nothing to give back there, and the newest one takes the difference.
void JournalBudget::change(const std::string& subject, std::uint64_t taken, std::uint64_t kept) {
  const std::lock_guard lock(mutex_);
  const auto known = by_subject_.find(subject);
  if (known == by_subject_.end()) return;
  Window& window = *known->second;
  auto& newest = window.bytes[static_cast<std::size_t>(window.slice) % kSlices];
  if (kept >= taken) {
    newest += kept - taken;
    window.total += kept - taken;
  } else {
    const std::uint64_t back = std::min(taken - kept, newest);
    newest -= back;
    window.total -= back;
  }
}

}  // namespace groundtruth::api
