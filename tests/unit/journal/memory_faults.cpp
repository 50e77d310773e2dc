// The memory journal's faults: what lands, what is reported, what is never to happen again.
#include <doctest/doctest.h>

#include <deque>

#include "conformance_support.hpp"
#include "journal/memory/memory_journal.hpp"

namespace groundtruth::journal::testing {
namespace {

using Kind = AppendFault::Kind;
using Values = std::vector<std::string>;
constexpr Partition kHere{Topic::tasks, 0};
constexpr Partition kThere{Topic::workers, 9};

// A journal whose faults are a list, taken in order; after its end everything is delivered.
struct Faulty {
  std::deque<AppendFault> plan;
  MemoryJournalOptions options;
  std::unique_ptr<MemoryJournal> journal;
  std::vector<std::string> said;  // "name:outcome", in the order of reports

  explicit Faulty(std::deque<AppendFault> faults, bool delay_visibility = false,
                  ReportMode reports = ReportMode::immediate)
      : plan(std::move(faults)) {
    options.delay_visibility = delay_visibility;
    options.reports = reports;
    options.faults = [this](const AppendAttempt&) {
      if (plan.empty()) return AppendFault{};
      const auto fault = plan.front();
      plan.pop_front();
      return fault;
    };
    journal = std::make_unique<MemoryJournal>(options);
  }
  void append(Producer& producer, Partition partition, const std::string& names) {
    std::vector<Bytes> batch;
    for (const char name : names) batch.push_back(bytes(std::string(1, name)));
    producer.append(partition, std::move(batch), [this, names](AppendReport report) {
      static constexpr const char* kNames[] = {"written", "unknown", "not_written"};
      said.push_back(names + ":" + kNames[static_cast<int>(report.outcome)]);
    });
  }
};

}  // namespace

TEST_CASE("memory faults: one append fails, nothing later of that producer lands there") {
  struct Row {
    AppendFault fault;
    Values landed;
    Values said;
  };
  const std::vector<Row> rows{
      {{Kind::deliver, 0}, {"a", "b", "c"}, {"ab:written", "c:written"}},
      {{Kind::lose, 0}, {}, {}},
      {{Kind::lose_report_failure, 0}, {}, {"ab:unknown", "c:unknown"}},
      {{Kind::refuse, 0}, {}, {"ab:not_written", "c:unknown"}},
      {{Kind::deliver_report_failure, 0}, {"a", "b"}, {"ab:unknown", "c:unknown"}},
      {{Kind::deliver_prefix, 1}, {"a"}, {"ab:unknown", "c:unknown"}},
      {{Kind::deliver_twice, 0}, {"a", "b", "a", "b", "c"}, {"ab:written", "c:written"}},
  };
  for (const auto& row : rows) {
    CAPTURE(static_cast<int>(row.fault.kind));
    Faulty faulty({row.fault});
    const auto producer = faulty.journal->open_producer();
    faulty.append(*producer, kHere, "ab");
    faulty.append(*producer, kHere, "c");
    CHECK(values(*faulty.journal, kHere) == row.landed);
    CHECK(faulty.said == row.said);
    // Other partitions and other producers go on.
    const auto other = faulty.journal->open_producer();
    faulty.append(*producer, kThere, "x");
    faulty.append(*other, kHere, "y");
    CHECK(values(*faulty.journal, kThere) == Values{"x"});
    CHECK(values(*faulty.journal, kHere).back() == "y");
  }
}

TEST_CASE("memory faults: what is held keeps the order and can be released or dropped") {
  Faulty faulty({{Kind::hold, 0}, {Kind::deliver, 0}, {Kind::hold, 0}, {Kind::deliver, 0}});
  const auto producer = faulty.journal->open_producer();
  for (const char* name : {"a", "b", "c", "d"}) faulty.append(*producer, kHere, name);
  CHECK(values(*faulty.journal, kHere).empty());
  REQUIRE(faulty.journal->held().size() == 1);
  CHECK_FALSE(faulty.journal->release(2));  // not its turn
  CHECK(faulty.journal->release(0));
  CHECK(values(*faulty.journal, kHere) == Values{"a", "b"});
  SUBCASE("released") {
    CHECK(faulty.journal->release_all() == 1);
    CHECK(values(*faulty.journal, kHere) == Values{"a", "b", "c", "d"});
    CHECK(faulty.said == Values{"a:written", "b:written", "c:written", "d:written"});
  }
  SUBCASE("dropped") {
    CHECK(faulty.journal->drop(faulty.journal->held().front().number));
    CHECK(values(*faulty.journal, kHere) == Values{"a", "b"});
    CHECK(faulty.said == Values{"a:written", "b:written", "c:unknown", "d:unknown"});
  }
  CHECK(faulty.journal->held().empty());
}

TEST_CASE("memory faults: a zombie append lands after its producer is gone, and tells nobody") {
  Faulty faulty({{Kind::hold, 0}});
  auto producer = faulty.journal->open_producer();
  faulty.append(*producer, kHere, "ab");
  faulty.append(*producer, kHere, "c");
  producer.reset();
  const auto successor = faulty.journal->open_producer();
  faulty.append(*successor, kHere, "x");
  REQUIRE(faulty.journal->held().size() == 1);
  CHECK_FALSE(faulty.journal->held().front().producer_alive);
  faulty.journal->release_all();
  CHECK(values(*faulty.journal, kHere) == Values{"x", "a", "b", "c"});
  CHECK(faulty.said == Values{"x:written"});
}

TEST_CASE("memory faults: an append reported as failed may still land, the ones behind it may not") {
  Faulty faulty({{Kind::hold_report_failure, 0}});
  const auto producer = faulty.journal->open_producer();
  faulty.append(*producer, kHere, "a");
  CHECK(faulty.said == Values{"a:unknown"});
  faulty.append(*producer, kHere, "b");
  faulty.journal->release_all();
  CHECK(values(*faulty.journal, kHere) == Values{"a"});
  CHECK(faulty.said == Values{"a:unknown", "b:unknown"});
}

TEST_CASE("memory faults: visibility and reports are the driver's, each for itself") {
  Faulty faulty({}, true, ReportMode::driven);
  std::vector<Partition> heard;
  faulty.journal->on_visible([&](Partition partition) { heard.push_back(partition); });
  const auto producer = faulty.journal->open_producer();
  faulty.append(*producer, kHere, "ab");
  CHECK(faulty.journal->end_offset(kHere) == 0);
  CHECK(faulty.journal->hidden(kHere) == 2);
  CHECK(faulty.said.empty());
  CHECK(faulty.journal->run_reports() == 1);
  CHECK(faulty.said == Values{"ab:written"});  // durable, and not yet to be read
  CHECK(faulty.journal->read(kHere, 0, 10).empty());
  faulty.journal->reveal(kHere, 1);
  CHECK(values(*faulty.journal, kHere) == Values{"a"});
  CHECK(heard.empty());
  CHECK(faulty.journal->run_reports() == 1);
  CHECK(heard == std::vector{kHere});
  faulty.journal->reveal_all();
  CHECK(values(*faulty.journal, kHere) == Values{"a", "b"});
}

TEST_CASE("memory faults: history can be cut and swapped for those who are to notice") {
  Faulty faulty({});
  const auto producer = faulty.journal->open_producer();
  faulty.append(*producer, kHere, "abcde");
  faulty.journal->swap_record(kHere, 3, bytes("D"));
  faulty.journal->truncate_tail(kHere, 4);
  faulty.journal->truncate_head(kHere, 1);
  CHECK(faulty.journal->start_offset(kHere) == 1);
  CHECK(faulty.journal->end_offset(kHere) == 4);
  CHECK(values(*faulty.journal, kHere) == Values{"b", "c", "D"});
  faulty.append(*producer, kHere, "f");
  CHECK(faulty.journal->read(kHere, 4, 1).front().offset == 4);
}

}  // namespace groundtruth::journal::testing
