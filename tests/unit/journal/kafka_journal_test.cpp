// What only the journal on Kafka has: sessions that break, windows, brokers that are away, settings of
// topics.
#include <doctest/doctest.h>

#include "conformance_support.hpp"
#include "journal/follower.hpp"
#include "kafka_brokers.hpp"

namespace groundtruth::journal::testing {
namespace {

using std::chrono::milliseconds;
using Request = KafkaBrokers::Request;
using Which = KafkaBrokers::Which;

constexpr Partition kHere{Topic::tasks, 3};
constexpr Partition kThere{Topic::runs, 7};

std::uint64_t end_now(Journal& journal, Partition partition) {
  std::atomic<std::int64_t> end{-1};
  journal.ask_end(partition, [&](std::uint64_t answer) { end = static_cast<std::int64_t>(answer); });
  REQUIRE(eventually([&] { return end >= 0; }));
  return static_cast<std::uint64_t>(end.load());
}

std::vector<std::string> read_all(Journal& journal, Partition partition) {
  std::vector<std::string> out;
  const auto end = end_now(journal, partition);
  for (std::uint64_t next = 0; next < end;) {
    const auto records = read_patiently(journal, partition, next, 500);
    REQUIRE_FALSE(records.empty());
    for (const auto& record : records) {
      REQUIRE(record.offset == next);
      out.push_back(*record.value);
      ++next;
    }
  }
  return out;
}

std::string failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

struct Sink final : FollowerSink {
  void accepted(const Record&, const Link&) override { ++commits; }
  void orphaned(const Record&, const Link&) override {}
  void halted(const std::string& evidence) override { halt = evidence; }
  std::size_t commits = 0;
  std::string halt;
};

}  // namespace

// The first record of a partition: behind any later one a real leader refuses by itself what would leave a
// gap, and the mock cluster does not.
TEST_CASE("kafka: after a refused record nothing of the session lands, and the next session goes on") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  auto producer = journal->open_producer();
  const auto other = journal->open_producer();
  brokers.fail_next(Request::produce, {kBrokerErrorInvalidTopic});
  const auto refused = append_and_wait(*producer, kHere, {bytes("b"), bytes("c")});
  CHECK(refused.outcome == AppendOutcome::unknown);
  CHECK_FALSE(refused.reason.empty());
  CHECK(append_and_wait(*producer, kHere, {bytes("d")}).outcome == AppendOutcome::unknown);
  CHECK(append_and_wait(*other, kThere, {bytes("d")}).outcome == AppendOutcome::unknown);
  producer = journal->open_producer();
  CHECK(append_and_wait(*producer, kHere, {bytes("e")}).outcome == AppendOutcome::written);
  CHECK(append_and_wait(*producer, kThere, {bytes("e")}).outcome == AppendOutcome::written);
  CHECK(read_all(*journal, kHere) == std::vector<std::string>{"e"});
  CHECK(read_all(*journal, kThere) == std::vector<std::string>{"e"});
  CHECK(journal->counters().sessions == 2);
}

TEST_CASE("kafka: what can be tried again is, in order and once") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  const auto producer = journal->open_producer();
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    if (i % 6 == 0)
      brokers.fail_next(Request::produce,
                        {i % 12 == 0 ? kBrokerErrorNotLeader : kBrokerErrorNotEnoughReplicas});
    expected.push_back(std::to_string(i));
    CHECK(append_and_wait(*producer, kHere, {bytes(expected.back())}).outcome == AppendOutcome::written);
  }
  CHECK(read_all(*journal, kHere) == expected);
  CHECK(journal->counters().sessions == 1);
}

