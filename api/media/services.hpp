// What the handlers of media work with.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "api/common/work_pool.hpp"
#include "api/http/message.hpp"
#include "api/media/running_uploads.hpp"
#include "journal/ports.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::api::media {

struct Options {
  std::size_t max_upload_bytes = 512 * 1024 * 1024;
  UploadLimits uploads;               // at once; one more is answered by 503, of one worker by 429
  std::size_t max_downloads = 1'024;  // at once, each with an open file; one more is answered by 503
  unsigned threads = 2;               // that hash and write
  // For how long after the end of its URL an upload that began in time may be going on. Whoever clears away
  // what nobody names waits longer.
  std::chrono::milliseconds late_upload{1'800'000};
};

// Whether a lease may still bring something, as this node's read models have it.
enum class LeaseState : std::uint8_t {
  unknown,  // they have not heard of it yet
  held,
  over,  // it has ended, or its proof was handed in: only what is there already may come again
};
struct LeaseFacts {
  LeaseState state = LeaseState::unknown;
  std::string worker;  // "" where unknown
};
// Of the lease that an object belongs to, by its key.
using FindLease = std::function<LeaseFacts(const std::string& key)>;

// Lives longer than the server that calls its surface; `blobs` and `clock` longer than it.
struct Services {
  // Whether the object may be seen by who holds a URL for it that was signed at that time: a right to see may
  // end before its URL does.
  using MayRead = std::function<bool(const std::string& key, domain::Timestamp signed_at)>;

  Services(
      ports::ServedBlobs& served, const journal::Clock& wall_clock, Options settings = {},
      FindLease find = [](const std::string&) { return LeaseFacts{}; }, MayRead may = nullptr)
      : blobs(served),
        clock(wall_clock),
        options(settings),
        find_lease(std::move(find)),
        may_read(std::move(may)),
        uploads(settings.uploads),
        pool({settings.threads, 2 * settings.uploads.all}) {}

  ports::ServedBlobs& blobs;
  const journal::Clock& clock;
  const Options options;
  const FindLease find_lease;
  const MayRead may_read;  // nullptr: always
  RunningUploads uploads;
  std::atomic<std::size_t> downloads{0};  // running
  // Hashing and writing an upload goes here piece by piece, as each costs an I/O thread's other connections a
  // millisecond at best and, when the kernel wants dirty pages written first, seconds; so does the final
  // sync. An upload has at most one piece and its end here at a time, so the queue cannot fill up.
  WorkPool pool;
};

// The key that a path names: an id of ours and 64 hex digits. nullopt: a shape that no object has.
std::optional<std::string> key_of(const http::Request& request);

http::Response no_such_object();
http::Response refuse_signature(ports::Signature signature);  // not `valid`

}  // namespace groundtruth::api::media
