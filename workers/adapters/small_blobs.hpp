// The small objects of a folder store, as rows of one SQLite file: a file of its own, with a sync for it and
// one for its directory, costs far more than a few hundred bytes of content. A thread of its own writes them;
// what comes while it syncs shares the next one.
//
// Threads: any; `put` and `remove` return when it is durable. Errors: BlobStoreError. When the disk is full
// nothing is broken, and the next call tries again. Any other failed write or sync ends the process, as one
// of the journal's does: what this process believes of the file may not be what the disk has, while the next
// one moves the whole log into the file and syncs that before it serves. No marker is needed for it, since
// what was acknowledged stands in the log until a sync of the file has succeeded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "journal/sqlite/db.hpp"
#include "workers/ports/blob_store.hpp"
#include "workers/ports/served_blobs.hpp"

namespace groundtruth::adapters {

class SmallBlobs {
 public:
  // Told why, on any thread, when a write or sync has failed; must not return in production.
  using Fatal = std::function<void(const std::string&)>;

  // Made where it is missing. One process may have it open.
  SmallBlobs(const std::filesystem::path& file, Fatal fatal);

  ~SmallBlobs();  // once all is written

  void put(const ports::BlobSpec& spec, std::string_view content);  // they fit together: the caller checked
  // The same, told on the writing thread. Spec and content must live until then. False: too many wait
  // already.
  bool put_aside(const ports::BlobSpec& spec, std::string_view content, ports::BlobStore::Done done);
  std::unique_ptr<ports::OpenBlob> open(std::string_view key);  // nullptr: there is no such object
  void remove(std::string_view key);                            // idempotent; its bytes are overwritten

 private:
  struct Put {
    const ports::BlobSpec* spec;
    std::string_view content;
    ports::BlobStore::Done done;
  };
  void enqueue(Put put);  // with the queue's mutex held
  void write_what_comes();
  std::string write(const std::vector<Put>& group);
  void checkpoint();
  void shorten_log();
  std::string failed(const sqlite::Error& error);

  std::mutex queue_mutex_;  // of the next three
  std::condition_variable changed_;
  std::deque<Put> waiting_;
  bool ends_ = false;

  std::mutex file_mutex_;  // of all below
  sqlite::Connection db_;
  std::size_t logged_bytes_ = 0;    // of content, since the write-ahead log was emptied
  bool log_holds_removed_ = false;  // since then something was removed, whose bytes stand in the log
  std::string broken_;              // why nothing more is written, where `fatal` returned
  const Fatal fatal_;

  std::thread writer_;
};

}  // namespace groundtruth::adapters
