// Data keys in an SQLite file of their own, wrapped by the master key (journal/key_store.hpp).
//
// A destroyed owner leaves a row without key material, so that no later writer makes a new key for them.
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include "journal/codec/sealing.hpp"
#include "journal/key_store.hpp"
#include "journal/sqlite/db.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::size_t kCachedKeys = 4096;
constexpr std::string_view kCheckOwner = "\x01 check";  // no owner's name: it begins with a control character

constexpr const char* kSchema = R"sql(
  CREATE TABLE IF NOT EXISTS data_keys (
    owner TEXT PRIMARY KEY,
    nonce BLOB,
    box   BLOB,  -- NULL once destroyed
    CHECK ((nonce IS NULL) = (box IS NULL))
  ) STRICT, WITHOUT ROWID
)sql";

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

class SqliteKeyStore : public KeyStore {
 public:
  SqliteKeyStore(const std::filesystem::path& file, const MasterKey& master, Randomness& randomness)
      : file_(file.string()), wrapping_key_(master.derive("data-keys")), randomness_(randomness) {
    init_crypto();
    open();
    check_master_key();
  }

  ~SqliteKeyStore() override {
    forget_all();
    sodium_memzero(wrapping_key_.data(), wrapping_key_.size());
  }

  std::optional<DataKey> get(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    return find(owner).key;
  }

  std::optional<DataKey> get_or_create(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    const Found found = find(owner);
    if (found.exists) return found.key;
    DataKey key;
    randomness_.fill(key);
    insert(owner, key);  // durable when it returns: synchronous=FULL
    remember(owner, key);
    return key;
  }

  void destroy(std::string_view owner) override {
    const std::scoped_lock lock(mutex_);
    if (const auto cached = cache_.find(std::string(owner)); cached != cache_.end()) {
      sodium_memzero(cached->second.data(), cached->second.size());
      cache_.erase(cached);
    }
    const auto statement = prepare(
        "INSERT INTO data_keys (owner, nonce, box) VALUES (?1, NULL, NULL)"
        " ON CONFLICT (owner) DO UPDATE SET nonce = NULL, box = NULL");
    bind_text(statement, 1, owner);
    finish(statement);
    truncate_wal();  // older frames still hold the key
  }

 private:
  struct Found {
    bool exists = false;
    std::optional<DataKey> key;  // empty: destroyed
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("key store " + file_ + ": " + what);
  }

  void check(int result) const {
    if (result != SQLITE_OK) fail(sqlite3_errmsg(db_.get()));
  }

  void open() {
    // Made here so that neither it nor its WAL, which takes its mode, is ever readable by others.
    const int descriptor = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) fail(std::generic_category().message(errno));
    ::close(descriptor);
    sqlite::configure_library();
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(file_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    db_.reset(raw);
    check(opened);
    check(sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr));
    check(sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr));
    execute("PRAGMA locking_mode=EXCLUSIVE");
    execute("PRAGMA journal_mode=WAL");
    execute("PRAGMA synchronous=FULL");
    execute("PRAGMA secure_delete=ON");
    execute(kSchema);
    truncate_wal();  // frames that a killed process left are readable, but perhaps not synced
  }

  // A known value sealed at creation tells another master key apart from destroyed owners.
  void check_master_key() {
    if (!find(kCheckOwner).exists) {
      const auto count = prepare("SELECT count(*) FROM data_keys");
      if (!step(count) || sqlite3_column_int64(count.get(), 0) != 0)
        fail("the check of the master key is missing; restore the file from its backup");
      insert(kCheckOwner, DataKey{});
    }
    forget_all();
  }

  Found find(std::string_view owner) {
    if (const auto cached = cache_.find(std::string(owner)); cached != cache_.end())
      return {true, cached->second};
    const auto statement = prepare("SELECT nonce, box FROM data_keys WHERE owner = ?1");
    bind_text(statement, 1, owner);
    if (!step(statement)) return {};
    if (sqlite3_column_type(statement.get(), 1) == SQLITE_NULL) return {true, std::nullopt};
    auto plain = codec::open_box(wrapping_key_, column(statement, 0), owner, column(statement, 1));
    DataKey key;
    if (!plain || plain->size() != key.size())
      fail("its keys do not open with this master key; use the one that it was made with");
    std::copy(plain->begin(), plain->end(), key.begin());
    sodium_memzero(plain->data(), plain->size());
    remember(owner, key);
    return {true, key};
  }

  void insert(std::string_view owner, const DataKey& key) {
    std::string nonce(codec::kNonceBytes, '\0');
    randomness_.fill({reinterpret_cast<std::uint8_t*>(nonce.data()), nonce.size()});
    const std::string_view plain(reinterpret_cast<const char*>(key.data()), key.size());
    const auto box = codec::seal_box(wrapping_key_, nonce, owner, plain);
    const auto statement = prepare("INSERT INTO data_keys (owner, nonce, box) VALUES (?1, ?2, ?3)");
    bind_text(statement, 1, owner);
    bind_blob(statement, 2, nonce);
    bind_blob(statement, 3, box);
    finish(statement);
  }

  // A full cache is emptied: the bound matters, which keys stay does not.
  void remember(std::string_view owner, const DataKey& key) {
    if (cache_.size() >= kCachedKeys) forget_all();
    cache_.insert_or_assign(std::string(owner), key);
  }

  void forget_all() {
    for (auto& [owner, key] : cache_) sodium_memzero(key.data(), key.size());
    cache_.clear();
  }

  void truncate_wal() {
    const auto statement = prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!step(statement) || sqlite3_column_int(statement.get(), 0) != 0)
      fail("the write-ahead log cannot be emptied");
    while (step(statement)) {
    }
  }

  void execute(const char* sql) { check(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr)); }

  Statement prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    check(sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr));
    return Statement(raw);
  }

  bool step(const Statement& statement) {
    const int result = sqlite3_step(statement.get());
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail(sqlite3_errmsg(db_.get()));
    return result == SQLITE_ROW;
  }
  void finish(const Statement& statement) {
    while (step(statement)) {
    }
  }

  // Bound bytes outlive the statement: both stand in the same function.
  void bind_text(const Statement& s, int index, std::string_view text) {
    check(sqlite3_bind_text64(s.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind_blob(const Statement& s, int index, std::string_view bytes) {
    check(sqlite3_bind_blob64(s.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC));
  }
  static std::string_view column(const Statement& s, int index) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s.get(), index));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(s.get(), index))};
  }

  const std::string file_;
  DataKey wrapping_key_;
  Randomness& randomness_;
  std::mutex mutex_;
  Database db_;
  std::unordered_map<std::string, DataKey> cache_;
};

}  // namespace

std::unique_ptr<KeyStore> open_sqlite_key_store(const std::filesystem::path& file, const MasterKey& master,
                                                Randomness& randomness) {
  return std::make_unique<SqliteKeyStore>(file, master, randomness);
}

}  // namespace groundtruth::journal
