// Genesis: written where it is missing, checked where it is not (contract in genesis.hpp).
#include "journal/genesis.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "journal/commit.hpp"

namespace groundtruth::journal {
namespace {

[[noreturn]] void refuse_genesis(Partition partition, const std::string& what) {
  throw BadGenesis(to_string(partition) + ": " + what);
}

template <class T>
void require_equal(Partition partition, const char* name, const T& found, const T& expected) {
  if (found == expected) return;
  std::string text;
  if constexpr (std::is_same_v<T, std::string>) {
    text = found + ", not " + expected;
  } else {
    text = std::to_string(found) + ", not " + std::to_string(expected);
  }
  refuse_genesis(partition,
                 std::string("genesis says ") + name + " " + text +
                     ": this is another journal's partition or needs another version of this program");
}

Genesis genesis_of(Partition partition, const std::string& uuid) {
  Genesis genesis;
  genesis.journal = uuid;
  genesis.topic = to_string(partition.topic);
  genesis.partition = partition.number;
  return genesis;
}

// nullopt: the partition is empty.
std::optional<std::string> uuid_of(const Journal& journal, Partition partition) {
  if (journal.start_offset(partition) != 0)
    refuse_genesis(
        partition,
        "history does not start at offset 0; its beginning was cut off. Restore the journal from a copy");
  if (journal.end_offset(partition) == 0) return std::nullopt;
  const auto first = read_patiently(journal, partition, 0, 1);
  if (first.empty() || first.front().offset != 0)
    refuse_genesis(partition, "the record at offset 0 is missing");
  const auto prefix = parse_prefix(*first.front().value);
  if (!prefix || prefix->seq != 0 || prefix->prev != CommitId{})
    refuse_genesis(partition, "the record at offset 0 is no genesis: this is not a groundtruth journal");
  Genesis genesis;
  try {
    genesis = decode_genesis(*first.front().value);
  } catch (const UnreadableCommit& error) {
    refuse_genesis(partition, std::string("the record at offset 0 is no genesis: ") + error.what());
  }
  const Genesis expected = genesis_of(partition, genesis.journal);
  require_equal(partition, "format", genesis.format, expected.format);
  require_equal(partition, "topic", genesis.topic, expected.topic);
  require_equal(partition, "partition", genesis.partition, expected.partition);
  require_equal(partition, "partitions", genesis.partitions, expected.partitions);
  require_equal(partition, "buckets", genesis.buckets, expected.buckets);
  if (genesis.journal.empty()) refuse_genesis(partition, "genesis has no journal UUID");
  return genesis.journal;
}

// The one UUID of all partitions that are not empty; nullopt when all are.
std::optional<std::string> common_uuid(const Journal& journal, std::vector<Partition>& empty) {
  std::optional<std::string> common;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    const auto partition = partition_at(i);
    const auto uuid = uuid_of(journal, partition);
    if (!uuid) {
      empty.push_back(partition);
    } else if (common && *common != *uuid) {
      refuse_genesis(
          partition,
          "belongs to journal " + *uuid + ", partitions before it to " + *common +
              ": two journals were mixed, or two `journal init` ran at once. If nothing was written "
              "since, remove it and initialise it again");
    } else {
      common = uuid;
    }
  }
  return common;
}

// What outlives a call that gave up waiting.
struct Reports {
  std::mutex mutex;
  std::condition_variable all_in;
  std::size_t missing = 0;
  std::string failure;
};

}  // namespace

std::string check_genesis(const Journal& journal) {
  std::vector<Partition> empty;
  auto uuid = common_uuid(journal, empty);
  if (!empty.empty()) refuse_genesis(empty.front(), "has no genesis; run `groundtruth journal init`");
  return *uuid;
}

std::string init_journal(Journal& journal, const std::string& uuid, const Clock& clock) {
  std::vector<Partition> empty;
  const auto used = common_uuid(journal, empty).value_or(uuid);
  const auto now = clock.now();
  const auto reports = std::make_shared<Reports>();
  reports->missing = empty.size();
  const auto producer = journal.open_producer();
  for (const auto partition : empty) {
    auto value = std::make_shared<const std::string>(encode_genesis(genesis_of(partition, used), now));
    producer->append(partition, {std::move(value)}, [reports, partition](AppendReport report) {
      const std::lock_guard lock(reports->mutex);
      if (report.outcome != AppendOutcome::written && reports->failure.empty())
        reports->failure = to_string(partition) + ": " + report.reason;
      if (--reports->missing == 0) reports->all_in.notify_all();
    });
  }
  {
    std::unique_lock lock(reports->mutex);
    reports->all_in.wait(lock, [&] { return reports->missing == 0; });
    if (!reports->failure.empty())
      throw std::runtime_error("genesis was not written completely: " + reports->failure +
                               "; run `groundtruth journal init` again");
  }
  return check_genesis(journal);
}

}  // namespace groundtruth::journal
