// See small_blobs.hpp.
#include "workers/adapters/small_blobs.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <future>
#include <system_error>
#include <utility>

#include "workers/adapters/blob_file.hpp"

namespace groundtruth::adapters {
namespace {

constexpr std::int64_t kApplicationId = 0x67744D65;  // "gtMe"
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kCheckpointBytes = 16 << 20;
constexpr std::size_t kMaxGroup = 256;
constexpr std::size_t kMaxWaiting = 1'024;  // of those that nobody blocks for; each may hold a whole request

class SmallBlob final : public ports::OpenBlob {
 public:
  SmallBlob(ports::BlobSpec spec, std::string content)
      : spec_(std::move(spec)), content_(std::move(content)) {}
  const ports::BlobSpec& spec() const override { return spec_; }
  void read(std::uint64_t offset, std::size_t bytes, std::string& out) const override {
    if (offset > content_.size() || bytes > content_.size() - offset)
      throw ports::BlobStoreError(spec_.key + ": cut short");
    out.append(content_, static_cast<std::size_t>(offset), bytes);
  }

 private:
  const ports::BlobSpec spec_;
  const std::string content_;
};

sqlite::Connection open_file(const std::filesystem::path& file) {
  if (FileDescriptor(file, O_RDWR | O_CREAT).get() < 0)  // its owner's alone, and what SQLite puts beside it
    throw ports::BlobStoreError(file.string() +
                                ": cannot open it: " + std::generic_category().message(errno));
  sqlite::configure_library();
  return sqlite::Connection(file, {.mode = sqlite::OpenMode::create, .busy_timeout_ms = 0, .vfs = {}});
}

}  // namespace

SmallBlobs::SmallBlobs(const std::filesystem::path& file, Fatal fatal) try
    : db_(open_file(file)), fatal_(std::move(fatal)) {
  db_.exec("PRAGMA locking_mode = EXCLUSIVE");
  sqlite::use_synced_log(db_);
  db_.exec(
      "PRAGMA cell_size_check = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -8000;"
      "PRAGMA temp_store = MEMORY");
  // Frames of a killed process may be readable and yet not on disk.
  checkpoint();
  const auto id = db_.query_int64("PRAGMA application_id");
  if (id == 0) {
    sqlite::Transaction transaction(db_);
    db_.exec(
        "CREATE TABLE objects (key TEXT PRIMARY KEY, content_type TEXT NOT NULL, sha256 TEXT NOT NULL, "
        "content BLOB NOT NULL) STRICT, WITHOUT ROWID");
    db_.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    db_.exec("PRAGMA user_version = " + std::to_string(kFormat));
    transaction.commit();
    checkpoint();
  } else if (id != kApplicationId || db_.query_int64("PRAGMA user_version") != kFormat) {
    throw ports::BlobStoreError(file.string() + ": not the small objects of a media folder of this version");
  }
  writer_ = std::thread([this] { write_what_comes(); });
} catch (const ports::BlobStoreError&) {
  throw;
} catch (const std::runtime_error& error) {
  throw ports::BlobStoreError(error.what());
}

SmallBlobs::~SmallBlobs() {
  {
    const std::lock_guard lock(queue_mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

void SmallBlobs::put(const ports::BlobSpec& spec, std::string_view content) {
  std::promise<std::string> outcome;
  {
    const std::lock_guard lock(queue_mutex_);
    enqueue({&spec, content, [&](std::string error) { outcome.set_value(std::move(error)); }});
  }
  const std::string error = outcome.get_future().get();
  if (!error.empty()) throw ports::BlobStoreError(error);
}

bool SmallBlobs::put_aside(const ports::BlobSpec& spec, std::string_view content,
                           ports::BlobStore::Done done) {
  const std::lock_guard lock(queue_mutex_);
  if (waiting_.size() >= kMaxWaiting) return false;
  enqueue({&spec, content, std::move(done)});
  return true;
}

void SmallBlobs::enqueue(Put put) {
  waiting_.push_back(std::move(put));
  changed_.notify_one();
}

void SmallBlobs::write_what_comes() {
  std::vector<Put> group;
  while (true) {
    group.clear();
    {
      std::unique_lock lock(queue_mutex_);
      changed_.wait(lock, [&] { return ends_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      while (!waiting_.empty() && group.size() < kMaxGroup) {
        group.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    const std::string error = write(group);
    for (const Put& put : group) put.done(error);
  }
}

std::string SmallBlobs::write(const std::vector<Put>& group) {
  const std::lock_guard lock(file_mutex_);
  if (!broken_.empty()) return broken_;
  try {
    sqlite::Transaction transaction(db_);
    for (const Put& put : group)
      db_.cached("INSERT OR REPLACE INTO objects (key, content_type, sha256, content) VALUES (?, ?, ?, ?)")
          .bind_text(1, put.spec->key)
          .bind_text(2, put.spec->content_type)
          .bind_text(3, put.spec->sha256)
          .bind_blob_ref(4, put.content)
          .run();
    transaction.commit();
    for (const Put& put : group) logged_bytes_ += put.content.size();
  } catch (const sqlite::Error& error) {
    return failed(error);
  } catch (const std::exception& error) {
    return error.what();
  }
  shorten_log();
  return broken_;
}

// What was committed is durable in the log. Where the file has no room for it, that is tried again after the
// next write.
void SmallBlobs::shorten_log() {
  if (logged_bytes_ < kCheckpointBytes) return;
  try {
    checkpoint();
  } catch (const sqlite::Error& error) {
    failed(error);
  } catch (const ports::BlobStoreError&) {
  }
}

// What the caller is told.
std::string SmallBlobs::failed(const sqlite::Error& error) {
  if (!error.is_lost()) return error.what();
  broken_ = error.what();
  if (!fatal_) std::abort();
  fatal_("small media: " + broken_);
  return broken_;
}

std::unique_ptr<ports::OpenBlob> SmallBlobs::open(std::string_view key) try {
  const std::lock_guard lock(file_mutex_);
  auto found = db_.cached("SELECT content_type, sha256, content FROM objects WHERE key = ?");
  if (!found.bind_text(1, key).step()) return nullptr;
  std::string content(found.blob(2));
  ports::BlobSpec spec{std::string(key), std::string(found.text(0)), content.size(),
                       std::string(found.text(1))};
  return std::make_unique<SmallBlob>(std::move(spec), std::move(content));
} catch (const sqlite::Error& error) {
  throw ports::BlobStoreError(error.what());
}

void SmallBlobs::remove(std::string_view key) {
  const std::lock_guard lock(file_mutex_);
  if (!broken_.empty()) throw ports::BlobStoreError(broken_);
  try {
    db_.cached("DELETE FROM objects WHERE key = ?").bind_text(1, key).run();
    // Its bytes still stand in the write-ahead log otherwise, perhaps since a call that found no room.
    if (db_.changes() > 0) log_holds_removed_ = true;
    if (log_holds_removed_) checkpoint();
  } catch (const sqlite::Error& error) {
    throw ports::BlobStoreError(failed(error));
  }
}

void SmallBlobs::checkpoint() {
  if (!sqlite::empty_log(db_))
    throw ports::BlobStoreError(db_.file().string() + ": cannot move the write-ahead log into the file");
  logged_bytes_ = 0;
  log_holds_removed_ = false;
}

}  // namespace groundtruth::adapters
