// The journal's SQLite file: one append-only table for each partition, written in whole groups.
//
// Threads: one at a time; SqliteJournal brings the lock. Errors: sqlite::Error, and std::runtime_error for
// what a person has to mend, with how.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "journal/journal.hpp"
#include "journal/sqlite/db.hpp"

namespace groundtruth::journal {

// A file without the tables of a journal, as an interrupted first start leaves it.
struct UnfinishedJournal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class LogFile {
 public:
  enum class Absent : std::uint8_t { refuse, create };

  // Returns only after everything that a killed process left in the write-ahead log is synced into the file,
  // and the names of both are on disk. Throws UnfinishedJournal where it would have to be made first.
  LogFile(const std::filesystem::path& file, Absent absent, int page_bytes, const std::string& vfs);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  struct Extent {
    std::uint64_t start = 0;
    std::uint64_t end = 0;  // one after the last
  };
  Extent extent(Partition partition);

  struct Row {
    Partition partition;
    std::uint64_t offset = 0;
    const std::string* value = nullptr;
  };
  // All rows or none, synced. After an Error that is_full() none is there or will come; after any other
  // nothing is known.
  void write(const std::vector<Row>& rows, domain::Timestamp at);

  // Rows of [from, end) in order.
  std::vector<Record> read(Partition partition, std::uint64_t from, std::uint64_t end,
                           std::size_t max_records, std::size_t max_bytes);

  std::size_t wal_pages() const { return wal_pages_; }
  void checkpoint();           // moves the write-ahead log's pages into the file
  void checkpoint_truncate();  // and empties it; throws when that cannot be done completely
  void probe_room();           // throws an Error that is_full() while the disk is

 private:
  void make_tables();
  void check_identity();

  sqlite::Connection db_;
  std::vector<sqlite::Statement> inserts_;
  std::vector<sqlite::Statement> selects_;
  std::size_t wal_pages_ = 0;
};

}  // namespace groundtruth::journal
