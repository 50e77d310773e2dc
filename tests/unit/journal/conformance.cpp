// The one suite that every journal passes (contract in journal/journal.hpp).
#include <doctest/doctest.h>

#include <map>
#include <thread>

#include "conformance_support.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "kafka_brokers.hpp"

namespace groundtruth::journal::testing {
namespace {

constexpr Partition kTasks3{Topic::tasks, 3};
constexpr Partition kTasks4{Topic::tasks, 4};

struct MemoryKind {
  static constexpr bool kReadIsDurable = true;
  static constexpr bool kNotifies = true;
  FixedClock clock;
  std::unique_ptr<Journal> make(ReportMode reports) const {
    return std::make_unique<MemoryJournal>(MemoryJournalOptions{.clock = &clock,
                                                                .read_is_durable = true,
                                                                .delay_visibility = false,
                                                                .reports = reports,
                                                                .faults = {}});
  }
};
struct MemoryInline : MemoryKind {
  std::unique_ptr<Journal> journal = make(ReportMode::immediate);
};
struct MemoryThreaded : MemoryKind {
  std::unique_ptr<Journal> journal = make(ReportMode::threaded);
};
struct SqliteKind {
  static constexpr bool kReadIsDurable = true;
  static constexpr bool kNotifies = true;
  FixedClock clock;
  TempDirectory directory;
  std::unique_ptr<Journal> make(std::size_t tail_records, std::size_t max_group_records) const {
    SqliteJournalOptions options;
    options.file = directory.path() / "journal.db";
    options.tail_records = tail_records;
    options.max_group_records = max_group_records;
    options.checkpoint_pages = 64;
    return SqliteJournal::create(options, clock);
  }
};
struct Sqlite : SqliteKind {
  std::unique_ptr<Journal> journal = make(1024, 4096);
};
struct SqliteFromFile : SqliteKind {  // nothing is kept in memory, every read goes to the file
  std::unique_ptr<Journal> journal = make(0, 7);
};
struct KafkaKind {
  static constexpr bool kReadIsDurable = false;
  FixedClock clock;
  KafkaBrokers brokers;
  std::unique_ptr<Journal> journal = KafkaJournal::open(brokers.options(), clock);
};
struct KafkaFollowed : KafkaKind {
  static constexpr bool kNotifies = true;
  KafkaFollowed() {
    for (std::size_t i = 0; i < kPartitionTotal; ++i) journal->follow(partition_at(i), 0);
  }
};
struct KafkaFromBrokers : KafkaKind {  // nothing is followed, every read goes to the brokers
  static constexpr bool kNotifies = false;
};

}  // namespace

}  // namespace groundtruth::journal::testing

TYPE_TO_STRING(groundtruth::journal::testing::MemoryInline);
TYPE_TO_STRING(groundtruth::journal::testing::MemoryThreaded);
TYPE_TO_STRING(groundtruth::journal::testing::Sqlite);
TYPE_TO_STRING(groundtruth::journal::testing::SqliteFromFile);
TYPE_TO_STRING(groundtruth::journal::testing::KafkaFollowed);
TYPE_TO_STRING(groundtruth::journal::testing::KafkaFromBrokers);

namespace groundtruth::journal::testing {

#define FOR_EVERY_JOURNAL(name)                                                                          \
  TEST_CASE_TEMPLATE("every journal: " name, Kind, MemoryInline, MemoryThreaded, Sqlite, SqliteFromFile, \
                     KafkaFollowed, KafkaFromBrokers)

FOR_EVERY_JOURNAL("an empty partition starts and ends at 0") {
  Kind kind;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    CHECK(kind.journal->start_offset(partition_at(i)) == 0);
    CHECK(kind.journal->end_offset(partition_at(i)) == 0);
    CHECK(kind.journal->read(partition_at(i), 0, 10).empty());
  }
  CHECK(kind.journal->read(kTasks3, 17, 10).empty());
  CHECK_FALSE(kind.journal->info().kind.empty());
  CHECK(kind.journal->info().read_is_durable == Kind::kReadIsDurable);
}