TEST_CASE("kafka: brokers that are away for a moment are waited for, for longer they break the session") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto options = brokers.options();
  options.message_timeout = milliseconds(1'500);
  const auto journal = KafkaJournal::open(options, clock);
  journal->follow(kHere, 0);
  auto producer = journal->open_producer();
  REQUIRE(append_and_wait(*producer, kHere, {bytes("a")}).outcome == AppendOutcome::written);

  brokers.set_down(1);
  Reports soon;
  producer->append(kHere, {bytes("b")}, soon.next());
  std::this_thread::sleep_for(milliseconds(200));
  CHECK(soon.missing() == 1);
  brokers.set_up(1);
  CHECK(soon.wait().front().outcome == AppendOutcome::written);

  brokers.set_down(1);
  CHECK(append_and_wait(*producer, kHere, {bytes("c")}).outcome == AppendOutcome::unknown);
  std::atomic<bool> answered{false};
  journal->ask_end(kHere, [&](std::uint64_t) { answered = true; });
  producer = journal->open_producer();
  Reports later;
  producer->append(kHere, {bytes("d")}, later.next());
  std::this_thread::sleep_for(milliseconds(200));
  CHECK_FALSE(answered);
  brokers.set_up(1);
  CHECK(later.wait().front().outcome == AppendOutcome::written);
  CHECK(eventually([&] { return answered.load(); }));
  CHECK(read_all(*journal, kHere) == std::vector<std::string>{"a", "b", "d"});
}

TEST_CASE("kafka: a full queue refuses at once, and what follows is refused too") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto options = brokers.options();
  options.queue_records = 10;
  const auto journal = KafkaJournal::open(options, clock);
  auto producer = journal->open_producer();
  append_and_wait(*producer, kHere, {bytes("a")});
  brokers.set_down(1);
  Reports reports;
  for (int i = 0; i < 20; ++i) producer->append(kHere, {bytes(std::to_string(i))}, reports.next());
  brokers.set_up(1);
  const auto all = reports.wait();
  std::size_t written = 0;
  while (written < all.size() && all[written].outcome == AppendOutcome::written) ++written;
  CHECK(written >= 9);  // the first one may still count for a moment
  CHECK(all[written].outcome == AppendOutcome::not_written);
  for (auto i = written + 1; i < all.size(); ++i) CHECK(all[i].outcome == AppendOutcome::unknown);
  producer = journal->open_producer();
  CHECK(append_and_wait(*producer, kHere, {bytes("z")}).outcome == AppendOutcome::written);
  CHECK(read_all(*journal, kHere).size() == written + 2);
  CHECK(journal->counters().sessions == 1);
}

TEST_CASE("kafka: a producer outlives its journal and says that nothing is known") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto journal = KafkaJournal::open(brokers.options(), clock);
  const auto producer = journal->open_producer();
  journal.reset();
  CHECK(append_and_wait(*producer, kHere, {bytes("a")}).outcome == AppendOutcome::unknown);
}

TEST_CASE("kafka: a window fetches no further than its bound, and on when it is read") {
  constexpr std::uint64_t kRecords = 400;
  FixedClock clock;
  KafkaBrokers brokers;
  auto options = brokers.options();
  options.window_ahead_bytes = 20'000;
  options.window_behind_records = 10;
  options.properties = {{"fetch.message.max.bytes", "4000"}};
  const auto journal = KafkaJournal::open(options, clock);
  const auto producer = journal->open_producer();
  Reports reports;
  for (std::uint64_t i = 0; i < kRecords; ++i)
    producer->append(kHere, {bytes(std::to_string(i) + std::string(1000, '.'))}, reports.next());
  reports.wait();
  journal->follow(kHere, 0);
  CHECK(eventually([&] { return journal->counters().pauses > 0; }));
  std::this_thread::sleep_for(milliseconds(100));
  CHECK(journal->read(kHere, 200, 1).empty());
  CHECK(journal->end_offset(kHere) == kRecords);
  const auto cold_before = journal->counters().cold_reads;
  std::uint64_t next = 0;
  CHECK(eventually([&] {
    for (const auto& record : journal->read(kHere, next, 7)) {
      CHECK(record.offset == next);
      CHECK(record.value->starts_with(std::to_string(next) + "."));
      ++next;
    }
    journal->follow(kHere, next);
    return next == kRecords;
  }));
  CHECK(journal->counters().cold_reads == cold_before);
  CHECK(journal->counters().pauses >= 5);
  CHECK(journal->read(kHere, kRecords - 10, 100).size() == 10);
}

