// Keys outlive a restart, and a destroyed one does not: not in memory, not in the file (DESIGN, section 8).
#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "journal/commit.hpp"
#include "journal/journal.hpp"
#include "journal/key_table.hpp"
#include "journal/wrapped_keys.hpp"
#include "sqlite_fault_vfs.hpp"
#include "tests/unit/files.hpp"

namespace groundtruth::journal {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "gt_keys_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

MasterKey master(std::uint8_t byte = 1) {
  DataKey bytes;
  bytes.fill(byte);
  return MasterKey::from_bytes(bytes);
}

std::unique_ptr<KeyStore> open(const fs::path& file, std::uint8_t master_byte = 1) {
  return open_key_store(open_wrapped_keys_file(file), file.string(), master(master_byte),
                        system_randomness());
}

using groundtruth::testing::read_file;

void write_file(const fs::path& file, const std::string& text, mode_t mode) {
  std::ofstream(file, std::ios::binary) << text;
  REQUIRE(::chmod(file.c_str(), mode) == 0);
}

std::string reason_of(const fs::path& file) {
  try {
    MasterKey::load(file);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

// --- both stores

void check_contract(KeyStore& keys) {
  CHECK_FALSE(keys.get("ann"));
  const auto ann = keys.get_or_create("ann");
  const auto bob = keys.get_or_create("bob");
  REQUIRE(ann);
  REQUIRE(bob);
  CHECK(*ann != *bob);
  CHECK(keys.get("ann") == ann);
  CHECK(keys.get_or_create("ann") == ann);

  keys.destroy("ann");
  CHECK_FALSE(keys.get("ann"));
  CHECK_FALSE(keys.get_or_create("ann"));
  CHECK(keys.was_destroyed("ann"));
  CHECK_FALSE(keys.was_destroyed("bob"));
  CHECK_FALSE(keys.was_destroyed("eve"));  // who never had one: not the same
  keys.destroy("ann");                     // again
  CHECK_FALSE(keys.get_or_create("ann"));
  CHECK(keys.get("bob") == bob);

  keys.destroy("nobody");  // before there was a key
  CHECK_FALSE(keys.get_or_create("nobody"));

  std::vector<std::pair<std::string, KeyStore::State>> all;
  keys.for_each([&](const std::string& owner, KeyStore::State state) { all.emplace_back(owner, state); });
  using State = KeyStore::State;
  CHECK(all == decltype(all){{"ann", State::destroyed}, {"bob", State::live}, {"nobody", State::destroyed}});
}

TEST_CASE("a key is made once and destroyed for good") {
  SUBCASE("in memory") {
    check_contract(*make_memory_key_store(system_randomness()));
  }
  SUBCASE("in SQLite") {
    const Folder folder;
    check_contract(*open(folder / "keys.db"));
  }
}

TEST_CASE("a full disk is for a while, any other failure ends the process") {
  const Folder folder;
  testing::FaultVfs disk;
  // The table opens its file by the system's own VFS: for this test that is the one with faults.
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find(testing::FaultVfs::name().c_str()), 1);
  std::vector<std::string> ends;
  {
    const auto keys = open_key_store(
        open_wrapped_keys_file(folder / "keys.db", [&](const std::string& why) { ends.push_back(why); }),
        "here", master(), system_randomness());
    const auto ann = keys->get_or_create("ann");

    disk.decide([](testing::FileCall call, const std::string&) {
      return call == testing::FileCall::write ? SQLITE_FULL : SQLITE_OK;
    });
    CHECK_THROWS_AS(keys->get_or_create("bob"), JournalUnavailable);
    CHECK_THROWS_AS(keys->destroy("ann"), JournalUnavailable);
    CHECK(ends.empty());
    disk.decide(nullptr);
    CHECK(keys->get_or_create("bob"));
    CHECK(keys->get("ann") == ann);  // not said to be destroyed, and not destroyed

    for (const auto failing : {testing::FileCall::write, testing::FileCall::sync}) {
      disk.decide([failing](testing::FileCall call, const std::string&) {
        return call == failing ? SQLITE_IOERR : SQLITE_OK;
      });
      CHECK_THROWS(keys->get_or_create("eve"));
      disk.decide(nullptr);
    }
    REQUIRE(ends.size() == 2);
    CHECK(ends.front().find("keys.db") != std::string::npos);
  }
  sqlite3_vfs_register(system, 1);
}

TEST_CASE("nobody is told that a key was destroyed while the log may hold it") {
  const Folder folder;
  testing::FaultVfs disk;
  sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find(testing::FaultVfs::name().c_str()), 1);
  {
    const auto file = folder / "keys.db";
    KeyTable table(file);
    const std::string nonce(24, 'n'), box(48, 'b');
    table.add("ann", {nonce, box});
    table.destroy("ann");
    // The file itself cannot be written: the log cannot be moved into it.
    disk.decide([&](testing::FileCall call, const std::string& name) {
      return call == testing::FileCall::write && name == file.string() ? SQLITE_FULL : SQLITE_OK;
    });
    CHECK_THROWS(table.forget_log());
    CHECK(table.must_forget());
    CHECK(read_file(folder / "keys.db-wal").find(box) != std::string::npos);
    disk.decide(nullptr);
    table.forget_log();
    CHECK_FALSE(table.must_forget());
    CHECK((read_file(file) + read_file(folder / "keys.db-wal")).find(box) == std::string::npos);
  }
  sqlite3_vfs_register(system, 1);
}

TEST_CASE("a stopped store is one file") {
  const Folder folder;
  std::optional<DataKey> ann;
  {
    const auto keys = open(folder / "keys.db");
    ann = keys->get_or_create("ann");
    CHECK(fs::file_size(folder / "keys.db-wal") > 0);
  }
  fs::copy_file(folder / "keys.db", folder / "copy.db");
  CHECK(open(folder / "copy.db")->get("ann") == ann);
}

TEST_CASE("a key that was changed is told from a wrong master key") {
  const Folder folder;
  const auto file = folder / "keys.db";
  open(file)->get_or_create("ann");
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "UPDATE data_keys SET box = zeroblob(48) WHERE owner = 'ann'", nullptr, nullptr,
                       nullptr) == SQLITE_OK);
  sqlite3_close(db);
  const auto keys = open(file);
  CHECK_THROWS_AS(keys->get("ann"), LostKey);
  keys->for_each([](const std::string& owner, KeyStore::State state) {
    CHECK(owner == "ann");
    CHECK(state == KeyStore::State::damaged);
  });
}

