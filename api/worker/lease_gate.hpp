// How many leases a worker has that read models may not show yet: those that are being decided, and those
// that were just granted. So many requests at once take no more places than one after the other.
//
// Of this process: another one knows of a lease once its read models have it, some milliseconds later.
// Memory: an entry for each lease taken within kForgetAfter. Thread-safe.
#pragma once

#include <chrono>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "domain/assignment.hpp"
#include "journal/ports.hpp"

namespace groundtruth::api::worker {

class LeaseGate {
  struct Entry {
    domain::AssignmentId assignment;
    std::uint32_t lease = 0;  // 0 while it is not known
    std::chrono::steady_clock::time_point until;
  };
  using Entries = std::list<Entry>;

 public:
  // By then the read models have what they will ever have of it.
  static constexpr std::chrono::seconds kForgetAfter{60};

  explicit LeaseGate(const journal::Clock& clock) : clock_(clock) {}

  struct Other {
    domain::AssignmentId assignment;
    std::uint32_t lease = 0;
  };

  // One request's: it counts until it is gone, or, once kept, until the read models have it.
  class Place {
   public:
    Place(LeaseGate& gate, std::string worker, domain::AssignmentId assignment);
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();
    // Of other tasks.
    const std::vector<Other>& others() const { return others_; }
    void keep(std::uint32_t lease);  // 0: perhaps it was granted

   private:
    LeaseGate& gate_;
    const std::string worker_;
    Entries::iterator entry_;
    bool kept_ = false;
    std::vector<Other> others_;
  };

  std::size_t size() const;  // workers with entries

 private:
  void forget_old(std::chrono::steady_clock::time_point now);

  const journal::Clock& clock_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entries> workers_;
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> kept_;  // by time
};

}  // namespace groundtruth::api::worker
