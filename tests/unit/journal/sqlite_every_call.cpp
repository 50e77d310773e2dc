// The embedded journal while each call on its files fails in turn, at first start, while it serves, at its
// end and at the start after a kill: what was acknowledged is there, and what cannot be trusted is not
// served.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "conformance_support.hpp"
#include "journal/commit.hpp"
#include "journal/data_directory.hpp"
#include "journal/durable_file.hpp"
#include "journal/genesis.hpp"
#include "journal/sqlite/db.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "journal/verify.hpp"
#include "tests/unit/system_faults.hpp"

namespace groundtruth::journal::testing {
namespace {

namespace fs = std::filesystem;
using groundtruth::testing::SystemCall;
using groundtruth::testing::SystemFaults;
using Lasting = SystemFaults::Lasting;
using State = SqliteJournalStatus::State;

constexpr Partition kHere{Topic::tasks, 3};
constexpr std::size_t kNone = SIZE_MAX;
// SQLite asks for it again when it syncs its log, and does not look at what comes of it; no harm is done, for
// the journal has synced it before.
constexpr std::string_view kDirectory = "sync of ";
constexpr const char* kUuid = "7e12a75a-2ce0-40de-b91a-ffc925e998c7";

struct Machine {
  FixedClock clock;
  TempDirectory directory;
  SystemFaults disk{directory.path()};
  std::vector<std::string> fatal;
  std::vector<std::string> acknowledged;  // values in kHere
  Head head;
  std::string failed;              // the call that did, of those before the first `mend`
  std::vector<std::string> trace;  // of those

  // The n-th call fails; where there is no room, so does whatever wants some from then on.
  void fail(std::size_t n, int error) {
    disk.decide([n, error, at = std::size_t{0}](SystemCall call, const std::string&) mutable {
      const auto now = at++;
      const bool wants_room = call == SystemCall::write || call == SystemCall::create;
      return now == n || (now > n && error != EIO && wants_room) ? error : 0;
    });
  }
  void mend() {
    if (trace.empty()) trace = disk.trace();
    if (failed.empty()) failed = disk.failed();
    disk.mend();
  }

  SqliteJournalOptions options() {
    SqliteJournalOptions out;
    out.file = directory.path() / "journal.db";
    out.full_retry = std::chrono::milliseconds(0);
    out.fatal = [this](std::string message) { fatal.push_back(std::move(message)); };
    return out;
  }
  fs::path marker() { return SqliteJournal::marker_of(options().file); }

  std::unique_ptr<SqliteJournal> first_start() {
    auto journal = SqliteJournal::create(options(), clock);
    init_journal(*journal, kUuid, clock);
    return journal;
  }

  AppendReport append(SqliteJournal& journal, const std::string& text) {
    if (!head.exists) head = {true, 0, id_of(*journal.read(kHere, 0, 1).at(0).value)};
    const auto value = ChainMaker::after(head, text);
    const auto report = append_and_wait(*journal.open_producer(), kHere, {value});
    if (report.outcome == AppendOutcome::written) {
      acknowledged.push_back(*value);
      head = {true, head.seq + 1, id_of(*value)};
    }
    return report;
  }

  // As an operator does it: a marker is repaired, an unfinished journal is finished.
  std::unique_ptr<SqliteJournal> come_back() {
    if (fs::exists(marker())) {
      CHECK_THROWS_WITH_AS(first_start(), doctest::Contains("--repair-marker"), std::runtime_error);
      const auto report = verify_sqlite_journal(options(), clock, {}, true);
      CHECK_MESSAGE((report.sound() || report.unfinished), (report.problem ? report.problem->what : ""));
      CHECK_FALSE(fs::exists(marker()));
    }
    return first_start();
  }

