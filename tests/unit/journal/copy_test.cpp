// A journal that moves: every byte at its offset, nothing when the logs do not fit together.
#include "journal/copy.hpp"

#include <doctest/doctest.h>

#include "conformance_support.hpp"
#include "journal/genesis.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/sqlite/sqlite_journal.hpp"

namespace groundtruth::journal::testing {
namespace {

constexpr auto kUuid = "0b8f7c62-54a5-4a3e-9d0e-0d3c1f1f9a01";
constexpr Partition kHere{Topic::engagements, 2};

void append(Journal& journal, Partition partition, std::vector<Bytes> values) {
  const auto producer = journal.open_producer();
  append_and_wait(*producer, partition, std::move(values));
}

// Genesis, commits, and an orphan among them.
void fill(Journal& journal, const Clock& clock, int commits) {
  init_journal(journal, kUuid, clock);
  ChainMaker chain(journal.read(kHere, 0, 1).front().value);
  for (int i = 1; i <= commits; ++i) {
    const auto commit = chain.next("commit " + std::to_string(i) + std::string(700, '.'));
    append(journal, kHere, {commit});
    if (i == 3) append(journal, kHere, {commit});
  }
}

struct SqliteFile {
  TempDirectory directory;
  std::unique_ptr<SqliteJournal> journal;
  explicit SqliteFile(const Clock& clock) {
    SqliteJournalOptions options;
    options.file = directory.path() / "journal.db";
    journal = SqliteJournal::create(options, clock);
  }
};

void check_same(const Journal& a, const Journal& b) {
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    const auto partition = partition_at(i);
    REQUIRE(a.end_offset(partition) == b.end_offset(partition));
    const auto mine = a.read(partition, 0, 10'000, 1 << 30), theirs = b.read(partition, 0, 10'000, 1 << 30);
    REQUIRE(mine.size() == theirs.size());
    for (std::size_t at = 0; at < mine.size(); ++at) {
      REQUIRE(mine[at].offset == theirs[at].offset);
      REQUIRE(*mine[at].value == *theirs[at].value);
    }
  }
}

}  // namespace

TEST_CASE("copy: there and back, every record at its offset") {
  FixedClock clock;
  MemoryJournal from;
  fill(from, clock, 3'000);
  SqliteFile file(clock);
  std::uint64_t last = 0;
  const auto report = copy_journal(from, *file.journal, [&](std::uint64_t done, std::uint64_t total) {
    CHECK(done >= last);
    CHECK(total == kPartitionTotal + 3'001);
    last = done;
  });
  CHECK(last == kPartitionTotal + 3'001);
  CHECK(report.journal_uuid == kUuid);
  CHECK(report.records == kPartitionTotal + 3'001);
  CHECK(report.commits == kPartitionTotal + 3'000);
  CHECK(report.orphans == 1);
  CHECK(report.appended == report.records);
  check_same(from, *file.journal);
  MemoryJournal back;
  copy_journal(*file.journal, back, {});
  check_same(from, back);
  // Once more has nothing to do.
  CHECK(copy_journal(from, back, {}).appended == 0);
}

TEST_CASE("copy: one that was interrupted goes on where it stopped") {
  FixedClock clock;
  MemoryJournal from, to;
  fill(from, clock, 50);
  append(to, partition_at(0), {from.read(partition_at(0), 0, 1).front().value});
  std::vector<Bytes> some;
  for (const auto& record : from.read(kHere, 0, 20)) some.push_back(record.value);
  append(to, kHere, some);
  CHECK(copy_journal(from, to, {}).appended == kPartitionTotal + 51 - 1 - 20);
  check_same(from, to);
}

TEST_CASE("copy: a target of something else is refused, and stays as it is") {
  FixedClock clock;
  MemoryJournal from;
  fill(from, clock, 5);
  SUBCASE("another journal") {
    MemoryJournal to;
    init_journal(to, "11111111-54a5-4a3e-9d0e-0d3c1f1f9a01", clock);
    CHECK_THROWS_AS(copy_journal(from, to, {}), CopyRefused);
    CHECK(to.end_offset(kHere) == 1);
  }
  SUBCASE("one that was written since") {
    MemoryJournal to;
    copy_journal(from, to, {});
    append(to, kHere, {bytes("more")});
    CHECK_THROWS_AS(copy_journal(from, to, {}), CopyRefused);
    CHECK(to.end_offset(kHere) == 8);
  }
  SUBCASE("one that differs in the middle") {
    MemoryJournal to;
    const auto records = from.read(kHere, 0, 3);
    append(to, kHere, {records[0].value, bytes("another"), records[2].value});
    CHECK_THROWS_AS(copy_journal(from, to, {}), CopyRefused);
    CHECK(to.end_offset(kHere) == 3);
  }
}

TEST_CASE("copy: without a whole journal there is nothing to copy") {
  FixedClock clock;
  MemoryJournal from, to;
  CHECK_THROWS_AS(copy_journal(from, to, {}), BadGenesis);
  append(from, kHere, {bytes("no genesis")});
  CHECK_THROWS_AS(copy_journal(from, to, {}), BadGenesis);
  CHECK(to.end_offset(kHere) == 0);
}

TEST_CASE("copy: a source that does not verify is refused before anything is written") {
  FixedClock clock;
  MemoryJournal from, to;
  fill(from, clock, 5);
  append(from, kHere, {bytes("not one of ours")});
  CHECK_THROWS_AS(copy_journal(from, to, {}), CopyRefused);
  CHECK(to.end_offset(partition_at(0)) == 0);
}

}  // namespace groundtruth::journal::testing
