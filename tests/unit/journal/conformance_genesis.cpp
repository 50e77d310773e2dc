// Genesis: written once, finished after an interruption, refused when it is another's.
#include <doctest/doctest.h>

#include "conformance_support.hpp"
#include "journal/commit.hpp"
#include "journal/genesis.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/sqlite/sqlite_journal.hpp"

namespace groundtruth::journal::testing {
namespace {

constexpr auto kUuid = "0b8f7c62-54a5-4a3e-9d0e-0d3c1f1f9a01";
constexpr auto kOther = "7d1c0a44-0f5e-4d0b-8a9c-5f3f0c2b7e02";

Bytes genesis_for(Partition partition, const std::string& uuid) {
  Genesis genesis;
  genesis.journal = uuid;
  genesis.topic = to_string(partition.topic);
  genesis.partition = partition.number;
  return bytes(encode_genesis(genesis, {}));
}

std::string refusal(const Journal& journal) {
  try {
    check_genesis(journal);
  } catch (const BadGenesis& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("genesis: init writes every partition once and says which journal it is") {
  FixedClock clock;
  TempDirectory directory;
  SqliteJournalOptions options;
  options.file = directory.path() / "journal.db";
  {
    const auto journal = SqliteJournal::create(options, clock);
    CHECK(refusal(*journal).find("journal init") != std::string::npos);
    CHECK(init_journal(*journal, kUuid, clock) == kUuid);
    CHECK(init_journal(*journal, kOther, clock) == kUuid);
  }
  const auto journal = SqliteJournal::open(options, clock);
  CHECK(check_genesis(*journal) == kUuid);
  for (std::size_t i = 0; i < kPartitionTotal; ++i) CHECK(journal->end_offset(partition_at(i)) == 1);
}

TEST_CASE("genesis: an interrupted init is finished with the UUID that it began with") {
  FixedClock clock;
  MemoryJournal journal;
  const auto producer = journal.open_producer();
  append_and_wait(*producer, partition_at(5), {genesis_for(partition_at(5), kOther)});
  CHECK(init_journal(journal, kUuid, clock) == kOther);
  CHECK(check_genesis(journal) == kOther);
}

TEST_CASE("genesis: a journal that is full says so, and the next init finishes") {
  FixedClock clock;
  MemoryJournalOptions options;
  bool full = true;
  options.faults = [&](const AppendAttempt& attempt) {
    return AppendFault{full && attempt.number >= 10 ? AppendFault::Kind::refuse : AppendFault::Kind::deliver,
                       0};
  };
  MemoryJournal journal(options);
  CHECK_THROWS_WITH_AS(init_journal(journal, kUuid, clock), doctest::Contains("again"), std::runtime_error);
  full = false;
  CHECK(init_journal(journal, kOther, clock) == kUuid);
}

TEST_CASE("genesis: what is not this journal is refused with the reason") {
  FixedClock clock;
  MemoryJournal journal;
  init_journal(journal, kUuid, clock);
  const auto broken = partition_at(7);
  SUBCASE("another journal's partition") {
    journal.swap_record(broken, 0, genesis_for(broken, kOther));
    CHECK(refusal(journal).find(kOther) != std::string::npos);
  }
  SUBCASE("another partition's genesis") {
    journal.swap_record(broken, 0, genesis_for(partition_at(8), kUuid));
    CHECK(refusal(journal).find("genesis says partition 8, not 7") != std::string::npos);
  }
  SUBCASE("another format") {
    Genesis genesis;
    genesis.format = 2;
    genesis.journal = kUuid;
    genesis.topic = to_string(broken.topic);
    genesis.partition = broken.number;
    journal.swap_record(broken, 0, bytes(encode_genesis(genesis, {})));
    CHECK(refusal(journal).find("format 2") != std::string::npos);
  }
  SUBCASE("no genesis at all") {
    journal.swap_record(broken, 0, bytes("hello"));
    CHECK(refusal(journal).find("not a groundtruth journal") != std::string::npos);
  }
  SUBCASE("history that was cut") {
    const auto producer = journal.open_producer();
    append_and_wait(*producer, broken, {bytes("x")});
    journal.truncate_head(broken, 1);
    CHECK(refusal(journal).find("cut off") != std::string::npos);
  }
  CHECK(refusal(journal).starts_with("tasks/7: "));
}

}  // namespace groundtruth::journal::testing
