// Objects in memory: what was read of them is counted, and the store can be made to break.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "workers/ports/blob_store.hpp"

namespace groundtruth::workers::testing {

class MemoryBlobStore : public ports::BlobStore {
 public:
  void put(const ports::BlobSpec& spec, std::string_view content) override {
    objects_[spec.key] = {spec, std::string(content)};
    objects_[spec.key].spec.bytes = content.size();
  }
  std::optional<ports::BlobSpec> find(std::string_view key) override {
    const auto found = objects_.find(std::string(key));
    if (found == objects_.end()) return std::nullopt;
    return found->second.spec;
  }
  std::string read(std::string_view key, std::uint64_t offset, std::size_t max_bytes) override {
    if (reads_until_broken == 0) throw ports::BlobStoreError("the store is away");
    --reads_until_broken;
    const auto found = objects_.find(std::string(key));
    if (found == objects_.end()) throw ports::BlobStoreError("there is no object " + std::string(key));
    if (offset >= found->second.content.size()) return {};
    std::string part = found->second.content.substr(offset, max_bytes);
    read_bytes += part.size();
    return part;
  }
  void remove(std::string_view key) override { objects_.erase(std::string(key)); }

  ports::SignedUpload sign_upload(const ports::BlobSpec&, domain::Timestamp,
                                  std::chrono::seconds) const override {
    return {};
  }
  std::string sign_download(std::string_view, domain::Timestamp, std::chrono::seconds) const override {
    return {};
  }

  std::uint64_t read_bytes = 0;
  std::uint64_t reads_until_broken = ~std::uint64_t{0};

 private:
  struct Object {
    ports::BlobSpec spec;
    std::string content;
  };
  std::map<std::string, Object> objects_;
};

}  // namespace groundtruth::workers::testing
