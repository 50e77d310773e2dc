// Wrapped keys in an SQLite file of their own, 0600. A destroyed owner leaves a row without key material, so
// that no later writer makes a new key for them; no byte of the old one stays in the file.
//
// Threads: one at a time. Errors: sqlite::Error, or std::system_error that names the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "journal/sqlite/db.hpp"
#include "journal/wrapped_keys.hpp"

namespace groundtruth::journal {

class KeyTable {
 public:
  explicit KeyTable(const std::filesystem::path& file);
  ~KeyTable();  // moves the write-ahead log into the file: a copy of a stopped server's file has everything

  std::optional<WrappedKey> find(std::string_view owner);
  // Durable at once, or with the transaction around it. False: the owner has or had one.
  bool add(std::string_view owner, const WrappedKey& key);
  void destroy(std::string_view owner);
  // After `destroy` was committed: the write-ahead log still holds the key's older rows. When this returns no
  // byte of it is left on the disk, not even where the log lay. To be called until it succeeds.
  void forget_log();
  bool must_forget() const { return must_forget_; }  // a key was destroyed since it last succeeded
  void for_each(const WrappedKeys::Row& row);

  // How much of a log this table has taken in, for who fills it from one.
  std::uint64_t place();
  void set_place(std::uint64_t next);
  void clear();  // keys and place

  sqlite::Connection& connection() { return db_; }

 private:
  void checkpoint(const char* pragma);

  sqlite::Connection db_;
  bool must_forget_ = false;
};

}  // namespace groundtruth::journal
