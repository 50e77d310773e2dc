// See lease_gate.hpp.
#include "api/worker/lease_gate.hpp"

#include <utility>

namespace groundtruth::api::worker {

LeaseGate::Place::Place(LeaseGate& gate, std::string worker, domain::AssignmentId assignment)
    : gate_(gate), worker_(std::move(worker)) {
  const auto now = gate_.clock_.steady();
  const std::lock_guard lock(gate_.mutex_);
  gate_.forget_old(now);
  auto& entries = gate_.workers_[worker_];
  for (const auto& each : entries)
    if (each.assignment != assignment) others_.push_back({each.assignment, each.lease});
  entries.push_back({std::move(assignment), 0, std::chrono::steady_clock::time_point::max()});
  entry_ = std::prev(entries.end());
}

LeaseGate::Place::~Place() {
  if (kept_) return;
  const std::lock_guard lock(gate_.mutex_);
  const auto found = gate_.workers_.find(worker_);
  found->second.erase(entry_);
  if (found->second.empty()) gate_.workers_.erase(found);
}

void LeaseGate::Place::keep(std::uint32_t lease) {
  const std::lock_guard lock(gate_.mutex_);
  kept_ = true;
  entry_->lease = lease;
  entry_->until = gate_.clock_.steady() + kForgetAfter;
  gate_.kept_.emplace_back(entry_->until, worker_);
}

std::size_t LeaseGate::size() const {
  const std::lock_guard lock(mutex_);
  return workers_.size();
}

// With the mutex held. Each entry that was kept is named once in `kept_`, and taken away when that comes up.
void LeaseGate::forget_old(std::chrono::steady_clock::time_point now) {
  for (; !kept_.empty() && kept_.front().first <= now; kept_.pop_front()) {
    const auto found = workers_.find(kept_.front().second);
    if (found == workers_.end()) continue;
    std::erase_if(found->second, [now](const Entry& entry) { return entry.until <= now; });
    if (found->second.empty()) workers_.erase(found);
  }
}

}  // namespace groundtruth::api::worker
