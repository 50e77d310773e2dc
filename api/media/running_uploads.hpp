// Which uploads are running: one at a time for an object, so many for one worker, so many in all. What an
// upload has brought so far is gone at once when the lease ends that it belongs to.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "workers/ports/served_blobs.hpp"

namespace groundtruth::api::media {

// What the handler and the pool's threads pass to each other. `mutex` is held while the writer works, so that
// whoever ends the upload meanwhile waits for one piece at most.
struct Upload {
  explicit Upload(ports::BlobSpec signed_spec) : spec(std::move(signed_spec)) {}
  const ports::BlobSpec spec;
  std::string piece;
  std::mutex mutex;
  std::unique_ptr<ports::BlobWriter> writer;
  bool is_over = false;  // the lease has ended, or the handler is gone

  void end();  // removes what was written
};

struct UploadLimits {
  std::size_t all = 64;       // each with some 256 KiB of memory
  std::size_t of_worker = 8;  // as many as one proof names
};

// Thread-safe. Outlives its places.
class RunningUploads {
 public:
  explicit RunningUploads(UploadLimits limits) : limits_(limits) {}

  enum class Taken : std::uint8_t { yes, object_is_busy, worker_is_busy, all_are_busy };

  // Held for as long as the upload runs.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();

   private:
    friend class RunningUploads;
    RunningUploads* uploads_ = nullptr;
    std::string key_;
  };

  // `worker`: whose uploads are counted together.
  Taken take(const std::shared_ptr<Upload>& upload, const std::string& worker, Place& place);

  // All whose key begins so, hence all of an assignment ("asg_…/").
  void end_all(std::string_view key_prefix);

 private:
  struct Running {
    std::weak_ptr<Upload> upload;
    std::string worker;
  };
  void give_back(const std::string& key);

  const UploadLimits limits_;
  std::mutex mutex_;
  std::unordered_map<std::string, Running> by_key_;
  std::unordered_map<std::string, std::size_t> of_worker_;
};

}  // namespace groundtruth::api::media
