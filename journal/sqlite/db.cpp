// SQLite's C handles as values (contract in db.hpp).
#include "journal/sqlite/db.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "journal/durable_file.hpp"

namespace groundtruth::sqlite {
namespace {

constexpr int primary(int code) {
  return code & 0xff;
}

bool is_no_room(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

std::string describe(const std::filesystem::path& file, int code, const std::string& message) {
  return file.string() + ": " + message + " (" + sqlite3_errstr(code) + ", code " + std::to_string(code) +
         ")";
}

}  // namespace

void configure_library() {
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)configured;
}

Error::Error(int code, std::filesystem::path file, const std::string& message, int system_error)
    : std::runtime_error(describe(file, code, message)),
      code_(code),
      system_error_(system_error),
      file_(std::move(file)) {}

bool Error::is_full() const {
  // SQLite calls a write full only where the disk is: a quota, a limit on the size of files and a file that
  // cannot be made are the same to whoever waits for room. So is the index of the write-ahead log, which is
  // no more than memory that needs a place on the disk.
  const bool may_be_room = code_ == SQLITE_IOERR_WRITE || primary(code_) == SQLITE_CANTOPEN;
  return primary(code_) == SQLITE_FULL || code_ == SQLITE_IOERR_SHMSIZE ||
         (may_be_room && is_no_room(system_error_));
}
bool Error::is_busy() const {
  return primary(code_) == SQLITE_BUSY || primary(code_) == SQLITE_LOCKED;
}
bool Error::is_corrupt() const {
  return primary(code_) == SQLITE_CORRUPT || primary(code_) == SQLITE_NOTADB ||
         code_ == SQLITE_IOERR_SHORT_READ;
}
bool Error::is_io() const {
  return primary(code_) == SQLITE_IOERR && !is_full();
}
bool Error::is_lost() const {
  switch (code_) {
    case SQLITE_IOERR:
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_DELETE:
    case SQLITE_IOERR_CORRUPTFS:
      return !is_full();
    default:
      return false;
  }
}

Connection::Connection(std::filesystem::path file, const OpenOptions& options) : file_(std::move(file)) {
  configure_library();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (options.mode == OpenMode::read_only) flags |= SQLITE_OPEN_READONLY;
  if (options.mode != OpenMode::read_only) flags |= SQLITE_OPEN_READWRITE;
  if (options.mode == OpenMode::create) flags |= SQLITE_OPEN_CREATE;
  // SQLite would give a new file, and the logs beside it, whatever mode the process's mask leaves.
  if (options.mode == OpenMode::create)
    if (const int made = ::open(file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); made >= 0)
      ::close(made);
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int opened = sqlite3_open_v2(file_.c_str(), &handle_, flags, vfs);
  try {
    if (opened != SQLITE_OK) fail(opened, "cannot be opened");
    // SQLite silently falls back to reading when the file may not be written.
    if (options.mode != OpenMode::read_only && sqlite3_db_readonly(handle_, "main") == 1)
      throw Error(SQLITE_READONLY, file_, "may not be written: check its owner and mode");
    for (const auto& [name, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_DQS_DML, 0},
                                      {SQLITE_DBCONFIG_DQS_DDL, 0},
                                      {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}}) {
      const int set = sqlite3_db_config(handle_, name, value, nullptr);
      if (set != SQLITE_OK) fail(set, "cannot be configured");
    }
    const int patient = sqlite3_busy_timeout(handle_, options.busy_timeout_ms);
    if (patient != SQLITE_OK) fail(patient, "cannot be configured");
    exec("PRAGMA mmap_size = 0");
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Connection::~Connection() {
  for (auto& [sql, entry] : cache_) sqlite3_finalize(entry.handle);
  sqlite3_close_v2(handle_);
}

void Connection::fail(int code, std::string_view doing) const {
  std::string message(doing);
  int system_error = 0;
  if (handle_ != nullptr) {
    const int extended = sqlite3_extended_errcode(handle_);
    if (primary(extended) == primary(code) && extended != SQLITE_OK) {
      code = extended;
      message += std::string(": ") + sqlite3_errmsg(handle_);
    }
    if (primary(code) == SQLITE_CANTOPEN) system_error = sqlite3_system_errno(handle_);
    if (primary(code) == SQLITE_IOERR) system_error = errno_of_files();
  }
  throw Error(code, file_, message, system_error);
}

// SQLite keeps the errno of a failed write with the file alone, where it stays. So where the file and its log
// differ, the worse one counts.
int Connection::errno_of_files() const {
  int of_file = 0, of_log = 0;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_LAST_ERRNO, &of_file);
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  if (log != nullptr && log->pMethods != nullptr)
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &of_log);
  if (of_file == 0 || is_no_room(of_file)) return of_log != 0 ? of_log : of_file;
  return of_file;
}

void Connection::exec(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, "\"" + sql.substr(0, 80) + "\" failed");
}

sqlite3_stmt* Connection::prepare_raw(std::string_view sql, bool keep) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      keep ? SQLITE_PREPARE_PERSISTENT : 0, &statement, nullptr);
  if (code != SQLITE_OK) fail(code, "cannot prepare \"" + std::string(sql.substr(0, 80)) + "\"");
  if (statement == nullptr) throw std::logic_error("empty SQL");
  return statement;
}

