// Opening, trusting and closing a projection's file (contract in file.hpp).
#include "projections/file.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

#include "journal/durable_file.hpp"

namespace groundtruth::projections {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnTables = R"sql(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE checkpoints(
    partition INTEGER PRIMARY KEY,  -- index_of(partition)
    offset INTEGER NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL);
)sql";

// 4 MiB: what is moved at once takes a few milliseconds, and the log's pages are still in the caches.
constexpr int kLongLogPages = 500;

int remember_log_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

// Set beside a file that turned out corrupt while it served: the next start moves it aside.
fs::path suspect_marker(const fs::path& file) {
  return file.string() + ".suspect";
}

// Changes with every start of the machine. Where there is none, every file is trusted.
std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id.empty() ? "unknown" : id;
}

void set_meta(sqlite::Connection& connection, std::string_view name, std::string_view value) {
  auto statement = connection.cached("INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)");
  statement.bind_text(1, name).bind_text(2, value).run();
}

std::string get_meta(sqlite::Connection& connection, std::string_view name) {
  auto statement = connection.cached("SELECT value FROM meta WHERE name = ?1");
  statement.bind_text(1, name);
  return statement.step() ? std::string(statement.text(0)) : std::string();
}

// What was written while nothing was synced, too.
void sync_file(sqlite::Connection& connection) {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(connection.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK && file != nullptr && file->pMethods != nullptr)
    code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) connection.fail(code, "cannot be synced");
}

// Only what is no database of ours; a lack of room or permission is no reason to throw a file away.
struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Untrusted : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The UUID of the journal that a read model is of. Throws Unreadable.
std::string named_journal(sqlite::Connection& db) {
  if (db.query_int64("SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'checkpoints')") != 2)
    throw Unreadable("it is a database, but no read model");
  auto journal = get_meta(db, "journal");
  if (journal.empty()) throw Unreadable("it does not name the journal that it belongs to");
  return journal;
}

// Throws Unreadable and Untrusted.
void check_content(sqlite::Connection& db, const Definition& definition) {
  if (get_meta(db, "projection") != definition.name ||
      get_meta(db, "version") != std::to_string(definition.version))
    throw Unreadable("it holds " + get_meta(db, "projection") + " version " + get_meta(db, "version"));
  const auto in_use = get_meta(db, "in_use");
  if (!in_use.empty() && in_use != boot_id()) throw Untrusted("was in use when the machine went down");
}

void move_aside(const fs::path& file, std::string_view why, const Log& log) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const fs::path aside = file.string() + ".corrupt-" + std::to_string(now);
  fs::rename(file, aside);
  remove_database(file);
  log(file.string() + " cannot be read (" + std::string(why) + "); it was moved to " + aside.string() +
      " and is rebuilt from the journal");
}

}  // namespace

std::optional<std::string> journal_of(const fs::path& file, const Definition& definition) {
  if (!fs::exists(file) || fs::exists(suspect_marker(file))) return std::nullopt;
  try {
    sqlite::OpenOptions options;
    options.mode = sqlite::OpenMode::read_only;
    sqlite::Connection db(file, options);
    auto journal = named_journal(db);
    check_content(db, definition);
    return journal;
  } catch (const Unreadable&) {
    return std::nullopt;
  } catch (const Untrusted&) {
    return std::nullopt;
  } catch (const sqlite::Error& error) {
    if (error.is_corrupt()) return std::nullopt;
    throw;
  }
}

void mark_suspect(const fs::path& file, const Log& log) noexcept {
  try {
    journal::leave_marker(suspect_marker(file), "\n");
  } catch (const std::exception& error) {
    log(file.string() + " is not to be trusted, and that could not be noted: " + error.what());
  }
}

void remove_log(const fs::path& file) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) fs::remove(file.string() + suffix);
}

void remove_database(const fs::path& file) {
  remove_log(file);
  fs::remove(file);
  fs::remove(suspect_marker(file));
}

void remove_leftovers(const fs::path& file, const std::string& projection, const Log& log) {
  const std::string own = file.filename().string(), family = projection + ".v";
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(file.parent_path())) {
    const auto name = entry.path().filename().string();
    const bool in_use = name == own || name == own + "-wal" || name == own + "-shm";
    if (name.starts_with(family) && !in_use && name.find(kBuildExtension) == std::string::npos)
      leftovers.push_back(entry.path());
  }
  for (const auto& leftover : leftovers) {
    fs::remove(leftover);
    log(leftover.string() + " was deleted: an account was erased, and it may still have held its data");
  }
}

Checkpoints read_checkpoints(sqlite::Connection& connection) {
  Checkpoints checkpoints{};
  auto statement = connection.cached("SELECT partition, offset, seq, id FROM checkpoints");
  while (statement.step()) {
    const auto index = static_cast<std::size_t>(statement.int64(0));
    const auto id = statement.blob(3);
    if (index >= checkpoints.size() || id.size() != sizeof(journal::CommitId::bytes))
      throw std::runtime_error(connection.file().string() + ": a checkpoint cannot be read");
    auto& checkpoint = checkpoints[index];
    checkpoint.exists = true;
    checkpoint.offset = static_cast<std::uint64_t>(statement.int64(1));
    checkpoint.seq = static_cast<std::uint64_t>(statement.int64(2));
    std::memcpy(checkpoint.id.bytes.data(), id.data(), id.size());
  }
  return checkpoints;
}

