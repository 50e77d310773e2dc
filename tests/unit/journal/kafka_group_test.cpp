// Who has which partitions, as members of a group come, leave, vanish and lose sight of their brokers.
#include <doctest/doctest.h>

#include <algorithm>

#include "conformance_support.hpp"
#include "journal/kafka/group_member.hpp"
#include "kafka_brokers.hpp"

namespace groundtruth::journal::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Which = KafkaBrokers::Which;

constexpr seconds kPatience{40};

// Real brokers take no session shorter than six seconds, and the mock none shorter than the three that it
// waits before it shares out.
GroupTimes times() {
  return KafkaBrokers::are_real() ? GroupTimes{seconds(6), milliseconds(500)}
                                  : GroupTimes{seconds(4), milliseconds(200)};
}

// Of the numbers that stand under this name, one for each broker, in librdkafka's statistics.
std::uint64_t sum_of(const std::string& statistics, const std::string& name) {
  std::uint64_t sum = 0;
  const auto words = '"' + name + "\": ";
  for (auto at = statistics.find(words); at != std::string::npos; at = statistics.find(words, at + 1))
    sum += std::stoull(statistics.substr(at + words.size(), 20));
  return sum;
}

// A member, and what was told of it.
struct Process {
  explicit Process(const KafkaJournalOptions& options) : member(options, "workers", times()) {
    member.on_change([this](const PartitionSet& now) {
      const std::lock_guard lock(mutex);
      told.push_back(now);
    });
    member.start();
  }
  PartitionSet has() const {
    PartitionSet out;
    for (std::size_t i = 0; i < kPartitionTotal; ++i) out.set(i, member.has(partition_at(i)));
    return out;
  }
  std::vector<PartitionSet> changes() {
    const std::lock_guard lock(mutex);
    return told;
  }
  std::mutex mutex;
  std::vector<PartitionSet> told;
  GroupMember member;
};

// Each partition is one process's, and each process has as many as any other, or one more.
bool is_shared_out(const std::vector<const Process*>& processes) {
  PartitionSet all;
  std::size_t total = 0, fewest = kPartitionTotal, most = 0;
  for (const auto* process : processes) {
    const auto has = process->has();
    all |= has;
    total += has.count();
    fewest = std::min(fewest, has.count());
    most = std::max(most, has.count());
  }
  return all.all() && total == kPartitionTotal && most - fewest <= 1;
}

bool settles(const std::vector<const Process*>& processes) {
  return eventually([&] { return is_shared_out(processes); }, kPatience);
}

}  // namespace

TEST_CASE("kafka group: one has all, two share, three share, and only what must move does") {
  KafkaBrokers brokers;
  Process first(brokers.options());
  REQUIRE(settles({&first}));
  CHECK(first.changes().front().none());
  CHECK(eventually([&] { return first.changes().back().all(); }, kPatience));  // told after it has them

  Process second(brokers.options());
  REQUIRE(settles({&first, &second}));
  const auto of_first = first.has(), of_second = second.has();

  Process third(brokers.options());
  REQUIRE(settles({&first, &second, &third}));
  CHECK((first.has() & ~of_first).none());
  CHECK((second.has() & ~of_second).none());

  SUBCASE("one leaves, and the others have its partitions well before its session would have ended") {
    const auto before = std::chrono::steady_clock::now();
    third.member.leave();
    CHECK(third.has().none());
    CHECK(third.changes().back().none());
    const auto told = third.changes().size();
    REQUIRE(settles({&first, &second}));
    // On the mock it shares out twice, waiting each time.
    const auto allowed = KafkaBrokers::are_real() ? times().session_timeout / 2 : seconds(12);
    CHECK(std::chrono::steady_clock::now() - before < allowed);
    third.member.leave();
    second.member.leave();
    REQUIRE(settles({&first}));
    CHECK(third.changes().size() == told);
  }
}

TEST_CASE(
    "kafka group: what a member had that is gone without a word is others' after the session's time-out") {
  KafkaBrokers brokers;
  Process first(brokers.options());
  auto second = std::make_unique<Process>(brokers.options());
  REQUIRE(settles({&first, second.get()}));
  second.reset();
  CHECK_FALSE(first.has().all());
  CHECK(settles({&first}));
}

TEST_CASE("kafka group: a group of another name has all of them too") {
  KafkaBrokers brokers;
  Process first(brokers.options());
  GroupMember writer(brokers.options(), "writers", times());
  writer.start();
  REQUIRE(settles({&first}));
  CHECK(eventually([&] { return writer.has({Topic::runs, 15}); }, kPatience));
  writer.leave();
  CHECK_FALSE(writer.has({Topic::runs, 15}));
  CHECK(first.has().all());
}