Statement Connection::prepare(std::string_view sql) {
  return {*this, prepare_raw(sql, true), nullptr};
}

Statement Connection::cached(Sql sql) {
  auto& entry = cache_[sql.text];
  if (entry.lent) throw std::logic_error(std::string("statement is in use: ") + sql.text);
  if (entry.handle == nullptr) entry.handle = prepare_raw(sql.text, true);
  entry.lent = true;
  return {*this, entry.handle, &entry.lent};
}

std::int64_t Connection::query_int64(std::string_view sql) {
  Statement statement(*this, prepare_raw(sql, false), nullptr);
  if (!statement.step()) fail(SQLITE_ERROR, "no row from \"" + std::string(sql) + "\"");
  const auto value = statement.int64(0);
  statement.run();
  return value;
}

std::string Connection::query_text(std::string_view sql) {
  Statement statement(*this, prepare_raw(sql, false), nullptr);
  if (!statement.step()) fail(SQLITE_ERROR, "no row from \"" + std::string(sql) + "\"");
  std::string value(statement.text(0));
  statement.run();
  return value;
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}
std::int64_t Connection::changes() const {
  return sqlite3_changes64(handle_);
}

Statement::Statement(Connection& owner, sqlite3_stmt* handle, bool* lent) noexcept
    : owner_(&owner), handle_(handle), lent_(lent) {}

Statement::Statement(Statement&& other) noexcept
    : owner_(other.owner_),
      handle_(std::exchange(other.handle_, nullptr)),
      lent_(std::exchange(other.lent_, nullptr)) {}

Statement::~Statement() {
  if (lent_ != nullptr) {
    reset();
    *lent_ = false;
  } else {
    sqlite3_finalize(handle_);
  }
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_, index, value);
  if (code != SQLITE_OK) owner_->fail(code, "cannot bind");
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view value) {
  // An empty view may hold a null pointer, which SQLite would take for NULL.
  const int code = sqlite3_bind_text64(handle_, index, value.empty() ? "" : value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) owner_->fail(code, "cannot bind");
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view value) {
  const int code =
      sqlite3_bind_blob64(handle_, index, value.empty() ? "" : value.data(), value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) owner_->fail(code, "cannot bind");
  return *this;
}

Statement& Statement::bind_blob_ref(int index, std::string_view value) {
  const int code =
      sqlite3_bind_blob64(handle_, index, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) owner_->fail(code, "cannot bind");
  return *this;
}

Statement& Statement::bind_null(int index) {
  const int code = sqlite3_bind_null(handle_, index);
  if (code != SQLITE_OK) owner_->fail(code, "cannot bind");
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  const std::string sql(sqlite3_sql(handle_));
  owner_->fail(code, "\"" + sql.substr(0, 80) + "\" failed");
}

void Statement::run() {
  try {
    while (step()) {
    }
  } catch (...) {
    reset();
    throw;
  }
  reset();
}

void Statement::reset() {
  if (handle_ == nullptr) return;
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

std::int64_t Statement::int64(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text(int column) const {
  return content(column, reinterpret_cast<const char*>(sqlite3_column_text(handle_, column)));
}

std::string_view Statement::blob(int column) const {
  return content(column, static_cast<const char*>(sqlite3_column_blob(handle_, column)));
}

// SQLite has no bytes to show for NULL, for an empty blob, and where memory ran out.
std::string_view Statement::content(int column, const char* data) const {
  if (data != nullptr) return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
  if (sqlite3_errcode(owner_->handle()) == SQLITE_NOMEM) owner_->fail(SQLITE_NOMEM, "cannot be read");
  return {};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void use_write_ahead_log(Connection& connection) {
  connection.exec("PRAGMA journal_mode = WAL");
  const auto mode = connection.query_text("PRAGMA journal_mode");
  if (mode != "wal")
    throw std::runtime_error(connection.file().string() +
                             ": SQLite refuses a write-ahead log on this file system, and stays with \"" +
                             mode + "\"");
}

void use_synced_log(Connection& connection) {
  use_write_ahead_log(connection);
  connection.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
  if (connection.query_int64("PRAGMA synchronous") != 2)
    throw std::runtime_error(connection.file().string() + ": SQLite refuses to sync each transaction");
  // SQLite syncs the names of what it makes without looking at what came of it, and not the one it removes.
  journal::sync_directory_of(connection.file());
}

bool empty_log(Connection& connection) {
  return connection.query_int64("PRAGMA wal_checkpoint(TRUNCATE)") == 0;
}

Transaction::Transaction(Connection& connection) : connection_(&connection) {
  connection_->cached("BEGIN IMMEDIATE").run();
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    rollback();
  } catch (const std::exception&) {
    // Whoever uses the connection next gets the error; a destructor has nobody to tell.
  }
}

void Transaction::commit() {
  connection_->cached("COMMIT").run();
  open_ = false;
}

void Transaction::rollback() {
  open_ = false;
  // Some errors (full, out of memory, I/O) have already rolled back.
  if (connection_->in_transaction()) connection_->cached("ROLLBACK").run();
}

}  // namespace groundtruth::sqlite