ProjectionFile::ProjectionFile(fs::path file, const Definition& definition, const std::string& journal_uuid,
                               Mode mode, const Log& log)
    : file_(std::move(file)), definition_(definition), mode_(mode), log_(log) {
  if (mode_ == Mode::build) remove_database(file_);
  if (fs::exists(suspect_marker(file_)) && fs::exists(file_))
    move_aside(file_, "it turned out corrupt, or could not be written, while it served", log);
  try {
    open(journal_uuid);
  } catch (const Unreadable& why) {
    connection_.reset();
    move_aside(file_, why.what(), log);
    open(journal_uuid);
  } catch (const Untrusted& why) {
    connection_.reset();
    log(file_.string() + " " + why.what() + "; it is rebuilt from the journal");
    remove_database(file_);
    open(journal_uuid);
  }
}

void ProjectionFile::open(const std::string& journal_uuid) {
  bool is_new = false;
  try {
    sqlite::OpenOptions options;
    options.mode = sqlite::OpenMode::create;
    options.busy_timeout_ms = 200;  // how long emptying the log waits for readers
    connection_ = std::make_unique<sqlite::Connection>(file_, options);
    auto& db = *connection_;
    // Debian's SQLite zeroes freed bytes by default; it costs, and only personal data is worth it.
    db.exec(definition_.personal ? "PRAGMA secure_delete = ON" : "PRAGMA secure_delete = OFF");
    db.exec("PRAGMA temp_store = MEMORY");
    db.exec("PRAGMA page_size = 8192");  // of a new file
    if (mode_ == Mode::live) {
      sqlite::use_write_ahead_log(db);
      db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA journal_size_limit = 67108864;");
      sqlite3_wal_hook(db.handle(), remember_log_pages,
                       &log_pages_);  // in the place of SQLite's own, which checkpoints
    } else {
      db.exec(
          "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
          "PRAGMA cache_size = -131072;");
    }
    is_new = db.query_int64("SELECT count(*) FROM sqlite_master") == 0;
    if (is_new) {
      sqlite::Transaction transaction(db);
      db.exec(kOwnTables);
      db.exec(definition_.schema);
      if (mode_ == Mode::live) db.exec(definition_.indexes);
      set_meta(db, "journal", journal_uuid);
      set_meta(db, "projection", definition_.name);
      set_meta(db, "version", std::to_string(definition_.version));
      set_meta(db, "in_use", boot_id());
      transaction.commit();
    } else {
      // First of all: a file of another journal is nobody's to move or delete.
      if (const auto journal = named_journal(db); journal != journal_uuid)
        throw std::runtime_error(file_.string() + " belongs to journal " + journal + ", and this one is " +
                                 journal_uuid + ": the data directories were mixed up. Nothing was changed");
      check_content(db, definition_);
      set_meta(db, "in_use", boot_id());
    }
    // From here on nothing is synced, so the mark that says so must be in the file itself before.
    if (mode_ == Mode::live) {
      if (!sqlite::empty_log(db))
        throw std::runtime_error(file_.string() + ": another program reads it; end that one first");
      sync_file(db);
      db.exec("PRAGMA synchronous = OFF");
    }
  } catch (const sqlite::Error& error) {
    if (error.is_corrupt()) throw Unreadable(error.what());
    // The kernel tells once that what it had taken is lost; what it shows from then on may be anything.
    if (error.is_lost() && !is_new)
      throw Untrusted("could not be written (" + std::string(error.what()) + ")");
    throw;
  }
}

ProjectionFile::~ProjectionFile() {
  close();
}

ProjectionFile::Closed ProjectionFile::close() {
  if (mode_ != Mode::live || !connection_) {
    connection_.reset();
    return Closed::in_order;
  }
  auto closed = Closed::with_log;
  std::string why;
  try {
    // The order matters: content first, then the mark that vouches for it.
    auto& db = *connection_;
    db.exec("PRAGMA synchronous = FULL");
    if (!db.in_transaction() && sqlite::empty_log(db)) {
      sync_file(db);
      set_meta(db, "in_use", "");
      if (sqlite::empty_log(db)) closed = Closed::in_order;
    }
  } catch (const sqlite::Error& error) {
    // Without the mark the file is merely not trusted after a crash of the machine. But after a failed write
    // or sync the kernel may show what the disk does not have, and forget it any time.
    if (error.is_lost()) closed = Closed::lost;
    why = error.what();
  } catch (const std::exception&) {
  }
  connection_.reset();
  if (closed == Closed::lost) forget(why);
  return closed;
}

void ProjectionFile::forget(const std::string& why) noexcept {
  try {
    log_(file_.string() + " could not be closed in order (" + why +
         "); it is deleted, and the next start builds it from the journal");
    remove_database(file_);
  } catch (const std::exception& error) {
    log_(error.what());
    mark_suspect(file_, log_);
  }
}

void ProjectionFile::write_checkpoint(journal::Partition partition, const journal::Checkpoint& checkpoint) {
  auto statement = connection_->cached(
      "INSERT INTO checkpoints(partition, offset, seq, id) VALUES(?1, ?2, ?3, ?4) "
      "ON CONFLICT(partition) DO UPDATE SET offset = ?2, seq = ?3, id = ?4");
  statement.bind(1, static_cast<std::int64_t>(journal::index_of(partition)))
      .bind(2, static_cast<std::int64_t>(checkpoint.offset))
      .bind(3, static_cast<std::int64_t>(checkpoint.seq))
      .bind_blob(4, {reinterpret_cast<const char*>(checkpoint.id.bytes.data()), checkpoint.id.bytes.size()})
      .run();
}

void ProjectionFile::shorten_log() {
  if (log_pages_ < kLongLogPages) return;
  log_pages_ = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(connection_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK) connection_->fail(code, "its log cannot be moved into it");
}

bool ProjectionFile::empty_log() {
  return sqlite::empty_log(*connection_);
}

void ProjectionFile::make_indexes() {
  connection_->exec(definition_.indexes);
}

void ProjectionFile::finish_build() {
  connection_.reset();
}

}  // namespace groundtruth::projections