FOR_EVERY_JOURNAL("a batch lands contiguously and is reported with its first offset") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  const auto first = append_and_wait(*producer, kTasks3, {bytes("a"), bytes("b"), bytes("c")});
  CHECK(first.outcome == AppendOutcome::written);
  CHECK(first.first_offset == 0);
  const auto second = append_and_wait(*producer, kTasks3, {bytes("d")});
  CHECK(second.first_offset == 3);
  CHECK(append_and_wait(*producer, kTasks4, {bytes("other")}).first_offset == 0);
  CHECK(kind.journal->end_offset(kTasks3) == 4);
  await_visible(*kind.journal, kTasks3, 4);
  const auto records = kind.journal->read(kTasks3, 0, 10);
  REQUIRE(records.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(records[i].offset == i);
    CHECK(*records[i].value == std::string(1, static_cast<char>('a' + i)));
    CHECK(records[i].appended_at == kind.clock.now());
  }
}

FOR_EVERY_JOURNAL("bytes come back as they were, whatever they are") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  const std::vector<std::string> odd{std::string("nul\0inside", 10), "\xff\xfe not UTF-8",
                                     "{\"a\":\"\xc3\xa9\"}", std::string(kMaxCommitBytes, 'x')};
  for (const auto& value : odd) append_and_wait(*producer, kTasks3, {bytes(value)});
  await_visible(*kind.journal, kTasks3, odd.size());
  CHECK(values(*kind.journal, kTasks3) == odd);
}

FOR_EVERY_JOURNAL("reading is bounded by records and by bytes, and gives at least one") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  std::vector<Bytes> batch;
  for (int i = 0; i < 10; ++i) batch.push_back(bytes(std::string(100, 'x')));
  append_and_wait(*producer, kTasks3, batch);
  await_visible(*kind.journal, kTasks3, batch.size());
  CHECK(kind.journal->read(kTasks3, 0, 4).size() == 4);
  CHECK(kind.journal->read(kTasks3, 8, 4).size() == 2);
  CHECK(kind.journal->read(kTasks3, 0, 0).empty());
  CHECK(kind.journal->read(kTasks3, 0, 10, 350).size() == 3);
  CHECK(kind.journal->read(kTasks3, 0, 10, 1).size() == 1);
  CHECK(kind.journal->read(kTasks3, 5, 1).front().offset == 5);
}

FOR_EVERY_JOURNAL("an append without records or to no partition is a mistake of the caller") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  CHECK_THROWS_AS(producer->append(kTasks3, {}, [](AppendReport) {}), std::invalid_argument);
  CHECK_THROWS_AS(producer->append({Topic::deliveries, 16}, {bytes("x")}, [](AppendReport) {}),
                  std::invalid_argument);
}

FOR_EVERY_JOURNAL("a record is visible when it is reported, and the subscriber hears of its partition") {
  Kind kind;
  std::mutex mutex;
  std::map<Partition, int> heard;
  kind.journal->on_visible([&](Partition partition) {
    const std::lock_guard lock(mutex);
    heard[partition] += 1;
  });
  const auto producer = kind.journal->open_producer();
  Reports reports;
  std::atomic<std::uint64_t> end_at_report{0};
  auto done = reports.next();
  producer->append(kTasks3, {bytes("a"), bytes("b")}, [&, done](AppendReport report) {
    end_at_report = kind.journal->end_offset(kTasks3);
    done(std::move(report));
  });
  reports.wait();
  CHECK(end_at_report == 2);
  await_visible(*kind.journal, kTasks3, 2);
  if (!Kind::kNotifies) return;
  CHECK(eventually([&] {
    const std::lock_guard lock(mutex);
    return heard[kTasks3] >= 1;
  }));
  const std::lock_guard lock(mutex);
  CHECK(heard.size() == 1);
}

FOR_EVERY_JOURNAL("a destroyed producer reports no more, even from within its own report") {
  Kind kind;
  std::atomic<int> reported{0};
  auto producer = kind.journal->open_producer();
  for (int i = 0; i < 100; ++i) producer->append(kTasks3, {bytes("x")}, [&](AppendReport) { ++reported; });
  producer.reset();
  const int at_the_end = reported;
  const auto other = kind.journal->open_producer();
  append_and_wait(*other, kTasks3, {bytes("y")});
  CHECK(reported == at_the_end);

  Reports reports;
  auto suicidal = kind.journal->open_producer();
  suicidal->append(kTasks3, {bytes("z")}, [&, done = reports.next()](AppendReport report) {
    suicidal.reset();
    done(std::move(report));
  });
  CHECK(reports.wait().front().outcome == AppendOutcome::written);
}

