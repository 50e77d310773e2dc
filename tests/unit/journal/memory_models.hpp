// Read models in memory, for tests of whole nodes.
#pragma once

#include <array>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/node.hpp"
#include "journal/read_models.hpp"

namespace groundtruth::journal::testing {

// Applied in the call.
class MemoryModels final : public ReadModels {
 public:
  std::optional<LoadedAggregate> load(std::size_t kind, Partition partition,
                                      std::string_view stream) override {
    const std::lock_guard lock(mutex_);
    const auto& streams = lines_[index_of(partition)].streams;
    const auto found = streams.find(std::string(stream));
    if (found == streams.end() || found->second.state.index() != kind) return std::nullopt;
    return found->second;
  }
  std::optional<PastCommand> find_key(Partition partition, const CommandKey& key) override {
    const std::lock_guard lock(mutex_);
    return find(lines_[index_of(partition)].keys, key);
  }
  std::optional<PastCommand> find_command(Partition partition, const domain::CommandId& id) override {
    const std::lock_guard lock(mutex_);
    return find(lines_[index_of(partition)].ids, id);
  }
  std::optional<RelayMark> relay_mark(Partition, const std::string&) override { return std::nullopt; }
  Checkpoint checkpoint(Partition partition) override {
    const std::lock_guard lock(mutex_);
    return lines_[index_of(partition)].checkpoint;
  }
  void hurry() override {}
  void apply(std::vector<Accepted> commits, Pace) override {
    std::vector<Applied> applied;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& accepted : commits) {
        apply_one(accepted);
        applied.push_back({accepted.partition, accepted.seq});
      }
    }
    if (applied_) applied_(std::move(applied));
  }
  std::size_t backlog() const override { return 0; }
  void on_progress(std::function<void(std::vector<Applied>)> applied,
                   std::function<void(Partition, std::string)>) override {
    applied_ = std::move(applied);
  }

 private:
  struct Line {
    std::map<std::string, LoadedAggregate> streams;
    std::map<CommandKey, PastCommand> keys;
    std::map<domain::CommandId, PastCommand> ids;
    Checkpoint checkpoint;
  };
  void apply_one(const Accepted& accepted) {
    Line& line = lines_[index_of(accepted.partition)];
    line.checkpoint = {true, accepted.offset, accepted.seq, accepted.id};
    if (!accepted.commit) return;
    const Commit& commit = *accepted.commit;
    for (const auto& event : commit.events) {
      if (std::holds_alternative<domain::CommandRejected>(event.data)) continue;
      auto [found, created] = line.streams.try_emplace(event.stream);
      if (created) found->second.state = *domain::aggregate_for(event.data);
      domain::evolve(found->second.state, event.data, commit.at);
      found->second.version = event.version;
    }
    const PastCommand past{accepted.seq, accepted.offset,
                           commit.command.keyed ? commit.command.keyed->request_hash : ""};
    line.ids[commit.command.id] = past;
    if (commit.command.keyed) line.keys[command_key(commit.actor.account, *commit.command.keyed)] = past;
  }
  template <class Map, class Key>
  static std::optional<PastCommand> find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }

  std::mutex mutex_;
  std::array<Line, kPartitionTotal> lines_;
  std::function<void(std::vector<Applied>)> applied_;
};

// Waits for the node's thread.
inline NodeStatus status_of(Node& node) {
  std::promise<NodeStatus> promise;
  auto future = promise.get_future();
  node.status([&](NodeStatus now) { promise.set_value(std::move(now)); });
  return future.get();
}

}  // namespace groundtruth::journal::testing