TEST_CASE("threads agree on one key") {
  const Folder folder;
  const auto keys = open(folder / "keys.db");
  std::vector<std::optional<DataKey>> seen(4);
  std::vector<std::thread> threads;
  for (auto& slot : seen) threads.emplace_back([&] { slot = keys->get_or_create("ann"); });
  for (auto& thread : threads) thread.join();
  for (const auto& key : seen) CHECK(key == seen[0]);
}

// --- the file

TEST_CASE("keys survive a restart, and so does their destruction") {
  const Folder folder;
  const auto file = folder / "keys.db";
  std::optional<DataKey> ann;
  {
    const auto keys = open(file);
    ann = keys->get_or_create("ann");
    keys->get_or_create("bob");
    keys->destroy("bob");
  }
  const auto keys = open(file);
  CHECK(keys->get("ann") == ann);
  CHECK_FALSE(keys->get("bob"));
  CHECK_FALSE(keys->get_or_create("bob"));
}

TEST_CASE("a key is in the log when it is given out, not only when the store closes") {
  const Folder folder;
  const auto keys = open(folder / "keys.db");
  const auto ann = keys->get_or_create("ann");
  fs::copy_file(folder / "keys.db", folder / "copy.db");  // what a crash now would leave
  fs::copy_file(folder / "keys.db-wal", folder / "copy.db-wal");
  CHECK(open(folder / "copy.db")->get("ann") == ann);
}

