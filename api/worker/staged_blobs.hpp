// The blob store as it would be with some objects more: what comes within a proof is looked at here before
// any of it is stored, so that a refused proof leaves nothing behind.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::api::worker {

// Used by one thread at a time. What is put must outlive it: only a view is kept.
class StagedBlobs final : public ports::BlobStore {
 public:
  explicit StagedBlobs(ports::BlobStore& store) : store_(store) {}

  std::vector<ports::BlobSpec> staged() const {
    std::vector<ports::BlobSpec> specs;
    for (const auto& [key, object] : staged_) specs.push_back(object.first);
    return specs;
  }
  // Puts what is staged into the store itself.
  void store() {
    for (const auto& [key, object] : staged_) store_.put(object.first, object.second);
  }

  // The same, where it is one object and the store need not block for it (BlobStore::put_aside).
  bool store_aside(const Done& done) {
    if (staged_.size() != 1) return false;
    const auto& [spec, content] = staged_.begin()->second;
    return store_.put_aside(spec, content, done);
  }

  void put(const ports::BlobSpec& spec, std::string_view content) override {
    staged_.insert_or_assign(spec.key, std::pair(spec, content));
  }
  std::optional<ports::BlobSpec> find(std::string_view key) override {
    const auto found = staged_.find(key);
    return found == staged_.end() ? store_.find(key) : found->second.first;
  }
  std::string read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) override {
    const auto found = staged_.find(key);
    if (found == staged_.end()) return store_.read(key, offset, max_bytes);
    const std::string_view content = found->second.second;
    return offset < content.size() ? std::string(content.substr(offset, max_bytes)) : std::string();
  }
  void remove(std::string_view key) override {
    const auto found = staged_.find(key);
    if (found != staged_.end()) staged_.erase(found);
  }
  ports::SignedUpload sign_upload(const ports::BlobSpec& spec, domain::Timestamp now,
                                  std::chrono::seconds valid) const override {
    return store_.sign_upload(spec, now, valid);
  }
  std::string sign_download(std::string_view key, domain::Timestamp now,
                            std::chrono::seconds valid) const override {
    return store_.sign_download(key, now, valid);
  }

 private:
  ports::BlobStore& store_;
  std::map<std::string, std::pair<ports::BlobSpec, std::string_view>, std::less<>> staged_;
};

}  // namespace groundtruth::api::worker