  // Whatever was said to be written is there, in a file that is safe by itself.
  void audit() {
    const auto journal = come_back();
    CHECK(append(*journal, "after all").outcome == AppendOutcome::written);
    auto found = values(*journal, kHere);
    found.erase(found.begin());
    std::erase_if(found, [&](const std::string& value) {  // not acknowledged, and yet written: allowed
      return std::find(acknowledged.begin(), acknowledged.end(), value) == acknowledged.end();
    });
    CHECK(found == acknowledged);
    std::array<char, 20> header{};
    std::ifstream(options().file, std::ios::binary).read(header.data(), header.size());
    CHECK(header[18] == 2);  // SQLite's mark of a file with a write-ahead log
    CHECK(header[19] == 2);
  }
};

// Runs `work` on a new machine without a failure, and then with each telling call failing; it lets the disk
// fail when the time has come. Returns how many calls failed.
template <class Work>
std::size_t each_call(const Work& work) {
  std::vector<std::string> trace;
  const auto run = [&](std::size_t n) {
    Machine machine;
    work(machine, n);
    machine.mend();
    CAPTURE(n);
    CAPTURE(machine.failed);
    machine.audit();
    if (n == kNone) trace = machine.trace;
  };
  run(kNone);
  const auto telling = groundtruth::testing::telling_calls(trace);
  for (const auto n : telling) run(n);
  return telling.size();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "sqlite: each call of a first start fails in turn, and nothing is served that a power loss takes back") {
  for (const int error : {EIO, ENOSPC}) {
    CAPTURE(error);
    const auto calls = each_call([&](Machine& machine, std::size_t n) {
      machine.fail(n, error);
      try {
        const auto journal = machine.first_start();
        for (int i = 0; i < 3; ++i) machine.append(*journal, "commit " + std::to_string(i));
      } catch (const std::runtime_error& refusal) {
        CHECK(contains(refusal.what(), machine.directory.path()));
      }
    });
    CHECK(calls > 12);
  }
}

TEST_CASE(
    "sqlite: each call while it serves fails in turn; a lack of room passes, all else ends the process") {
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    const auto calls = each_call([&](Machine& machine, std::size_t n) {
      auto options = machine.options();
      options.checkpoint_pages = 1;
      machine.append(*machine.first_start(), "before");
      const auto journal = SqliteJournal::open(options, machine.clock);
      machine.fail(n, error);
      std::uint64_t written = 0;
      for (int i = 0; i < 3; ++i)
        written += machine.append(*journal, "commit " + std::to_string(i)).outcome == AppendOutcome::written;
      CHECK(eventually([&] {  // what follows the last report
        return journal->counters().checkpoints >= written || journal->status().state != State::ok;
      }));
      machine.mend();
      const auto again = machine.append(*journal, "again").outcome;
      const bool is_room =
          machine.failed == kDirectory || (error != EIO && machine.failed.starts_with("write"));
      CAPTURE(machine.failed);
      CAPTURE(error);
      if (machine.failed.empty() || is_room) {
        CHECK(machine.fatal.empty());
        CHECK(again == AppendOutcome::written);
        CHECK(journal->status().state == State::ok);
      } else {
        REQUIRE(machine.fatal.size() == 1);
        CHECK(contains(machine.fatal.front(), "--repair-marker"));
        CHECK(fs::exists(machine.marker()) != contains(machine.fatal.front(), "no marker could be left"));
        CHECK(again == AppendOutcome::not_written);
      }
    });
    CHECK(calls > 4);
  }
}

TEST_CASE("sqlite: each call at a clean stop fails in turn") {
  for (const int error : {EIO, ENOSPC}) {
    const auto calls = each_call([&](Machine& machine, std::size_t n) {
      {
        const auto journal = machine.first_start();
        machine.append(*journal, "before");
        machine.disk.fail_at(n, error, Lasting::once);
      }
      machine.mend();
      CAPTURE(machine.failed);
      const bool lost = !machine.failed.empty() && machine.failed != kDirectory &&
                        (error == EIO || !machine.failed.starts_with("write"));
      CHECK(fs::exists(machine.marker()) == lost);
      CHECK(machine.fatal.size() == (lost ? 1 : 0));
    });
    CHECK(calls > 2);
  }
}

TEST_CASE(
    "sqlite: each call fails in turn at the start after a kill, and a sync that fails leaves the marker") {
  for (const int error : {EIO, ENOSPC}) {
    const auto calls = each_call([&](Machine& machine, std::size_t n) {
      const auto file = machine.options().file, killed = fs::path(file.string() + ".killed");
      {
        const auto journal = machine.first_start();
        machine.append(*journal, "in the write-ahead log");
        for (const char* suffix : {"", "-wal"})
          fs::copy_file(file.string() + suffix, killed.string() + suffix);
      }
      for (const char* suffix : {"", "-wal"}) fs::rename(killed.string() + suffix, file.string() + suffix);
      machine.disk.fail_at(n, error, Lasting::once);
      std::string refusal;
      try {
        SqliteJournal::open(machine.options(), machine.clock);
      } catch (const std::runtime_error& failure) {
        refusal = failure.what();
      }
      machine.mend();
      CAPTURE(machine.failed);
      CAPTURE(refusal);
      if (machine.failed == kDirectory) {  // ours, or one that SQLite makes later
        CHECK(fs::exists(machine.marker()) == (error == EIO && !refusal.empty()));
        return;
      }
      const bool lost = !machine.failed.empty() && (error == EIO || !machine.failed.starts_with("write"));
      CHECK(fs::exists(machine.marker()) == lost);
      if (refusal.empty()) CHECK((machine.failed.empty() || !machine.fatal.empty()));
    });
    CHECK(calls > 4);
  }
}

TEST_CASE(
    "sqlite: a marker beside a journal that was lost stays, and one beside an unfinished journal does not") {
  Machine machine;
  const auto file = machine.options().file;
  leave_marker(machine.marker(), "disk I/O error\n");
  SUBCASE("no file") {
    const auto report = verify_sqlite_journal(machine.options(), machine.clock, {}, true);
    CHECK_FALSE(report.sound());
    CHECK(fs::exists(machine.marker()));
    fs::remove(machine.marker());
  }
  SUBCASE("a file without tables") {
    std::ofstream(file).close();
    CHECK_FALSE(verify_sqlite_journal(machine.options(), machine.clock, {}, false).sound());
    CHECK(fs::exists(machine.marker()));
    const auto report = verify_sqlite_journal(machine.options(), machine.clock, {}, true);
    CHECK_FALSE(report.sound());
    CHECK(contains(report.problem->advice, "journal init"));
  }
  SUBCASE("some partitions have their genesis") {
    fs::remove(machine.marker());
    {
      const auto journal = SqliteJournal::create(machine.options(), machine.clock);
      Genesis genesis;
      genesis.journal = kUuid;
      genesis.topic = "tasks";
      append_and_wait(*journal->open_producer(), {Topic::tasks, 0},
                      {bytes(encode_genesis(genesis, machine.clock.now()))});
    }
    leave_marker(machine.marker(), "disk I/O error\n");
    const auto report = verify_sqlite_journal(machine.options(), machine.clock, {}, true);
    CHECK(report.unfinished);
    REQUIRE(report.problem);
    CHECK(contains(report.problem->advice, "journal init"));
  }
  CHECK_FALSE(fs::exists(machine.marker()));
  machine.audit();
}

TEST_CASE("sqlite: no other mode than a write-ahead log is taken for one") {
  sqlite::Connection memory(":memory:", {sqlite::OpenMode::create, 0, {}});
  CHECK_THROWS_WITH_AS(sqlite::use_write_ahead_log(memory), doctest::Contains("refuses a write-ahead log"),
                       std::runtime_error);
}

TEST_CASE("sqlite: a switch to a write-ahead log that fails says so, at whichever call") {
  for (std::size_t n = 0;; ++n) {
    Machine machine;
    const auto file = machine.directory.path() / "other.db";
    {
      sqlite::Connection db(file, {sqlite::OpenMode::create, 0, {}});
      machine.disk.fail_at(n, EIO, Lasting::once);
      bool refused = false;
      try {
        sqlite::use_synced_log(db);
      } catch (const std::runtime_error&) {
        refused = true;
      }
      machine.mend();
      CAPTURE(machine.failed);
      if (!refused) {
        CHECK(db.query_text("PRAGMA journal_mode") == "wal");
        // SQLite asks for the sync of a directory and does not look at what comes of it; the file's is ours.
        if (machine.failed.empty()) break;
        CHECK(machine.failed.starts_with("sync"));
      }
    }
  }
}

TEST_CASE("data directory: its name is on disk before anything in it is") {
  TempDirectory parent;
  SystemFaults disk(parent.path());
  std::vector<std::string> synced;
  disk.decide([&](SystemCall call, const std::string& path) {
    if (call == SystemCall::sync) synced.push_back(path);
    return 0;
  });
  FixedClock clock;
  const auto root = parent.path() / "data";
  {
    const DataDirectory directory(root, DataDirectory::Absent::create, clock);
  }
  REQUIRE_FALSE(synced.empty());
  CHECK(synced.front() == parent.path());
  CHECK(std::find(synced.begin(), synced.end(), root.string()) != synced.end());
  disk.decide([&](SystemCall call, const std::string& path) {
    return call == SystemCall::sync && path == parent.path() ? EIO : 0;
  });
  CHECK_THROWS_AS(DataDirectory(root, DataDirectory::Absent::create, clock), std::runtime_error);
}

}  // namespace groundtruth::journal::testing
