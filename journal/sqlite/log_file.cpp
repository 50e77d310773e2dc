// The journal's SQLite file (contract in log_file.hpp).
#include "journal/sqlite/log_file.hpp"

#include <sqlite3.h>

namespace groundtruth::journal {
namespace {

constexpr std::int64_t kApplicationId = 0x67746a31;  // "gtj1"
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kProbeBytes = 64 * 1024;

std::string table_of(Partition partition) {
  return std::string(to_string(partition.topic)) + "_" + std::to_string(partition.number);
}

sqlite::Connection connect(const std::filesystem::path& file, LogFile::Absent absent,
                           const std::string& vfs) {
  const bool create = absent == LogFile::Absent::create;
  if (!create && !std::filesystem::exists(file))
    throw std::runtime_error(file.string() + ": no journal here; `groundtruth journal init` makes one");
  return {file, {create ? sqlite::OpenMode::create : sqlite::OpenMode::read_write, 0, vfs}};
}

int remember_wal_pages(void* pages, sqlite3*, const char*, int count) {
  *static_cast<std::size_t*>(pages) = static_cast<std::size_t>(count);
  return SQLITE_OK;
}

}  // namespace

LogFile::LogFile(const std::filesystem::path& file, Absent absent, int page_bytes, const std::string& vfs)
    : db_(connect(file, absent, vfs)) {
  try {
    // Exclusive before the first access: the index of the write-ahead log then lives in this process's memory
    // and no other process can open the file at all.
    db_.exec("PRAGMA locking_mode = EXCLUSIVE");
    // The tables come in one transaction, but SQLite writes the file's header before that.
    const bool empty = db_.query_int64("SELECT count(*) FROM sqlite_schema") == 0;
    if (empty && absent == Absent::refuse)
      throw UnfinishedJournal(file.string() +
                              ": the journal was never finished; run `groundtruth journal init`");
    if (empty) db_.exec("PRAGMA page_size = " + std::to_string(page_bytes));
    sqlite::use_synced_log(db_);
    db_.exec("PRAGMA cell_size_check = ON; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY");
    sqlite3_wal_hook(db_.handle(), remember_wal_pages, &wal_pages_);
    // Frames of a killed process may be readable and yet not on disk.
    checkpoint_truncate();
    if (empty) make_tables();
    check_identity();
    for (std::size_t i = 0; i < kPartitionTotal; ++i) {
      const auto table = table_of(partition_at(i));
      inserts_.push_back(db_.prepare("INSERT INTO " + table + " (offset, at, value) VALUES (?, ?, ?)"));
      selects_.push_back(db_.prepare("SELECT offset, at, value FROM " + table +
                                     " WHERE offset >= ? AND offset < ? ORDER BY offset LIMIT ?"));
    }
  } catch (const sqlite::Error& error) {
    if (!error.is_busy()) throw;
    throw std::runtime_error(file.string() + ": another process has this journal open; stop it first");
  }
}

void LogFile::make_tables() {
  sqlite::Transaction transaction(db_);
  for (std::size_t i = 0; i < kPartitionTotal; ++i)
    db_.exec("CREATE TABLE " + table_of(partition_at(i)) +
             " (offset INTEGER PRIMARY KEY, at INTEGER NOT NULL, value BLOB NOT NULL) STRICT");
  db_.exec("CREATE TABLE probe (id INTEGER PRIMARY KEY, room BLOB NOT NULL) STRICT");
  db_.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
  db_.exec("PRAGMA user_version = " + std::to_string(kFormat));
  transaction.commit();
  checkpoint_truncate();
}

void LogFile::check_identity() {
  if (db_.query_int64("PRAGMA application_id") != kApplicationId)
    throw std::runtime_error(db_.file().string() + ": a database, but not a groundtruth journal");
  const auto format = db_.query_int64("PRAGMA user_version");
  if (format != kFormat)
    throw std::runtime_error(db_.file().string() + ": a journal of file format " + std::to_string(format) +
                             "; this program knows " + std::to_string(kFormat));
}

LogFile::Extent LogFile::extent(Partition partition) {
  const auto table = table_of(partition);
  auto ends =
      db_.prepare("SELECT (SELECT min(offset) FROM " + table + "), (SELECT max(offset) FROM " + table + ")");
  if (!ends.step() || ends.is_null(0)) return {};
  return {static_cast<std::uint64_t>(ends.int64(0)), static_cast<std::uint64_t>(ends.int64(1)) + 1};
}

void LogFile::write(const std::vector<Row>& rows, domain::Timestamp at) {
  sqlite::Transaction transaction(db_);
  try {
    for (const auto& row : rows) {
      inserts_[index_of(row.partition)]
          .bind(1, static_cast<std::int64_t>(row.offset))
          .bind(2, at.ms)
          .bind_blob_ref(3, *row.value)
          .run();
    }
    transaction.commit();
  } catch (const sqlite::Error&) {
    transaction.rollback();  // a failure here replaces the error: then nothing is certain any more
    throw;
  }
}

std::vector<Record> LogFile::read(Partition partition, std::uint64_t from, std::uint64_t end,
                                  std::size_t max_records, std::size_t max_bytes) {
  std::vector<Record> out;
  auto& select = selects_[index_of(partition)];
  struct Reset {
    sqlite::Statement& statement;
    ~Reset() { statement.reset(); }
  } const reset{select};
  constexpr std::size_t kMost = INT64_MAX;
  select.bind(1, static_cast<std::int64_t>(from))
      .bind(2, static_cast<std::int64_t>(end))
      .bind(3, static_cast<std::int64_t>(std::min(max_records, kMost)));
  std::size_t bytes = 0;
  while (select.step()) {
    const auto value = select.blob(2);
    bytes += value.size();
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back({static_cast<std::uint64_t>(select.int64(0)), std::make_shared<const std::string>(value),
                   domain::Timestamp{select.int64(1)}});
  }
  return out;
}

void LogFile::checkpoint() {
  int pages = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(db_.handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
  if (code != SQLITE_OK) db_.fail(code, "cannot checkpoint the write-ahead log");
  if (pages == moved) wal_pages_ = 0;  // the next transaction starts it over
}

void LogFile::checkpoint_truncate() {
  const int code =
      sqlite3_wal_checkpoint_v2(db_.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) db_.fail(code, "cannot move the write-ahead log into the file");
  wal_pages_ = 0;
}

void LogFile::probe_room() {
  checkpoint();  // may need room itself, and makes some in the write-ahead log
  sqlite::Transaction transaction(db_);
  try {
    db_.cached("INSERT OR REPLACE INTO probe (id, room) VALUES (1, zeroblob(?))")
        .bind(1, static_cast<std::int64_t>(kProbeBytes))
        .run();
    transaction.commit();
  } catch (const sqlite::Error&) {
    transaction.rollback();
    throw;
  }
}

}  // namespace groundtruth::journal
