// A journal in memory whose chains are written by hand, for those who follow them.
#pragma once

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "journal/commit.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/read_models.hpp"
#include "tests/unit/workers/fakes.hpp"

namespace groundtruth::workers::test {

class Chains {
 public:
  static constexpr const char* kJournal = "00000000-0000-4000-8000-000000000001";

  explicit Chains(const std::string& uuid = kJournal)
      : codec_(uuid, journal::make_memory_key_store(randomness_), randomness_),
        producer_(log_.open_producer()) {}

  // A commit of these events; what a follower would hand on. Streams and versions are of no account here.
  journal::Accepted append(journal::Partition partition, const std::vector<domain::Event>& events) {
    auto& head = heads_[partition];
    if (!head.exists) genesis(partition);
    journal::Commit commit;
    commit.seq = head.next_seq();
    commit.prev = head.id;
    commit.at = {1'750'000'000'000};
    commit.actor = {journal::ActorKind::system, "test", ""};
    commit.command = {{"cmd_test"}, "test", std::nullopt};
    for (const auto& event : events) commit.events.push_back({"stream", 1, event});
    const auto bytes = codec_.encode(commit);
    const auto offset = put(partition, bytes);
    head = {true, commit.seq, journal::id_of(*bytes)};
    return {partition, offset, commit.seq, head.id, bytes, std::make_shared<const journal::Commit>(commit)};
  }
  // The first record once more: no chain accepts it.
  void orphan(journal::Partition partition) { put(partition, log_.read(partition, 0, 1).front().value); }
  journal::Accepted genesis(journal::Partition partition) {
    journal::Genesis genesis;
    genesis.journal = codec_.journal_uuid();
    genesis.topic = journal::to_string(partition.topic);
    genesis.partition = partition.number;
    const auto bytes = std::make_shared<const std::string>(journal::encode_genesis(genesis, {1}));
    const auto offset = put(partition, bytes);
    heads_[partition] = {true, 0, journal::id_of(*bytes)};
    return {partition, offset, 0, heads_[partition].id, bytes, nullptr};
  }

  journal::MemoryJournal& journal() { return log_; }
  const journal::CommitCodec& codec() const { return codec_; }

 private:
  std::uint64_t put(journal::Partition partition, journal::Bytes bytes) {
    const auto offset = log_.end_offset(partition);
    producer_->append(partition, {std::move(bytes)}, [](const journal::AppendReport& report) {
      if (report.outcome != journal::AppendOutcome::written) throw std::logic_error("not written");
    });
    return offset;
  }

  FakeRandomness randomness_;
  journal::MemoryJournal log_;
  journal::CommitCodec codec_;
  std::unique_ptr<journal::Producer> producer_;
  std::map<journal::Partition, journal::Head> heads_;
};

}  // namespace groundtruth::workers::test
