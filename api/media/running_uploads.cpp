// See running_uploads.hpp.
#include "api/media/running_uploads.hpp"

#include <utility>
#include <vector>

namespace groundtruth::api::media {

void Upload::end() {
  const std::lock_guard lock(mutex);
  is_over = true;
  writer.reset();
}

RunningUploads::Place::Place(Place&& other) noexcept
    : uploads_(std::exchange(other.uploads_, nullptr)), key_(std::move(other.key_)) {}

RunningUploads::Place& RunningUploads::Place::operator=(Place&& other) noexcept {
  std::swap(uploads_, other.uploads_);
  std::swap(key_, other.key_);
  return *this;
}

RunningUploads::Place::~Place() {
  if (uploads_ != nullptr) uploads_->give_back(key_);
}

RunningUploads::Taken RunningUploads::take(const std::shared_ptr<Upload>& upload, const std::string& worker,
                                           Place& place) {
  const std::lock_guard lock(mutex_);
  const std::string& key = upload->spec.key;
  if (by_key_.contains(key)) return Taken::object_is_busy;
  const auto running = of_worker_.find(worker);
  if (running != of_worker_.end() && running->second >= limits_.of_worker) return Taken::worker_is_busy;
  if (by_key_.size() >= limits_.all) return Taken::all_are_busy;
  by_key_.emplace(key, Running{upload, worker});
  ++of_worker_[worker];
  place.uploads_ = this;
  place.key_ = key;
  return Taken::yes;
}

void RunningUploads::end_all(std::string_view key_prefix) {
  std::vector<std::shared_ptr<Upload>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, running] : by_key_) {
      if (!key.starts_with(key_prefix)) continue;
      if (auto upload = running.upload.lock()) ended.push_back(std::move(upload));
    }
  }
  for (const auto& upload : ended) upload->end();
}

void RunningUploads::give_back(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const auto running = of_worker_.find(found->second.worker);
  if (--running->second == 0) of_worker_.erase(running);
  by_key_.erase(found);
}

}  // namespace groundtruth::api::media
