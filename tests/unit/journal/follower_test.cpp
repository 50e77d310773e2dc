// What tells a follower that the log is not the one that it read (journal/follower.hpp).
#include "journal/follower.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "journal/memory/memory_journal.hpp"

namespace groundtruth::journal {
namespace {

constexpr Partition kWhere{Topic::tasks, 0};

Bytes record(std::uint64_t seq, const CommitId& prev, const std::string& what) {
  std::string value;
  append_prefix(value, seq, prev);
  return std::make_shared<const std::string>(value + "\"what\":\"" + what + "\"}");
}

class Reading final : public FollowerSink {
 public:
  Reading() { follower.start({}); }

  Bytes put(std::uint64_t seq, const CommitId& prev, const std::string& what) {
    return put(record(seq, prev, what));
  }
  Bytes put(Bytes bytes) {
    producer->append(kWhere, {bytes}, [](const AppendReport&) {});
    return bytes;
  }
  void accepted(const Record& record, const Link&) override { offsets.push_back(record.offset); }
  void orphaned(const Record&, const Link&) override {}
  void halted(const std::string& evidence) override { why = evidence; }

  MemoryJournal journal{MemoryJournalOptions{}};
  std::unique_ptr<Producer> producer = journal.open_producer();
  Follower follower{kWhere, journal, *this};
  std::vector<std::uint64_t> offsets;
  std::string why;
};

}  // namespace

TEST_CASE("follower: a log that was cut and has grown again is not the one that was read") {
  Reading reading;
  const auto genesis = reading.put(0, CommitId{}, "genesis");
  reading.put(1, id_of(*genesis), "lost");
  reading.follower.poll(10);
  reading.journal.truncate_tail(kWhere, 1);
  const auto other = reading.put(1, id_of(*genesis), "in its place");
  reading.put(2, id_of(*other), "next");
  reading.follower.poll(10);
  CHECK(reading.why.find("offset 1 is not the one that was read there before") != std::string::npos);
  CHECK(reading.offsets == std::vector<std::uint64_t>{0, 1});
}

TEST_CASE("follower: a record put back in its old place does not hide that those before it are gone") {
  Reading reading;
  const auto genesis = reading.put(0, CommitId{}, "genesis");
  reading.put(1, id_of(*genesis), "lost");
  const auto orphan = reading.put(1, id_of(*genesis), "an orphan");
  reading.follower.poll(10);
  reading.journal.truncate_tail(kWhere, 1);
  const auto other = reading.put(1, id_of(*genesis), "in its place");
  reading.put(orphan);  // the same bytes at the same offset: its writer appended them again
  reading.follower.poll(10);
  CHECK(reading.why.empty());  // nothing shows it yet
  CHECK_FALSE(reading.follower.unchanged());
  CHECK(reading.why.find("offset 1 is not the one that was read there before") != std::string::npos);

  SUBCASE("the first commit beyond shows it, even where its predecessor stands in the log once more") {
    Reading second;
    second.put(genesis);
    second.put(1, id_of(*genesis), "lost");
    second.put(orphan);
    second.follower.poll(10);
    second.journal.truncate_tail(kWhere, 1);
    second.put(other);
    second.put(orphan);
    second.put(other);
    second.put(2, id_of(*other), "next");
    second.follower.poll(10);
    CHECK(second.why.find("offset 1 is not the one that was read there before") != std::string::npos);
  }
}

TEST_CASE("follower: the pipeline of a writer that lost a race is passed over") {
  Reading reading;
  const auto genesis = reading.put(0, CommitId{}, "genesis");
  reading.put(1, id_of(*genesis), "winner");
  reading.follower.poll(10);
  auto last = reading.put(1, id_of(*genesis), "loser");
  for (std::uint64_t seq = 2; seq < 6; ++seq) last = reading.put(seq, id_of(*last), "loser");
  reading.follower.poll(10);
  CHECK(reading.why.empty());
  CHECK(reading.follower.orphans() == 5);
  CHECK(reading.follower.head().seq == 1);
}

}  // namespace groundtruth::journal
