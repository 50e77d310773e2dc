// What the writer needs to know of the past, as interfaces that projections implement (DESIGN, section 5).
// All of it is a function of accepted commits, trails the journal by a known position, and can be thrown away
// and built again.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/commit.hpp"

namespace groundtruth::journal {

// An accepted commit on its way to everyone who follows. `commit` is null for genesis.
struct Accepted {
  Partition partition;
  std::uint64_t offset = 0;
  std::uint64_t seq = 0;
  CommitId id;
  Bytes bytes;
  std::shared_ptr<const Commit> commit;
};

// Loads an aggregate as of the read models' position. `kind` is the index in domain::Aggregate. nullopt: no
// such stream.
struct LoadedAggregate {
  domain::Aggregate state;
  std::uint32_t version = 0;
};

// What names a keyed request within a partition: hash of account, scope and key.
using CommandKey = std::array<std::uint8_t, 16>;
CommandKey command_key(std::string_view account, const KeyedRequest& request);

struct PastCommand {
  std::uint64_t seq = 0;
  std::uint64_t offset = 0;
  std::string request_hash;  // "" for a command without key
};

// Where a reader stands: the last accepted commit that it has, and that record's offset.
struct Checkpoint {
  bool exists = false;
  std::uint64_t offset = 0;
  std::uint64_t seq = 0;
  CommitId id;
};

class ReadModels {
 public:
  virtual ~ReadModels() = default;

  // Called on the writer's thread. Must see everything up to the position last reported through on_applied.
  virtual std::optional<LoadedAggregate> load(std::size_t kind, Partition partition,
                                              std::string_view stream) = 0;
  virtual std::optional<PastCommand> find_key(Partition partition, const CommandKey& key) = 0;
  virtual std::optional<PastCommand> find_command(Partition partition, const domain::CommandId& id) = 0;
  virtual std::optional<RelayMark> relay_mark(Partition partition, const std::string& relay) = 0;

  // The lowest position over all projections: from behind it the follower feeds again, and what a projection
  // already has it passes over.
  virtual Checkpoint checkpoint(Partition partition) = 0;

  // Takes accepted commits, each partition's in order; returns at once. Backpressure: `backlog()` counts what
  // is taken and not applied. What nobody waits for may be kept back for a moment, so that more is applied at
  // once; `hurry` ends that.
  enum class Pace : std::uint8_t { at_once, gather };
  virtual void apply(std::vector<Accepted> commits, Pace pace) = 0;
  virtual void hurry() = 0;
  virtual std::size_t backlog() const = 0;
  // True while nothing can be applied for want of disk space. It is tried again until there is room;
  // meanwhile no command is taken, for its answer could not go out.
  virtual bool out_of_space() const { return false; }
  // False where that may soon be so: then nothing is promised to readers that is not applied yet.
  virtual bool has_room() const { return true; }

  // `applied` runs on the projector's thread after commits became visible to every reader of this process.
  // `failed` says that a projection cannot take a commit: that partition's writers stop (JOURNAL, Writer 10).
  struct Applied {
    Partition partition;
    std::uint64_t seq = 0;
  };
  virtual void on_progress(std::function<void(std::vector<Applied>)> applied,
                           std::function<void(Partition, std::string reason)> failed) = 0;
};

}  // namespace groundtruth::journal
