// See key_table.hpp.
#include "journal/key_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "journal/durable_file.hpp"

namespace groundtruth::journal {
namespace {

constexpr const char* kSchema = R"sql(
  CREATE TABLE IF NOT EXISTS data_keys (
    owner TEXT PRIMARY KEY,
    nonce BLOB,
    box   BLOB,  -- NULL once destroyed
    CHECK ((nonce IS NULL) = (box IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS place (next INTEGER NOT NULL) STRICT
)sql";

// Made here so that neither it nor its write-ahead log, which takes its mode, is ever readable by others.
const std::filesystem::path& with_mode(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    throw std::runtime_error("key store " + file.string() + ": " + std::generic_category().message(errno));
  ::close(descriptor);
  return file;
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& file, int flags) : fd_(::open(file.c_str(), flags | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::filesystem::path& file, const char* doing) {
  throw std::system_error(errno, std::generic_category(), file.string() + ": cannot " + doing);
}

// Zeroes what the file holds, on the disk, and leaves its size.
void wipe(const std::filesystem::path& file) {
  const Descriptor out(file, O_WRONLY);
  if (out.get() < 0 && errno == ENOENT) return;
  struct stat found{};
  if (out.get() < 0 || ::fstat(out.get(), &found) != 0) fail(file, "open");
  constexpr std::array<char, 64 * 1024> kZeros{};
  for (off_t at = 0; at < found.st_size;) {
    const auto wanted = std::min<std::size_t>(kZeros.size(), static_cast<std::size_t>(found.st_size - at));
    const auto written = ::pwrite(out.get(), kZeros.data(), wanted, at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file, "overwrite");
    at += written;
  }
  if (::fsync(out.get()) != 0) fail(file, "sync");
}

void sync(const std::filesystem::path& file) {
  const Descriptor in(file, O_RDONLY);
  if (in.get() < 0 && errno == ENOENT) return;
  if (in.get() < 0 || ::fsync(in.get()) != 0) fail(file, "sync");
}

WrappedKey read_key(const sqlite::Statement& row, int first) {
  if (row.is_null(first)) return {};
  return {std::string(row.blob(first)), std::string(row.blob(first + 1))};
}

}  // namespace

KeyTable::KeyTable(const std::filesystem::path& file)
    : db_(with_mode(file), {sqlite::OpenMode::read_write, 0, {}}) {
  db_.exec("PRAGMA locking_mode=EXCLUSIVE");
  sqlite::use_synced_log(db_);
  db_.exec("PRAGMA wal_autocheckpoint=1000");  // keys come one by one, and nobody else bounds the log
  db_.exec("PRAGMA secure_delete=ON");
  db_.exec(kSchema);
  forget_log();  // frames that a killed process left are readable, but perhaps not synced
}

KeyTable::~KeyTable() {
  try {
    checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const std::exception&) {
    // What is in the log is safe there; the next start moves it.
  }
}

std::optional<WrappedKey> KeyTable::find(std::string_view owner) {
  auto row = db_.cached("SELECT nonce, box FROM data_keys WHERE owner = ?1");
  row.bind_text(1, owner);
  if (!row.step()) return std::nullopt;
  return read_key(row, 0);
}

bool KeyTable::add(std::string_view owner, const WrappedKey& key) {
  db_.cached("INSERT INTO data_keys (owner, nonce, box) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
      .bind_text(1, owner)
      .bind_blob(2, key.nonce)
      .bind_blob(3, key.box)
      .run();
  return db_.changes() > 0;
}

void KeyTable::destroy(std::string_view owner) {
  must_forget_ = true;
  db_.cached(
         "INSERT INTO data_keys (owner, nonce, box) VALUES (?1, NULL, NULL)"
         " ON CONFLICT (owner) DO UPDATE SET nonce = NULL, box = NULL")
      .bind_text(1, owner)
      .run();
}

void KeyTable::checkpoint(const char* pragma) {
  if (db_.query_int64(pragma) != 0)
    throw std::runtime_error("key store " + db_.file().string() + ": the write-ahead log cannot be emptied");
}

void KeyTable::forget_log() {
  auto log = db_.file();
  log += "-wal";
  // Everything is in the file after the first step, so that nobody reads the log, which the next one zeroes:
  // to truncate it alone leaves its bytes on the disk, and, until that is synced, in the file too.
  checkpoint("PRAGMA wal_checkpoint(RESTART)");
  wipe(log);
  checkpoint("PRAGMA wal_checkpoint(TRUNCATE)");
  sync(log);
  must_forget_ = false;
}

void KeyTable::for_each(const WrappedKeys::Row& row) {
  auto rows = db_.cached("SELECT owner, nonce, box FROM data_keys ORDER BY owner");
  while (rows.step()) row(std::string(rows.text(0)), read_key(rows, 1));
}

std::uint64_t KeyTable::place() {
  auto row = db_.cached("SELECT next FROM place");
  return row.step() ? static_cast<std::uint64_t>(row.int64(0)) : 0;
}

void KeyTable::set_place(std::uint64_t next) {
  db_.exec("DELETE FROM place");
  db_.cached("INSERT INTO place (next) VALUES (?1)").bind(1, static_cast<std::int64_t>(next)).run();
}

void KeyTable::clear() {
  sqlite::Transaction all(db_);
  db_.exec("DELETE FROM data_keys; DELETE FROM place");
  all.commit();
  forget_log();
}

}  // namespace groundtruth::journal
