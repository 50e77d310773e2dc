// The embedded journal on a disk that is full, fails, or belongs to somebody else.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "conformance_support.hpp"
#include "journal/sqlite/db.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "sqlite_fault_vfs.hpp"

namespace groundtruth::journal::testing {
namespace {

using State = SqliteJournalStatus::State;
constexpr Partition kHere{Topic::tasks, 3};
constexpr Partition kThere{Topic::runs, 15};

struct Disk {
  FixedClock clock;
  TempDirectory directory;
  FaultVfs vfs;
  std::vector<std::string>
      fatal;  // written on the journal's thread, before the report that the test waits for

  SqliteJournalOptions options() {
    SqliteJournalOptions out;
    out.file = directory.path() / "journal.db";
    out.vfs = FaultVfs::name();
    out.fatal = [this](std::string message) { fatal.push_back(std::move(message)); };
    return out;
  }
  void fail(FileCall on, int code, const std::string& suffix = "") {
    vfs.decide([=](FileCall call, const std::string& file) {
      return call == on && file.ends_with(suffix) ? code : SQLITE_OK;
    });
  }
  void mend() { vfs.decide(nullptr); }
};

std::string refusal(const SqliteJournalOptions& options, const Clock& clock) {
  try {
    SqliteJournal::open(options, clock);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("sqlite: a full disk refuses surely, says so, and recovers by itself") {
  Disk disk;
  const auto journal = SqliteJournal::create(disk.options(), disk.clock);
  const auto producer = journal->open_producer();
  CHECK(append_and_wait(*producer, kHere, {bytes("before")}).outcome == AppendOutcome::written);
  disk.fail(FileCall::write, SQLITE_FULL);

  const auto refused = append_and_wait(*producer, kHere, {bytes("lost"), bytes("lost too")});
  CHECK(refused.outcome == AppendOutcome::not_written);
  CHECK(contains(refused.reason, "full"));
  CHECK(journal->status().state == State::read_only);
  CHECK(contains(journal->status().reason, "disk is full"));
  CHECK(values(*journal, kHere) == std::vector<std::string>{"before"});
  CHECK(disk.fatal.empty());

  disk.mend();
  auto second = journal->open_producer();
  // Within the second nothing is tried; the disk is not asked for every request.
  CHECK(append_and_wait(*second, kThere, {bytes("early")}).outcome == AppendOutcome::not_written);
  disk.clock.advance(std::chrono::milliseconds(1000));
  CHECK(append_and_wait(*second, kHere, {bytes("after")}).outcome == AppendOutcome::written);
  CHECK(journal->status().state == State::ok);
  // What a producer lost stays lost, and so does all that it appends behind it in that partition.
  CHECK(append_and_wait(*second, kThere, {bytes("late")}).outcome == AppendOutcome::not_written);
  CHECK(append_and_wait(*producer, kHere, {bytes("late")}).outcome == AppendOutcome::not_written);
  CHECK(append_and_wait(*producer, kThere, {bytes("fresh")}).outcome == AppendOutcome::written);
  CHECK(values(*journal, kHere) == std::vector<std::string>{"before", "after"});
  CHECK(values(*journal, kThere) == std::vector<std::string>{"fresh"});
  CHECK(journal->counters().full_errors == 1);
}

TEST_CASE("sqlite: a full disk is tried again without anybody asking") {
  Disk disk;
  auto options = disk.options();
  options.full_retry = std::chrono::milliseconds(0);
  std::mutex mutex;  // these outlive the journal, whose end writes once more
  std::condition_variable tried;
  int attempts = 0;
  const auto journal = SqliteJournal::create(options, disk.clock);
  disk.vfs.decide([&](FileCall call, const std::string&) {
    if (call != FileCall::write) return SQLITE_OK;
    const std::lock_guard lock(mutex);
    if (attempts == 3) return SQLITE_OK;
    ++attempts;
    tried.notify_all();
    return SQLITE_FULL;
  });
  const auto producer = journal->open_producer();
  CHECK(append_and_wait(*producer, kHere, {bytes("lost")}).outcome == AppendOutcome::not_written);
  {
    std::unique_lock lock(mutex);
    tried.wait(lock, [&] { return attempts == 3; });
  }
  while (journal->status().state != State::ok) std::this_thread::yield();
  CHECK(disk.fatal.empty());
}

TEST_CASE("sqlite: when the file cannot grow at a checkpoint, nothing that was reported is lost") {
  Disk disk;
  auto options = disk.options();
  options.checkpoint_pages = 1;
  {
    const auto journal = SqliteJournal::create(options, disk.clock);
    disk.fail(FileCall::write, SQLITE_FULL, ".db");
    const auto producer = journal->open_producer();
    CHECK(append_and_wait(*producer, kHere, {bytes("kept")}).outcome == AppendOutcome::written);
    const auto next = append_and_wait(*producer, kHere, {bytes("refused")});
    CHECK(next.outcome == AppendOutcome::not_written);
    CHECK(journal->status().state == State::read_only);
  }
  CHECK(disk.fatal.empty());
  disk.mend();
  const auto journal = SqliteJournal::open(options, disk.clock);
  CHECK(values(*journal, kHere) == std::vector<std::string>{"kept"});
}

TEST_CASE("sqlite: a failed write or sync is fatal, never tried again, and refuses the next start") {
  struct Row {
    FileCall call;
    int code;
  };
  const Row rows[] = {{FileCall::write, SQLITE_IOERR_WRITE}, {FileCall::sync, SQLITE_IOERR_FSYNC}};
  for (const auto& row : rows) {
    CAPTURE(row.code);
    Disk disk;
    const auto options = disk.options();
    {
      const auto journal = SqliteJournal::create(options, disk.clock);
      const auto producer = journal->open_producer();
      CHECK(append_and_wait(*producer, kHere, {bytes("sure")}).outcome == AppendOutcome::written);
      std::atomic<int> failures{0};
      disk.vfs.decide([&failures, row](FileCall call, const std::string&) {
        if (call != row.call) return SQLITE_OK;
        ++failures;
        return row.code;
      });
      const auto report = append_and_wait(*producer, kHere, {bytes("perhaps")});
      CHECK(report.outcome == AppendOutcome::unknown);
      REQUIRE(disk.fatal.size() == 1);
      CHECK(contains(disk.fatal.front(), "journal failed"));
      CHECK(journal->status().state == State::failed);
      CHECK(std::filesystem::exists(SqliteJournal::marker_of(options.file)));
      const int failed_calls = failures;
      const auto other = journal->open_producer();
      CHECK(append_and_wait(*other, kThere, {bytes("late")}).outcome == AppendOutcome::not_written);
      CHECK(values(*journal, kHere) == std::vector<std::string>{"sure"});
      CHECK(failures == failed_calls);
      disk.mend();
    }
    CHECK(disk.fatal.size() == 1);
    CHECK(contains(refusal(options, disk.clock), "groundtruth journal verify --repair-marker"));
  }
}

TEST_CASE("sqlite: a sync that fails in a checkpoint or at the end leaves the marker as well") {
  Disk disk;
  auto options = disk.options();
  SUBCASE("checkpoint") {
    options.checkpoint_pages = 1;
    const auto journal = SqliteJournal::create(options, disk.clock);
    disk.fail(FileCall::sync, SQLITE_IOERR_FSYNC, ".db");
    const auto producer = journal->open_producer();
    CHECK(append_and_wait(*producer, kHere, {bytes("sure")}).outcome == AppendOutcome::written);
    CHECK(append_and_wait(*producer, kHere, {bytes("late")}).outcome == AppendOutcome::not_written);
    CHECK(values(*journal, kHere) == std::vector<std::string>{"sure"});
  }
  SUBCASE("the end") {
    const auto journal = SqliteJournal::create(options, disk.clock);
    const auto producer = journal->open_producer();
    append_and_wait(*producer, kHere, {bytes("sure")});
    disk.fail(FileCall::sync, SQLITE_IOERR_FSYNC, ".db");
  }
  disk.mend();
  CHECK(disk.fatal.size() == 1);
  CHECK(contains(refusal(options, disk.clock), "--repair-marker"));
}

TEST_CASE("sqlite: it does not serve before what a killed process left is synced") {
  Disk disk;
  const auto options = disk.options();
  SqliteJournal::create(options, disk.clock);
  const auto copy = disk.directory.path() / "copy.db";
  {
    const auto journal = SqliteJournal::open(options, disk.clock);
    const auto producer = journal->open_producer();
    append_and_wait(*producer, kHere, {bytes("in the write-ahead log")});
    std::filesystem::copy_file(options.file, copy);
    std::filesystem::copy_file(options.file.string() + "-wal", copy.string() + "-wal");
  }
  auto killed = options;
  killed.file = copy;
  disk.fail(FileCall::sync, SQLITE_IOERR_FSYNC, "copy.db");
  CHECK(contains(refusal(killed, disk.clock), "cannot move the write-ahead log"));
  disk.mend();
  CHECK(contains(refusal(killed, disk.clock), "--repair-marker"));
  std::filesystem::remove(SqliteJournal::marker_of(killed.file));
  const auto journal = SqliteJournal::open(killed, disk.clock);
  CHECK(std::filesystem::file_size(copy.string() + "-wal") == 0);
  CHECK(values(*journal, kHere) == std::vector<std::string>{"in the write-ahead log"});
}

TEST_CASE("sqlite: a reader of a file that cannot be read gets the error, not a hole") {
  Disk disk;
  auto options = disk.options();
  options.tail_records = 0;
  const auto journal = SqliteJournal::create(options, disk.clock);
  {
    const auto producer = journal->open_producer();
    // Larger than the page cache, so that reading has to go to the file.
    for (int i = 0; i < 48; ++i)
      append_and_wait(*producer, kHere, {bytes(std::string(kMaxCommitBytes, 'x'))});
  }
  disk.fail(FileCall::read, SQLITE_IOERR_READ);
  CHECK_THROWS_AS(journal->read(kHere, 0, SIZE_MAX, SIZE_MAX), sqlite::Error);
  disk.mend();
  CHECK(journal->read(kHere, 0, SIZE_MAX, SIZE_MAX).size() == 48);
}

TEST_CASE("sqlite: a full queue refuses, in turn, and takes again when it has room") {
  Disk disk;
  auto options = disk.options();
  options.max_queued_bytes = 1000;
  std::atomic<bool> closed{true};
  const auto journal = SqliteJournal::create(options, disk.clock);
  disk.vfs.decide([&](FileCall call, const std::string&) {
    if (call == FileCall::write) closed.wait(true);
    return SQLITE_OK;
  });
  const auto first = journal->open_producer();
  const auto second = journal->open_producer();
  Reports reports;
  first->append(kHere, {bytes("a")}, reports.next());
  // Once the journal's thread has taken it, it stands in the write and what follows piles up.
  while (journal->counters().queued_batches > 0) std::this_thread::yield();
  first->append(kHere, {bytes(std::string(900, 'b'))}, reports.next());
  second->append(kHere, {bytes(std::string(200, 'c'))}, reports.next());  // no room
  second->append(kHere, {bytes("d")}, reports.next());                    // room, but behind a refused one
  first->append(kHere, {bytes("e")}, reports.next());
  CHECK(journal->counters().queued_bytes == 902);
  closed = false;
  closed.notify_all();
  std::string outcomes;
  for (const auto& report : reports.wait()) outcomes += report.outcome == AppendOutcome::written ? 'w' : 'n';
  CHECK(outcomes == "wwnnw");
  CHECK(journal->end_offset(kHere) == 3);
  CHECK(journal->counters().refused_batches == 2);
  CHECK(journal->counters().commits == 2);  // what waited went as one group
  disk.mend();
}

TEST_CASE("sqlite: opening says what is wrong") {
  Disk disk;
  const auto options = disk.options();
  CHECK(contains(refusal(options, disk.clock), "journal init"));
  CHECK_FALSE(std::filesystem::exists(options.file));
  SUBCASE("an interrupted init") {
    SUBCASE("before anything was written") {
      std::ofstream(options.file).close();
    }
    SUBCASE("before the tables were") {
      sqlite::Connection(options.file, {sqlite::OpenMode::create, 0, {}}).exec("PRAGMA journal_mode = WAL");
      CHECK(std::filesystem::file_size(options.file) > 0);
    }
    CHECK(contains(refusal(options, disk.clock), "never finished"));
    CHECK(SqliteJournal::create(options, disk.clock)->end_offset(kHere) == 0);
  }
  SUBCASE("not a database") {
    std::ofstream(options.file) << std::string(8192, 'x');
    CHECK(contains(refusal(options, disk.clock), "not a database"));
  }
  SUBCASE("another program's database") {
    sqlite::Connection(options.file, {sqlite::OpenMode::create, 0, {}}).exec("CREATE TABLE t (x)");
    CHECK(contains(refusal(options, disk.clock), "not a groundtruth journal"));
  }
  SUBCASE("a second opener") {
    const auto journal = SqliteJournal::create(options, disk.clock);
    CHECK(contains(refusal(options, disk.clock), "another process"));
    const auto producer = journal->open_producer();
    CHECK(append_and_wait(*producer, kHere, {bytes("x")}).outcome == AppendOutcome::written);
  }
}

TEST_CASE("sqlite: a producer that outlives its journal is refused") {
  Disk disk;
  auto journal = SqliteJournal::create(disk.options(), disk.clock);
  const auto producer = journal->open_producer();
  Reports reports;
  for (int i = 0; i < 100; ++i) producer->append(kHere, {bytes("x")}, reports.next());
  journal.reset();  // writes what is queued first
  for (const auto& report : reports.wait()) CHECK(report.outcome == AppendOutcome::written);
  CHECK(append_and_wait(*producer, kHere, {bytes("late")}).outcome == AppendOutcome::not_written);
  CHECK(SqliteJournal::open(disk.options(), disk.clock)->end_offset(kHere) == 100);
}

}  // namespace groundtruth::journal::testing
