// SQLite's C handles as values: connection, prepared statement, transaction, and an error that names the
// file.
//
// Ownership: a Statement must be gone before its Connection. Threads: a Connection and all that comes from it
// may be used by one thread at a time; whoever shares one brings the lock. Errors: every function throws
// Error unless it says otherwise; destructors never throw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace groundtruth::sqlite {

class Error : public std::runtime_error {
 public:
  // `system_error` is the errno behind the code, 0 where there is none.
  Error(int code, std::filesystem::path file, const std::string& message, int system_error = 0);
  int code() const { return code_; }  // extended result code
  const std::filesystem::path& file() const { return file_; }
  bool is_full() const;     // no room, for this process or for all: nothing is broken
  bool is_busy() const;     // another process or connection holds the file
  bool is_corrupt() const;  // the content is not what SQLite wrote, or no database at all
  bool is_io() const;       // the operating system failed a read, write or sync, though there is room
  bool is_lost() const;     // is_io, of a write or sync: what the disk holds is not known any more

 private:
  int code_;
  int system_error_;
  std::filesystem::path file_;
};

// Settings of the library as a whole; every opening of a file calls it first, and only the first call in a
// process has an effect. SQLite counts its memory under a lock of its own unless told not to, and nobody here
// reads the count.
void configure_library();

enum class OpenMode : std::uint8_t {
  read_only,   // the file must exist
  read_write,  // the file must exist and be writable
  create,      // made when absent
};

struct OpenOptions {
  OpenMode mode = OpenMode::read_write;
  int busy_timeout_ms = 0;  // how long a statement waits for another process's lock
  std::string vfs;          // "" is the system's; tests name one that fails on demand
};

// SQL text that lives as long as the program, so that its address can name the prepared statement.
struct Sql {
  consteval Sql(const char* literal) : text(literal) {}  // NOLINT: written as a plain literal at the call
  const char* text;
};

// One prepared statement: bind from 1, step, read columns from 0. Owned, or lent by Connection::cached.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();  // finalizes it, or resets it and gives it back

  // Values are copied, except by the `_ref` form: there the bytes must stay until the next reset.
  Statement& bind(int index, std::int64_t value);
  Statement& bind_text(int index, std::string_view value);
  Statement& bind_blob(int index, std::string_view value);
  Statement& bind_blob_ref(int index, std::string_view value);
  Statement& bind_null(int index);

  bool step();   // true: there is a row. Only a step that says false has carried out what writes
  void run();    // steps to the end and resets, for statements whose rows nobody wants
  void reset();  // never throws; bindings are cleared. What it read or locked is let go

  std::int64_t int64(int column) const;
  std::string_view text(int column) const;  // valid until the next step or reset
  std::string_view blob(int column) const;  // valid until the next step or reset
  bool is_null(int column) const;

 private:
  friend class Connection;
  Statement(class Connection& owner, sqlite3_stmt* handle, bool* lent) noexcept;
  std::string_view content(int column, const char* data) const;
  class Connection* owner_;
  sqlite3_stmt* handle_;
  bool* lent_;  // the cache's mark that it is out; null when owned
};

// DEFENSIVE, trusted_schema=OFF, no mmap, no double-quoted strings, nothing checkpointed on close: whoever
// opens a file for writing says when it is synced.
class Connection {
 public:
  Connection(std::filesystem::path file, const OpenOptions& options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const std::filesystem::path& file() const { return file_; }
  void exec(const std::string& sql);  // any number of statements, rows ignored
  Statement prepare(std::string_view sql);
  // Prepared once and kept; throws std::logic_error when it is still in use further up the stack.
  Statement cached(Sql sql);

  // First column of the only row; throws where there is none, or where what follows the row fails: a pragma
  // does its work before its row, and commits it after that.
  std::int64_t query_int64(std::string_view sql);
  std::string query_text(std::string_view sql);

  bool in_transaction() const;
  std::int64_t changes() const;
  sqlite3* handle() const { return handle_; }

  [[noreturn]] void fail(int code, std::string_view doing) const;

 private:
  struct Cached {
    sqlite3_stmt* handle = nullptr;
    bool lent = false;
  };
  sqlite3_stmt* prepare_raw(std::string_view sql, bool keep);
  int errno_of_files() const;

  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<const char*, Cached> cache_;  // node-based: `lent` keeps its address
};

// Switches the file to a write-ahead log, and makes sure that it has one: in the mode in which SQLite stays
// where the switch fails, a commit is not safe before a name is gone from the directory, which nobody syncs.
// Throws Error where the switch fails, std::runtime_error where SQLite refuses it.
void use_write_ahead_log(Connection& connection);
// For a file that must survive a loss of power: synced with each transaction, checkpointed only when told,
// the names of the file and of its log on disk. Throws std::system_error too, where the directory cannot be
// synced.
void use_synced_log(Connection& connection);

// Moves the whole write-ahead log into the file and empties it. False: somebody else holds either.
[[nodiscard]] bool empty_log(Connection& connection);

// Rolls back in its destructor unless committed. BEGIN IMMEDIATE: a writer never finds out late that it is
// not the only one.
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();    // on failure the transaction is over or will be rolled back
  void rollback();  // throws when even that fails: the connection is of no more use

 private:
  Connection* connection_;
  bool open_ = true;
};

}  // namespace groundtruth::sqlite
