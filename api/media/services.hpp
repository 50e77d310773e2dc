// What the handlers of media work with.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "api/common/work_pool.hpp"
#include "api/http/message.hpp"
#include "journal/ports.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::api::media {

struct Options {
  std::size_t max_upload_bytes = 512 * 1024 * 1024;
  std::size_t max_uploads = 64;  // at once, each with some 256 KiB of memory; one more is answered by 503
  std::size_t max_downloads = 1'024;  // at once, each with an open file; one more is answered by 503
  unsigned threads = 2;               // that hash and write
  // For how long after the end of its URL an upload that began in time may be going on. Whoever clears away
  // what nobody names waits longer.
  std::chrono::milliseconds late_upload{1'800'000};
};

// Lives longer than the server that calls its surface; `blobs` and `clock` longer than it.
struct Services {
  // Whether the object may be seen by who holds a URL for it that was signed at that time: a right to see may
  // end before its URL does.
  using MayRead = std::function<bool(const std::string& key, domain::Timestamp signed_at)>;

  Services(ports::ServedBlobs& served, const journal::Clock& wall_clock, Options settings = {},
           MayRead may = nullptr)
      : blobs(served),
        clock(wall_clock),
        options(settings),
        may_read(std::move(may)),
        pool({settings.threads, 2 * settings.max_uploads}) {}

  ports::ServedBlobs& blobs;
  const journal::Clock& clock;
  const Options options;
  const MayRead may_read;                 // nullptr: always
  std::atomic<std::size_t> uploads{0};    // running
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
