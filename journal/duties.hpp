// Which partitions this process is to work on. A process that is alone has all of them; several on one Kafka
// share them out by a consumer group (journal/kafka/group_member.hpp).
//
// It is a hint that keeps work from being done twice, never a lock: for a while two may both believe that a
// partition is theirs, or nobody. What must happen once is settled by the chain.
#pragma once

#include <atomic>
#include <bitset>
#include <functional>
#include <utility>
#include <vector>

#include "journal/position.hpp"

namespace groundtruth::journal {

using PartitionSet = std::bitset<kPartitionTotal>;  // by index_of

class Duties {
 public:
  virtual ~Duties() = default;
  virtual bool has(Partition partition) const = 0;  // any thread, at once
  // Called with all that this process has now, after each change and once at the start, on any thread, never
  // on two at once; must not block. Registered before `start`.
  virtual void on_change(std::function<void(const PartitionSet&)> changed) = 0;
  virtual void start() = 0;
  // Gives everything up, so that others get it at once and not after a time-out. Idempotent; `has` is false
  // afterwards, and nothing is called any more once it has returned.
  virtual void leave() = 0;
};

// A process that is alone.
class AllDuties final : public Duties {
 public:
  bool has(Partition) const override { return !left_; }
  void on_change(std::function<void(const PartitionSet&)> changed) override {
    changed_.push_back(std::move(changed));
  }
  void start() override {
    for (const auto& changed : changed_) changed(PartitionSet().set());
  }
  void leave() override { left_ = true; }

 private:
  std::atomic<bool> left_{false};
  std::vector<std::function<void(const PartitionSet&)>> changed_;
};

}  // namespace groundtruth::journal