TEST_CASE("kafka: what is silent for a while is seen as soon as it goes on, in order and once") {
  FixedClock clock;
  KafkaBrokers brokers;
  auto options = brokers.options();
  options.quiet_after = milliseconds(20);
  options.quiet_fetch_wait = milliseconds(50);
  const auto journal = KafkaJournal::open(options, clock);
  std::atomic<int> news{0};
  journal->on_visible([&](Partition) { ++news; });
  journal->follow(kHere, 0);
  journal->follow(kThere, 0);
  const auto producer = journal->open_producer();
  std::vector<std::string> expected;
  // Pauses of each length around those in which a partition changes over.
  for (int i = 0; i < 60; ++i) {
    const int before = news;
    expected.push_back(std::to_string(i));
    REQUIRE(append_and_wait(*producer, kHere, {bytes(expected.back())}).outcome == AppendOutcome::written);
    REQUIRE(eventually([&] { return news > before; }));
    REQUIRE(journal->read(kHere, static_cast<std::uint64_t>(i), 2).size() == 1);
    journal->follow(kHere, static_cast<std::uint64_t>(i) + 1);
    std::this_thread::sleep_for(milliseconds(i * 4));
  }
  REQUIRE(append_and_wait(*producer, kThere, {bytes("there")}).outcome == AppendOutcome::written);
  REQUIRE(eventually([&] { return !journal->read(kThere, 0, 1).empty(); }));
  std::vector<std::string> seen;
  for (const auto& record : journal->read(kHere, 0, 100)) seen.push_back(*record.value);
  CHECK(seen == expected);
  CHECK(journal->counters().cold_reads == 0);
}

