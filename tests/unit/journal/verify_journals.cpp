// The auditor finds what was done to a journal, and finds nothing where nothing was.
#include <doctest/doctest.h>

#include <fstream>

#include "conformance_support.hpp"
#include "journal/commit.hpp"
#include "journal/genesis.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/sqlite/db.hpp"
#include "journal/verify.hpp"
#include "tests/unit/files.hpp"

namespace groundtruth::journal::testing {
namespace {

constexpr auto kUuid = "0b8f7c62-54a5-4a3e-9d0e-0d3c1f1f9a01";
constexpr Partition kHere{Topic::engagements, 2};

// Genesis everywhere and ten commits in kHere: offsets 0–10.
void fill(Journal& journal, const Clock& clock) {
  init_journal(journal, kUuid, clock);
  ChainMaker chain(journal.read(kHere, 0, 1).front().value);
  const auto producer = journal.open_producer();
  for (int i = 1; i <= 10; ++i)
    append_and_wait(*producer, kHere,
                    {chain.next("commit number " + std::to_string(i) + std::string(500, '.'))});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Memory {
  FixedClock clock;
  MemoryJournal journal;
  Memory() { fill(journal, clock); }
  VerifyReport verify() const { return verify_journal(journal, {}); }
  Bytes at(std::uint64_t offset) const { return journal.read(kHere, offset, 1).front().value; }
  void append(Bytes value) {
    const auto producer = journal.open_producer();
    append_and_wait(*producer, kHere, {std::move(value)});
  }
};

struct File {
  FixedClock clock;
  TempDirectory directory;
  SqliteJournalOptions options;
  File() {
    options.file = directory.path() / "journal.db";
    const auto journal = SqliteJournal::create(options, clock);
    fill(*journal, clock);
  }
  VerifyReport verify(bool repair = false) const { return verify_sqlite_journal(options, clock, {}, repair); }
  std::size_t find(const std::string& text) const {
    return groundtruth::testing::read_file(options.file).find(text);
  }
  std::size_t page_bytes() const { return static_cast<std::size_t>(options.page_bytes); }
  std::size_t page_of(const std::string& text) const { return find(text) / page_bytes() * page_bytes(); }
  void overwrite(std::size_t at, const std::string& with) const {
    std::fstream out(options.file, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out << with;
  }
};

}  // namespace

TEST_CASE("verify: a sound journal is counted, commit by commit") {
  Memory memory;
  // A stale writer's records, one upon the other, are no harm.
  const Head stale{true, 8, id_of(*memory.at(8))};
  const auto orphan = ChainMaker::after(stale, "from a stale writer");
  memory.append(orphan);
  memory.append(ChainMaker::after({true, 9, id_of(*orphan)}, "and the one behind it"));
  memory.append(memory.at(10));  // the same bytes again

  int decoded = 0;
  std::uint64_t furthest = 0;
  const auto report =
      verify_journal(memory.journal, {.decode = [&](Partition, const Record&) { ++decoded; },
                                      .progress =
                                          [&](Partition p, std::uint64_t next, std::uint64_t) {
                                            if (p == kHere) furthest = next;
                                          }});
  CHECK(report.sound());
  CHECK(report.journal_uuid == kUuid);
  CHECK(report.commits == kPartitionTotal + 10);
  CHECK(report.orphans == 3);
  CHECK(report.records == kPartitionTotal + 13);
  CHECK(report.partitions[index_of(kHere)].head.seq == 10);
  CHECK(decoded == 10);
  CHECK(furthest == 14);
}

TEST_CASE("verify: altered history is found and named") {
  Memory memory;
  std::uint64_t at = 0;
  std::string what;
  SUBCASE("a byte of a commit") {
    auto altered = *memory.at(4);
    altered[altered.size() - 20] = '!';
    memory.journal.swap_record(kHere, 4, bytes(altered));
    at = 5;
    what = "nowhere before it; the chain ends at seq 4";
  }
  SUBCASE("a prefix") {
    memory.journal.swap_record(kHere, 4, bytes("{\"sEq\"" + memory.at(4)->substr(6)));
    at = 4;
    what = "no record of a groundtruth journal";
  }
  SUBCASE("a record replaced by an earlier one") {
    memory.journal.swap_record(kHere, 4, memory.at(3));
    at = 5;
    what = "nowhere before it; the chain ends at seq 3";
  }
  SUBCASE("genesis") {
    Genesis genesis;
    genesis.journal = kUuid;
    genesis.topic = to_string(kHere.topic);
    genesis.partition = kHere.number;
    memory.journal.swap_record(kHere, 0, bytes(encode_genesis(genesis, {1})));
    at = 1;
    what = "the chain ends at seq 0";
  }
  SUBCASE("an orphan from a history that nobody has") {
    memory.append(ChainMaker::after({true, 20, id_of("elsewhere")}, "x"));
    at = 11;
    what = "seq 21 follows commit";
  }
  SUBCASE("an orphan with a seq that its prev cannot have") {
    memory.append(ChainMaker::after({true, 3, id_of(*memory.at(7))}, "x"));
    at = 11;
    what = "nowhere before it";
  }
  SUBCASE("the beginning") {
    memory.journal.truncate_head(kHere, 3);
    what = "history starts at offset 3";
  }
  SUBCASE("everything") {
    memory.journal.truncate_tail(kHere, 0);
    what = "has no genesis";
  }
  SUBCASE("another journal's partition") {
    Genesis genesis;
    genesis.journal = "another";
    genesis.topic = to_string(kHere.topic);
    genesis.partition = kHere.number;
    memory.journal.truncate_tail(kHere, 0);
    memory.append(bytes(encode_genesis(genesis, {})));
    what = "belongs to journal another";
  }
  const auto report = memory.verify();
  REQUIRE_FALSE(report.sound());
  CHECK(report.problem->partition == kHere);
  CHECK(report.problem->offset == at);
  CHECK_MESSAGE(contains(report.problem->what, what), report.problem->what);
  CHECK(to_string(*report.problem).starts_with("engagements/2 offset " + std::to_string(at) + ": "));
}

TEST_CASE("verify: a commit that cannot be decoded is a problem at its offset") {
  Memory memory;
  const auto report = verify_journal(memory.journal, {.decode =
                                                          [](Partition, const Record& record) {
                                                            if (record.offset == 6)
                                                              throw UnreadableCommit("unknown type");
                                                          },
                                                      .progress = {}});
  REQUIRE_FALSE(report.sound());
  CHECK(report.problem->offset == 6);
  CHECK(contains(report.problem->what, "unknown type"));
  CHECK(report.commits == kPartitionTotal + 10);
}

TEST_CASE("verify: a sound file verifies and its marker can be repaired") {
  File file;
  const auto marker = SqliteJournal::marker_of(file.options.file);
  std::ofstream(marker) << "disk I/O error\n";
  CHECK_THROWS_WITH_AS(SqliteJournal::open(file.options, file.clock), doctest::Contains("disk I/O error"),
                       std::runtime_error);
  CHECK(file.verify(false).sound());
  CHECK(std::filesystem::exists(marker));
  CHECK(file.verify(true).sound());
  CHECK_FALSE(std::filesystem::exists(marker));
  CHECK(SqliteJournal::open(file.options, file.clock)->end_offset(kHere) == 11);
}

TEST_CASE("verify: a damaged file is found, and its marker stays") {
  File file;
  const auto marker = SqliteJournal::marker_of(file.options.file);
  std::ofstream(marker) << "disk I/O error\n";
  std::string what;
  SUBCASE("a flipped bit in a commit") {
    file.overwrite(file.find("commit number 5"), "commit nu}ber 5");
    what = "nowhere before it";
  }
  SUBCASE("a page overwritten") {
    file.overwrite(file.page_of("commit number 5"), std::string(file.page_bytes(), '\0'));
    what = "malformed";
  }
  SUBCASE("cut short") {
    std::filesystem::resize_file(file.options.file, file.page_of("commit number 5"));
    what = "malformed";
  }
  SUBCASE("the header") {
    file.overwrite(0, "garbage garbage garbage");
    what = "not a database";
  }
  SUBCASE("gone") {
    std::filesystem::remove(file.options.file);
    what = "no journal here";
  }
  const auto report = file.verify(true);
  REQUIRE_FALSE(report.sound());
  CHECK_MESSAGE(contains(report.problem->what, what), to_string(*report.problem));
  CHECK(std::filesystem::exists(marker));
}

TEST_CASE("verify: a missing row is a missing record") {
  File file;
  // What only another program could do: the journal never deletes.
  sqlite::Connection(file.options.file, {}).exec("DELETE FROM engagements_2 WHERE offset = 4");
  const auto report = file.verify();
  REQUIRE_FALSE(report.sound());
  CHECK(report.problem->offset == 4);
  CHECK(contains(report.problem->what, "missing"));
}

TEST_CASE("verify: a file that another process has open is not touched") {
  File file;
  const auto journal = SqliteJournal::open(file.options, file.clock);
  const auto report = file.verify(true);
  REQUIRE_FALSE(report.sound());
  CHECK(contains(report.problem->what, "another process"));
}

}  // namespace groundtruth::journal::testing