TEST_CASE("kafka group: records are not fetched, though there are many and more come") {
  KafkaBrokers brokers;
  FixedClock clock;
  const auto journal = KafkaJournal::open(brokers.options(), clock);
  const auto producer = journal->open_producer();
  const auto fill = [&] {
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      append_and_wait(*producer, partition_at(i), {bytes(std::string(50'000, 'x'))});
  };
  fill();
  std::mutex mutex;
  std::string last;
  int told = 0;
  auto options = brokers.options();
  options.stats_interval = milliseconds(100);
  options.stats = [&](std::string_view, const std::string&, const std::string& json) {
    const std::lock_guard lock(mutex);
    if (json.empty()) return;
    last = json;
    ++told;
  };
  Process only(options);
  REQUIRE(settles({&only}));
  // A partition is paused just after it was taken, so that a request may be on its way by then: one for each,
  // of which the answers come within fetch.wait.max.ms.
  const auto statistics_after = [&](int times) {
    const auto until = [&] {
      const std::lock_guard lock(mutex);
      return told + times;
    }();
    REQUIRE(eventually([&] {
      const std::lock_guard lock(mutex);
      return told >= until;
    }));
    const std::lock_guard lock(mutex);
    return last;
  };
  const auto settled = sum_of(statistics_after(10), "Fetch");
  CHECK(settled <= kPartitionTotal);
  fill();
  const auto at_last = statistics_after(20);
  CHECK(sum_of(at_last, "Fetch") == settled);
  CHECK(sum_of(at_last, "assignment_size") == kPartitionTotal);
  CHECK(sum_of(at_last, "OffsetFetch") == 0);
  CHECK(sum_of(at_last, "OffsetCommit") == 0);
}

TEST_CASE(
    "kafka group: without brokers what is held is given up after the session's time-out, and taken again") {
  KafkaBrokers brokers(Which::mock);
  Process only(brokers.options());
  REQUIRE(settles({&only}));
  brokers.set_down(1);
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(eventually([&] { return only.has().none(); }, kPatience));
  CHECK(std::chrono::steady_clock::now() - before < times().session_timeout + seconds(3));
  brokers.set_up(1);
  CHECK(settles({&only}));

  SUBCASE("and leaving takes no longer than a session where nobody answers") {
    brokers.set_down(1);
    const auto asked = std::chrono::steady_clock::now();
    only.member.leave();
    CHECK(only.has().none());
    CHECK(std::chrono::steady_clock::now() - asked < times().session_timeout + seconds(3));
  }
}

TEST_CASE("kafka group: a member that the coordinator no longer knows joins again") {
  KafkaBrokers brokers(Which::mock);
  Process only(brokers.options());
  REQUIRE(settles({&only}));
  brokers.fail_next(KafkaBrokers::Request::heartbeat, {kBrokerErrorUnknownMember});
  REQUIRE(eventually([&] {
    const auto told = only.changes();
    return std::count_if(told.begin(), told.end(), [](const auto& each) { return each.none(); }) == 2;
  }));
  CHECK(settles({&only}));
}

TEST_CASE(
    "kafka group: before brokers are there a member waits for them, and one that never started leaves") {
  KafkaBrokers brokers(Which::mock);
  brokers.set_down(1);
  Process only(brokers.options());
  GroupMember idle(brokers.options(), "workers", times());
  idle.leave();
  CHECK(only.has().none());
  brokers.set_up(1);
  CHECK(settles({&only}));
}

TEST_CASE("kafka group: a member may leave at any moment of its joining") {
  KafkaBrokers brokers;
  for (const auto wait : {milliseconds(0), milliseconds(20), times().session_timeout}) {
    Process member(brokers.options());
    const auto until = std::chrono::steady_clock::now() + wait;
    while (std::chrono::steady_clock::now() < until && !member.has().any()) std::this_thread::yield();
    member.member.leave();
    CHECK(member.has().none());
  }
}

TEST_CASE("kafka group: properties that the protocol fixes are refused") {
  KafkaJournalOptions options;
  options.brokers = "127.0.0.1:1";
  options.properties = {{"group.instance.id", "a"}};
  CHECK_THROWS_AS(GroupMember(options, "workers"), std::runtime_error);
}

}  // namespace groundtruth::journal::testing