TEST_CASE(
    "kafka: what this process wrote is there without being fetched; what others wrote is not passed over") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  const auto other = KafkaJournal::open(brokers.options(), clock);
  journal->follow(kHere, 0);
  const auto producer = journal->open_producer();
  const auto stranger = other->open_producer();
  REQUIRE(append_and_wait(*producer, kHere, {bytes("a")}).outcome == AppendOutcome::written);
  REQUIRE(eventually([&] { return journal->counters().fetched_records == 1; }));

  brokers.fail_next(Request::fetch, std::vector<int>(1'000, kBrokerErrorNotLeader));
  std::atomic<int> notified{0};
  journal->on_visible([&](Partition partition) { notified += partition == kHere; });
  REQUIRE(append_and_wait(*producer, kHere, {bytes("b"), bytes("c")}).outcome == AppendOutcome::written);
  CHECK(notified > 0);  // before the report
  const auto own = journal->read(kHere, 0, 10);
  REQUIRE(own.size() == 3);
  CHECK(*own[2].value == "c");
  CHECK(own[2].offset == 2);
  CHECK(own[2].appended_at == clock.now());

  REQUIRE(append_and_wait(*stranger, kHere, {bytes("x")}).outcome == AppendOutcome::written);
  REQUIRE(append_and_wait(*producer, kHere, {bytes("d")}).outcome == AppendOutcome::written);
  CHECK(journal->read(kHere, 0, 10).size() == 3);
  brokers.clear_failures(Request::fetch);
  CHECK(read_all(*journal, kHere) == std::vector<std::string>{"a", "b", "c", "x", "d"});
}

TEST_CASE("kafka: where all news is this process's own, what others write there is seen all the same") {
  FixedClock clock;
  KafkaBrokers brokers;
  auto options = brokers.options();
  options.own_after = milliseconds(50);
  options.fetch_wait = milliseconds(5'000);  // what waits for an acknowledgement to say so would be late
  const auto journal = KafkaJournal::open(options, clock);
  const auto other = KafkaJournal::open(brokers.options(), clock);
  journal->follow(kHere, 0);
  const auto producer = journal->open_producer();
  const auto stranger = other->open_producer();
  std::vector<std::string> expected;
  const auto write = [&](Producer& by, std::size_t count) {
    std::vector<Bytes> batch;
    for (std::size_t i = 0; i < count; ++i) {
      expected.push_back(std::to_string(expected.size()));
      batch.push_back(bytes(expected.back()));
    }
    REQUIRE(append_and_wait(by, kHere, batch).outcome == AppendOutcome::written);
  };
  const auto read_up = [&] {
    std::vector<std::string> seen;
    REQUIRE(eventually([&] {
      for (const auto& record : journal->read(kHere, seen.size(), 1'000)) seen.push_back(*record.value);
      return seen.size() >= expected.size();
    }));
    CHECK(seen == expected);
    journal->follow(kHere, expected.size());
  };
  REQUIRE(eventually([&] {
    write(*producer, 50);
    journal->follow(kHere, expected.size());
    return journal->counters().own_partitions == 1;
  }));
  write(*stranger, 1);
  write(*producer, 1);  // its place says that there is another one before it
  read_up();
  SUBCASE("and goes back to fetching at leisure") {
    REQUIRE(eventually([&] {
      write(*producer, 50);
      journal->follow(kHere, expected.size());
      return journal->counters().own_partitions == 1;
    }));
  }
  SUBCASE("and once it is silent, nothing waits") {
    CHECK(eventually([&] { return journal->counters().own_partitions == 0; }));
    write(*stranger, 1);
    read_up();
  }
}

namespace {

// Records of their number as text; all but the last hundred lie before the window.
std::unique_ptr<KafkaJournal> journal_with(std::uint64_t records, const KafkaBrokers& brokers,
                                           const FixedClock& clock) {
  auto journal = KafkaJournal::open(brokers.options(), clock);
  std::vector<Bytes> batch;
  for (std::uint64_t i = 0; i < records; ++i) batch.push_back(bytes(std::to_string(i)));
  append_and_wait(*journal->open_producer(), kHere, batch);
  journal->follow(kHere, records - 100);
  await_visible(*journal, kHere, records);
  return journal;
}

}  // namespace

TEST_CASE("kafka: what lies before the window is read from the brokers, in order without seeking") {
  constexpr std::uint64_t kRecords = 3'000;
  FixedClock clock;
  KafkaBrokers brokers;
  const auto journal = journal_with(kRecords, brokers, clock);
  const auto seeks_before = journal->counters().cold_seeks;
  std::uint64_t first = 0, second = 0;  // two who read at once
  while (first < kRecords || second < kRecords) {
    for (const auto& record : journal->read(kHere, first, 100))
      CHECK(*record.value == std::to_string(first++));
    for (const auto& record : journal->read(kHere, second, 70))
      CHECK(*record.value == std::to_string(second++));
  }
  CHECK(journal->counters().cold_reads > 50);
  CHECK(journal->counters().cold_seeks - seeks_before <= 4);
}

// As followers do, to see that what they read last still stands there.
TEST_CASE("kafka: who reads on from the record that it read last goes on where it ended too") {
  constexpr std::uint64_t kRecords = 2'000;
  FixedClock clock;
  KafkaBrokers brokers;
  const auto journal = journal_with(kRecords, brokers, clock);
  std::uint64_t last = 0;
  CHECK(*journal->read(kHere, 0, 1).front().value == "0");
  const auto seeks_before = journal->counters().cold_seeks;
  while (last + 1 < kRecords - 100) {
    const auto again = journal->read(kHere, last, 1);
    REQUIRE(again.size() == 1);
    CHECK(*again.front().value == std::to_string(last));
    const auto records = journal->read(kHere, last, 101);
    REQUIRE(records.size() > 1);
    for (const auto& record : records) CHECK(*record.value == std::to_string(last++));
    --last;
  }
  CHECK(journal->counters().cold_seeks == seeks_before);
}

TEST_CASE("kafka: a read that the brokers do not answer says so in time; one in the window does not ask") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto options = brokers.options();
  options.read_timeout = milliseconds(300);
  const auto journal = KafkaJournal::open(options, clock);
  const auto producer = journal->open_producer();
  append_and_wait(*producer, kHere, {bytes("a"), bytes("b"), bytes("c")});
  journal->follow(kHere, 2);
  await_visible(*journal, kHere, 3);
  brokers.set_down(1);
  CHECK(*journal->read(kHere, 2, 1).front().value == "c");
  CHECK(journal->read(kHere, 3, 1).empty());
  const auto before = std::chrono::steady_clock::now();
  CHECK_THROWS_AS(journal->read(kHere, 0, 1), JournalUnavailable);
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(journal->read(kHere, 0, 1), JournalUnavailable);
  CHECK(std::chrono::steady_clock::now() - before < milliseconds(1'500));
  brokers.set_up(1);
  CHECK(read_patiently(*journal, kHere, 0, 10).size() == 3);
}

TEST_CASE("kafka: each client gives statistics while it is there, and says when it goes") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto options = brokers.options();
  std::mutex mutex;
  std::map<std::string, std::vector<std::string>> documents;  // by role and client
  options.stats = [&](std::string_view role, const std::string& client, std::string json) {
    const std::lock_guard lock(mutex);
    documents[std::string(role) + " " + client].push_back(std::move(json));
  };
  options.stats_interval = milliseconds(50);
  // Clients of the role that have said something; `gone`: whose last word was that they go.
  const auto count = [&](std::string_view role, bool gone) {
    const std::lock_guard lock(mutex);
    return std::count_if(documents.begin(), documents.end(), [&](const auto& each) {
      return each.first.starts_with(role) && each.second.back().empty() == gone;
    });
  };
  {
    const auto journal = KafkaJournal::open(options, clock);
    auto producer = journal->open_producer();
    REQUIRE(append_and_wait(*producer, kHere, {bytes("a"), bytes("b")}).outcome == AppendOutcome::written);
    REQUIRE(journal->read_stored(kHere, 0, 1).size() == 1);
    CHECK(eventually([&] {
      return count("producer ", false) == 1 && count("follower ", false) == 1 &&
             count("reader ", false) == 1 && count("control ", false) == 1;
    }));
    brokers.fail_next(Request::produce, {kBrokerErrorInvalidTopic});
    REQUIRE(append_and_wait(*producer, kThere, {bytes("c")}).outcome == AppendOutcome::unknown);
    CHECK(eventually([&] { return count("producer ", true) == 1; }));
    producer = journal->open_producer();
    REQUIRE(append_and_wait(*producer, kHere, {bytes("d")}).outcome == AppendOutcome::written);
    CHECK(eventually([&] { return count("producer ", false) == 1; }));
  }
  CHECK(count("", false) == 0);
  CHECK(count("", true) >= 5);
  for (const auto& [client, each] : documents)
    CHECK(std::count(each.begin(), each.end(), std::string()) == 1);
}

TEST_CASE("kafka: opening says what is missing") {
  FixedClock clock;
  KafkaBrokers brokers(Which::mock);
  auto options = brokers.options();
  options.open_timeout = milliseconds(700);
  SUBCASE("no broker") {
    options.brokers = "127.0.0.1:1";
    CHECK_THROWS_AS(KafkaJournal::open(options, clock), JournalUnavailable);
  }
  SUBCASE("a property that the protocol fixes") {
    options.properties = {{"enable.idempotence", "false"}};
    CHECK(failure_of([&] { KafkaJournal::open(options, clock); }).find("fixed by the journal's protocol") !=
          std::string::npos);
  }
  SUBCASE("a property that does not exist") {
    options.properties = {{"no.such.thing", "1"}};
    CHECK(failure_of([&] { KafkaJournal::open(options, clock); }).find("no.such.thing") != std::string::npos);
  }
}

TEST_CASE("kafka: topics that are missing are made as they must be" *
          doctest::skip(!KafkaBrokers::are_real())) {
  FixedClock clock;
  KafkaBrokers brokers;
  brokers.delete_topics();
  CHECK(eventually([&] {
    return failure_of([&] { KafkaJournal::open(brokers.options(), clock); }).find("journal init") !=
           std::string::npos;
  }));
  CHECK(eventually(
      [&] { return failure_of([&] { KafkaJournal::create_topics(brokers.options()); }).empty(); }));
  KafkaJournal::create_topics(brokers.options());
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  CHECK(journal->problems().empty());
  CHECK(journal->info().durability.find("1 of 1 broker") != std::string::npos);
}

TEST_CASE("kafka: settings that would lose history are named with their mend" *
          doctest::skip(!KafkaBrokers::are_real())) {
  FixedClock clock;
  KafkaBrokers brokers;
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  CHECK(journal->problems().empty());
  brokers.alter_topic(Topic::tasks, "retention.ms", "1000000000");
  CHECK(eventually([&] {
    journal->check();
    return !journal->problems().empty();
  }));
  std::string all;
  for (const auto& problem : journal->problems()) all += problem + "\n";
  INFO(all);
  CHECK(all.find("tasks has retention.ms=1000000000, not -1; mend it with: kafka-configs") !=
        std::string::npos);
  auto options = brokers.options();
  options.dev = false;
  const auto strict = KafkaJournal::open(options, clock);
  std::string more;
  for (const auto& problem : strict->problems()) more += problem + "\n";
  CHECK(more.find("replication factor 1, less than 3") != std::string::npos);
  CHECK(more.find("min.insync.replicas=1, less than 2") != std::string::npos);
}

TEST_CASE("kafka: history that was cut halts the reader" * doctest::skip(!KafkaBrokers::are_real())) {
  FixedClock clock;
  KafkaBrokers brokers;
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  const auto producer = journal->open_producer();
  std::string genesis;
  append_prefix(genesis, 0, {});
  const auto first = bytes(genesis + "\"rest\":\"\"}");
  ChainMaker chain(first);
  append_and_wait(*producer, kHere, {first, chain.next("a"), chain.next("b"), chain.next("c")});
  journal->follow(kHere, 0);
  await_visible(*journal, kHere, 4);
  Sink sink;
  Follower follower(kHere, *journal, sink);
  follower.start({});
  while (follower.poll(10)) journal->follow(kHere, follower.next_offset());
  REQUIRE(sink.commits == 4);
  const auto halts_at_a_check = [&] {
    try {
      journal->check();
    } catch (const JournalUnavailable&) {
    }
    follower.poll(10);
    return !sink.halt.empty();
  };
  SUBCASE("its beginning") {
    brokers.delete_records(kHere, 2);
    CHECK(eventually([&] {
      journal->check();
      return !journal->problems().empty();
    }));
    CHECK(journal->problems().front().find("starts at offset 2") != std::string::npos);
    Sink again;
    Follower late(kHere, *journal, again);
    late.start({});
    CHECK(again.halt.find("records before it were deleted") != std::string::npos);
  }
  SUBCASE("all of it, and others took its place") {
    brokers.delete_topics();
    CHECK(eventually(
        [&] { return failure_of([&] { KafkaJournal::create_topics(brokers.options()); }).empty(); }));
    {
      const auto usurper = KafkaJournal::open(brokers.options(), clock);
      const auto its = usurper->open_producer();
      append_and_wait(*its, kHere, {bytes("0"), bytes("1"), bytes("2"), bytes("3")});
    }
    CHECK(eventually(halts_at_a_check));
    CHECK(sink.halt.find("is not the one that was read there before") != std::string::npos);
  }
  SUBCASE("all of it") {
    brokers.delete_topics();
    CHECK(eventually(
        [&] { return failure_of([&] { KafkaJournal::create_topics(brokers.options()); }).empty(); }));
    CHECK(eventually(halts_at_a_check));
    CHECK(sink.halt.find("the log now ends at 0") != std::string::npos);
  }
}

TEST_CASE("kafka: whoever reads a record that another process wrote finds the end behind it, at once") {
  FixedClock clock;
  KafkaBrokers brokers;
  const auto theirs = KafkaJournal::open(brokers.options(), clock);
  const auto producer = theirs->open_producer();
  const auto ours = KafkaJournal::open(brokers.options(), clock);
  ours->follow(kHere, 0);
  constexpr std::uint64_t kRecords = 30'000;
  std::atomic<std::uint64_t> read{0};
  std::uint64_t short_of = 0;
  std::thread reader([&] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (read < kRecords && std::chrono::steady_clock::now() < until) {
      const auto records = ours->read(kHere, read, 500);
      if (records.empty()) continue;
      if (ours->end_offset(kHere) <= records.back().offset) ++short_of;
      read = records.back().offset + 1;
      ours->follow(kHere, read);
    }
  });
  Reports reports;
  for (std::uint64_t i = 0; i < kRecords; i += 10)
    producer->append(kHere, std::vector<Bytes>(10, bytes("x")), reports.next());
  reader.join();
  reports.wait();
  CHECK(read == kRecords);
  CHECK(short_of == 0);
}

}  // namespace groundtruth::journal::testing
