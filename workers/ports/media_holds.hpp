// Who is at work on an assignment's media: proofs that look at it, or the collector that clears some of it
// away. Never both, so that what a proof has found is still there when its submission names it.
//
// It holds for this process. Several processes on one store would need to agree on it in the journal.
//
// Threads: any. A hold may be let go on another thread than it was taken on, but not after the MediaHolds.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "domain/ids.hpp"

namespace groundtruth::ports {

class MediaHolds {
 public:
  // Lets go when it is destroyed.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : holds_(std::exchange(other.holds_, nullptr)), id_(std::move(other.id_)) {}
    Hold& operator=(Hold&&) = delete;
    Hold(const Hold&) = delete;
    ~Hold() {
      if (holds_ != nullptr) holds_->let_go(id_);
    }

   private:
    friend class MediaHolds;
    Hold(MediaHolds& holds, const domain::AssignmentId& id) : holds_(&holds), id_(id.value) {}
    MediaHolds* holds_;
    std::string id_;
  };

  // For a proof, from before it reads the assignment until its command is answered. nullopt: some of the
  // media is being cleared away at this moment.
  std::optional<Hold> use(const domain::AssignmentId& id) { return take(id, false); }
  // For the collector. nullopt: there are proofs.
  std::optional<Hold> clear(const domain::AssignmentId& id) { return take(id, true); }

 private:
  struct Holders {
    std::size_t count = 0;
    bool clearing = false;
  };

  std::optional<Hold> take(const domain::AssignmentId& id, bool clearing) {
    const std::lock_guard lock(mutex_);
    const auto found = holders_.find(id.value);
    if (found != holders_.end() && (clearing || found->second.clearing)) return std::nullopt;
    auto& holders = holders_[id.value];
    ++holders.count;
    holders.clearing = clearing;
    return Hold(*this, id);
  }
  void let_go(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = holders_.find(id);
    if (--found->second.count == 0) holders_.erase(found);
  }

  std::mutex mutex_;
  std::unordered_map<std::string, Holders> holders_;  // no more than there are holds
};

}  // namespace groundtruth::ports