TEST_CASE("the bytes of a destroyed key are gone from the files") {
  const Folder folder;
  const auto file = folder / "keys.db";
  const auto keys = open(file);
  for (int i = 0; i < 50; ++i) keys->get_or_create("owner-" + std::to_string(i));

  // The wrapped key as it stands in the file, read from a copy: the file itself has one connection.
  const auto wrapped = [&] {
    fs::copy_file(file, folder / "copy.db", fs::copy_options::overwrite_existing);
    fs::copy_file(folder / "keys.db-wal", folder / "copy.db-wal", fs::copy_options::overwrite_existing);
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    REQUIRE(sqlite3_open((folder / "copy.db").c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_prepare_v2(db, "SELECT box FROM data_keys WHERE owner = 'owner-25'", -1, &statement,
                               nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
    std::string box(static_cast<const char*>(sqlite3_column_blob(statement, 0)),
                    static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return box;
  }();
  REQUIRE(wrapped.size() == 48);
  const auto files = [&] { return read_file(file) + read_file(folder / "keys.db-wal"); };
  CHECK(files().find(wrapped) != std::string::npos);
  keys->destroy("owner-25");
  CHECK(files().find(wrapped) == std::string::npos);
  CHECK(fs::file_size(folder / "keys.db-wal") == 0);
  CHECK(files().find("owner-25") != std::string::npos);  // the tombstone
}

TEST_CASE("the file holds no key in the clear and is its owner's alone") {
  const Folder folder;
  const auto keys = open(folder / "keys.db");
  const auto key = *keys->get_or_create("ann");
  const auto text = read_file(folder / "keys.db") + read_file(folder / "keys.db-wal");
  CHECK(std::search(text.begin(), text.end(), key.begin(), key.end(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }) == text.end());
  for (const char* name : {"keys.db", "keys.db-wal"})
    CHECK((fs::status(folder / name).permissions() & (fs::perms::group_all | fs::perms::others_all)) ==
          fs::perms::none);
}

TEST_CASE("another master key is refused at the start, whatever the file holds") {
  const Folder folder;
  open(folder / "keys.db");
  CHECK_THROWS_AS(open(folder / "keys.db", 2), std::runtime_error);
  open(folder / "keys.db")->get_or_create("ann");
  CHECK_THROWS_AS(open(folder / "keys.db", 2), std::runtime_error);
  CHECK_NOTHROW(open(folder / "keys.db"));
}

TEST_CASE("a wrapped key belongs to its owner") {
  const Folder folder;
  const auto file = folder / "keys.db";
  open(file)->get_or_create("ann");
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "UPDATE data_keys SET owner = 'eve' WHERE owner = 'ann'", nullptr, nullptr,
                       nullptr) == SQLITE_OK);
  sqlite3_close(db);
  const auto keys = open(file);
  CHECK_THROWS_AS(keys->get("eve"), std::runtime_error);
}

TEST_CASE("a file that is no key store is refused") {
  const Folder folder;
  write_file(folder / "text",
             "this is no database, and long enough to be seen as none by SQLite ......................",
             0600);
  CHECK_THROWS_AS(open(folder / "text"), std::runtime_error);
  CHECK_THROWS_AS(open(folder / "missing/keys.db"), std::runtime_error);
}

TEST_CASE("more owners than the cache holds are all found") {
  const Folder folder;
  const auto stored = open(folder / "keys.db");
  std::vector<DataKey> made;
  for (int i = 0; i < 4'200; ++i) made.push_back(*stored->get_or_create(std::to_string(i)));
  for (std::size_t i = 0; i < made.size(); ++i) CHECK(stored->get(std::to_string(i)) == made[i]);
}

// --- the master key

TEST_CASE("a master key file is made once, for its owner's eyes only") {
  const Folder folder;
  const auto file = folder / "master.key";
  const auto made = MasterKey::create(file, system_randomness());
  CHECK(fs::file_size(file) == 65);
  CHECK(read_file(file).back() == '\n');
  CHECK((fs::status(file).permissions() & fs::perms::all) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(MasterKey::load(file).derive("data-keys") == made.derive("data-keys"));
  CHECK_THROWS_AS(MasterKey::create(file, system_randomness()), std::runtime_error);
}

TEST_CASE("a master key that was not finished leaves nothing in the way") {
  const Folder folder;
  write_file(folder / "master.key.new", "0123", 0600);  // a process that ended in the middle
  const auto file = folder / "master.key";
  const auto made = MasterKey::create(file, system_randomness());
  CHECK_FALSE(fs::exists(folder / "master.key.new"));
  CHECK(MasterKey::load(file).derive("data-keys") == made.derive("data-keys"));
  CHECK_THROWS_AS(MasterKey::create(folder / "missing/master.key", system_randomness()), std::runtime_error);
  fs::create_symlink(folder / "nowhere", folder / "link");
  CHECK_THROWS_AS(MasterKey::create(folder / "link", system_randomness()), std::runtime_error);
}

TEST_CASE("a master key may lie elsewhere, and is checked there") {
  const Folder folder;
  write_file(folder / "secret", std::string(64, 'a') + "\n", 0600);
  fs::create_symlink(folder / "secret", folder / "master.key");
  CHECK(reason_of(folder / "master.key").empty());
  REQUIRE(::chmod((folder / "secret").c_str(), 0644) == 0);
  CHECK(reason_of(folder / "master.key").find("chmod 600") != std::string::npos);
  fs::create_directory(folder / "directory");
  CHECK(reason_of(folder / "directory").find("no file") != std::string::npos);
}

TEST_CASE("each purpose has its own key") {
  CHECK(master().derive("data-keys") == master().derive("data-keys"));
  CHECK(master().derive("data-keys") != master().derive("email-hash"));
  CHECK(master(1).derive("data-keys") != master(2).derive("data-keys"));
}

TEST_CASE("a bad master key file is refused with the file's name and the mend") {
  const Folder folder;
  const std::string hex(64, 'a');
  write_file(folder / "good", hex + "\n", 0600);
  CHECK(reason_of(folder / "good").empty());
  write_file(folder / "read-only", hex + "\n", 0400);
  CHECK(reason_of(folder / "read-only").empty());

  CHECK(reason_of(folder / "missing").find("missing") != std::string::npos);
  for (const mode_t mode : {0640U, 0604U, 0660U, 0644U}) {
    write_file(folder / "open", hex + "\n", mode);
    CHECK(reason_of(folder / "open").find("chmod 600") != std::string::npos);
  }
  for (const auto& text : {std::string(), hex, hex + "\n\n", hex.substr(1) + "\n", hex + "a\n", hex + "\r\n",
                           std::string(64, 'g') + "\n", std::string(64, '\n') + "\n"}) {
    CAPTURE(text);
    write_file(folder / "bad", text, 0600);
    CHECK(reason_of(folder / "bad").find("64 hexadecimal digits") != std::string::npos);
  }
}

}  // namespace
}  // namespace groundtruth::journal
