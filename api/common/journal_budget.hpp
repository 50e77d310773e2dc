// How many bytes of the journal, which keeps them for ever, somebody may fill in a day: an account, a worker,
// or the address of a caller without a credential. Rates alone do not bound that: a client within its rate
// would write gigabytes a day. In memory, as rates are: never journalled, and forgotten by a restart.
//
// Bytes are taken before a command is submitted and settled when its commit is known, so requests in parallel
// cannot pass the limit together. What follows from a command (its mail, its effect in another chain) is
// charged with it by a fixed figure.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "journal/ports.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api {

struct JournalBudgetOptions {
  std::uint64_t account_bytes = 256 * 1024 * 1024;  // a day, as the next two
  std::uint64_t worker_bytes = 16 * 1024 * 1024;
  std::uint64_t address_bytes = 16 * 1024 * 1024;
  std::map<std::string, std::uint64_t, std::less<>> accounts = {};  // those that have a budget of their own
  std::size_t max_subjects = 100'000;                               // the longest unseen is forgotten
  bool enforced = true;                                             // else nothing is counted
};

// Thread-safe. Outlives its shares.
class JournalBudget {
 public:
  JournalBudget(JournalBudgetOptions options, const journal::Clock& clock);

  // Bytes that were taken and not settled. Destroyed unsettled, it gives them back.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept;
    ~Share() { give_back(); }

    // Keeps what the command really wrote; nothing where it was refused unrecorded or answered from history.
    void settle(const journal::Answer& answer);

   private:
    friend class JournalBudget;
    void give_back();

    JournalBudget* budget_ = nullptr;
    std::string subject_;
    std::uint64_t bytes_ = 0;
  };
  struct Taken {
    Share share;
    std::chrono::seconds refused_for{0};  // above 0: there is no room until then
  };
  // `body_bytes` is the size of the request, of which the record is made.
  Taken take(const journal::Actor& actor, std::string_view remote_address, std::size_t body_bytes);

  // In the last day. `subject` is an account's or a worker's id.
  std::uint64_t used(const std::string& subject) const;
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSlices = 48;
  struct Window {
    std::string subject;
    std::int64_t slice = 0;  // the newest one, counted from the steady clock's beginning
    std::uint64_t total = 0;
    std::array<std::uint64_t, kSlices> bytes{};  // by slice number modulo kSlices
  };
  using Recent = std::list<Window>;  // most recently seen first

  std::uint64_t limit_of(const journal::Actor& actor) const;
  std::int64_t slice_now() const;
  Window& window_of(const std::string& subject, std::int64_t slice);
  std::chrono::seconds wait_for(const Window& window, std::uint64_t bytes, std::uint64_t limit) const;
  void change(const std::string& subject, std::uint64_t taken, std::uint64_t kept);

  const JournalBudgetOptions options_;
  const journal::Clock& clock_;
  std::atomic<std::uint64_t> refused_{0};
  mutable std::mutex mutex_;
  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_subject_;  // keys live in the list
};

}  // namespace groundtruth::api
