// The small objects of a folder store, as rows of one SQLite file: a file of its own, with a sync for it and
// one for its directory, costs far more than a few hundred bytes of content. Those who wait share a sync.
//
// Threads: any; `put` and `remove` return when it is durable. Errors: BlobStoreError. When the disk is full
// nothing is broken; after any other failed write nothing more is written until the next start, which looks
// at what the disk really has.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "journal/sqlite/db.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters {

class SmallBlobs {
 public:
  // Made where it is missing. One process may have it open.
  explicit SmallBlobs(const std::filesystem::path& file);

  void put(const ports::BlobSpec& spec, std::string_view content);  // they fit together: the caller checked
  std::unique_ptr<ports::OpenBlob> open(std::string_view key);      // nullptr: there is no such object
  void remove(std::string_view key);                                // idempotent; its bytes are overwritten

 private:
  struct Put {
    const ports::BlobSpec& spec;
    std::string_view content;
    enum class State : std::uint8_t { waits, leads, done } state = State::waits;
    std::string error;  // "" when it is durable
    std::condition_variable changed;
  };
  void write_for_all(std::unique_lock<std::mutex>& queue);
  std::string write(const std::deque<Put*>& group);
  void checkpoint();

  std::mutex queue_mutex_;  // of the next two, and of who waits
  std::deque<Put*> waiting_;
  bool is_writing_ = false;

  std::mutex file_mutex_;  // of all below
  sqlite::Connection db_;
  std::size_t wal_pages_ = 0;
  std::string broken_;
};

}  // namespace groundtruth::adapters
