// How many unpaid tasks an organization may have at a time: they cost it nothing, and their texts stay in the
// journal for ever. Those that the read models have are counted there, and those on their way here, so
// requests in parallel cannot pass the bound together. Several nodes may pass it by what each has on its way.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "domain/ids.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api::groundtruth {

struct UnpaidTasksOptions {
  std::uint64_t max_tasks = 1'000;
  bool enforced = true;
};

// Thread-safe. Outlives its places.
class UnpaidTasks {
 public:
  explicit UnpaidTasks(UnpaidTasksOptions options) : options_(options) {}

  // A task on its way. Destroyed unsettled, it gives its place back.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept
        : tasks_(std::exchange(other.tasks_, nullptr)), account_(std::move(other.account_)) {}
    Place& operator=(Place&&) = delete;
    ~Place();
    explicit operator bool() const { return tasks_ != nullptr; }
    void take_over(Place& other) {  // by one that holds nothing
      tasks_ = std::exchange(other.tasks_, nullptr);
      account_ = std::move(other.account_);
    }
    // Until the read models have its commit it is counted here; where it made none, no longer.
    void settle(const journal::Answer& answer);

   private:
    friend class UnpaidTasks;
    Place(UnpaidTasks* tasks, std::string account) : tasks_(tasks), account_(std::move(account)) {}
    UnpaidTasks* tasks_ = nullptr;
    std::string account_;
  };

  bool enforced() const { return options_.enforced; }
  std::uint64_t newest(const domain::AccountId& account);  // position that was settled here; 0: none
  // `stored` is how many the read models have, which hold the account's chain up to `seen_seq` at least.
  // Holds nothing where there is no room.
  Place take(const domain::AccountId& account, std::uint64_t stored, std::uint64_t seen_seq);

 private:
  struct OnTheWay {
    std::uint64_t unanswered = 0;
    std::vector<std::uint64_t> answered;  // positions that the read models may not have yet
  };
  void end(const std::string& account, std::uint64_t seq);  // 0: without a commit

  const UnpaidTasksOptions options_;
  std::mutex mutex_;
  std::unordered_map<std::string, OnTheWay> accounts_;
};

}  // namespace groundtruth::api::groundtruth