FOR_EVERY_JOURNAL("an append from within a report works") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  Reports reports;
  auto last = reports.next();
  std::function<void(int)> again = [&](int left) {
    producer->append(kTasks3, {bytes(std::to_string(left))}, [&, left](AppendReport report) {
      if (left == 0) return last(std::move(report));
      again(left - 1);
    });
  };
  again(50);
  CHECK(reports.wait().front().first_offset == 50);
}

FOR_EVERY_JOURNAL("producers and readers at once: every producer's order holds, offsets are dense") {
  constexpr int kProducers = 4;
  constexpr int kAppends = 150;
  Kind kind;
  const std::vector<Partition> partitions{kTasks3, kTasks4};
  std::vector<std::thread> threads;
  std::vector<Reports> reports(kProducers);
  for (int p = 0; p < kProducers; ++p) {
    threads.emplace_back([&, p] {
      const auto producer = kind.journal->open_producer();
      for (int i = 0; i < kAppends; ++i) {
        const auto tag = std::to_string(p) + ":" + std::to_string(i) + ":";
        producer->append(partitions[static_cast<std::size_t>(i % 2)], {bytes(tag + "0"), bytes(tag + "1")},
                         reports[static_cast<std::size_t>(p)].next());
      }
      reports[static_cast<std::size_t>(p)].wait();
    });
  }
  // Readers follow to the end that must come; a record once read may never change.
  constexpr std::uint64_t kEnd = kProducers * kAppends;
  std::vector<std::vector<std::string>> followed(2);
  for (std::size_t r = 0; r < 2; ++r) {
    threads.emplace_back([&, r] {
      std::uint64_t next = 0;
      while (next < kEnd) {
        for (const auto& record : kind.journal->read(partitions[r], next, 37)) {
          if (record.offset != next) return;
          followed[r].push_back(*record.value);
          ++next;
        }
        std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();

  for (std::size_t r = 0; r < 2; ++r) {
    REQUIRE(followed[r].size() == kEnd);
    CHECK(values(*kind.journal, partitions[r]) == followed[r]);
    std::map<int, int> last;
    for (std::size_t i = 0; i < followed[r].size(); i += 2) {
      const auto& value = followed[r][i];
      const auto colon = value.find(':');
      const int producer = std::stoi(value.substr(0, colon));
      const int number = std::stoi(value.substr(colon + 1));
      CHECK(value.ends_with(":0"));
      CHECK(followed[r][i + 1] == value.substr(0, value.size() - 1) + "1");
      if (last.contains(producer)) CHECK(number == last[producer] + 2);
      last[producer] = number;
    }
  }
  for (auto& producer : reports)
    for (const auto& report : producer.wait()) CHECK(report.outcome == AppendOutcome::written);
}

FOR_EVERY_JOURNAL("the end that is asked for is one that came after the question") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  for (std::uint64_t i = 1; i <= 20; ++i) {
    append_and_wait(*producer, kTasks3, {bytes("x")});
    std::atomic<std::uint64_t> end{0};
    kind.journal->ask_end(kTasks3, [&](std::uint64_t answer) { end = answer; });
    CHECK(eventually([&] { return end != 0; }));
    CHECK(end == i);
    CHECK(kind.journal->end_offset(kTasks3) == i);
  }
}

FOR_EVERY_JOURNAL("what is stored is what was appended") {
  Kind kind;
  const auto producer = kind.journal->open_producer();
  append_and_wait(*producer, kTasks3, {bytes("a"), bytes("b"), bytes("c")});
  const auto records = kind.journal->read_stored(kTasks3, 1, 10);
  REQUIRE(records.size() == 2);
  CHECK(records.front().offset == 1);
  CHECK(*records.back().value == "c");
}

}  // namespace groundtruth::journal::testing
