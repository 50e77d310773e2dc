// A node's view of the journal: followers and writers for every partition, the read models behind them, and
// the way in for commands. This is what api/ and workers/ talk to.
//
// Threads: everything public may be called from any thread; callbacks run on the node's executor and must not
// block. Start order: read models know their checkpoint, followers read from there to the end the log had,
// then writers open. Until then, and where a partition halted, submissions are answered `unavailable`.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/executor.hpp"
#include "journal/journal.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"
#include "journal/submission.hpp"

namespace groundtruth::journal {

struct WriterOptions {
  std::size_t max_in_flight = 4'096;        // decided, not answered or not in the read models, a partition
  std::size_t max_waiting = 4'096;          // commands not decided yet; one more is answered `unavailable`
  std::size_t max_batches_in_flight = 16;   // appends without report, for each partition
  std::size_t max_ahead = 1'024;            // answered and not in the read models: what later reads wait for
  std::size_t max_cached_aggregates = 256;  // for each partition; few enough to stay in a core's own cache
  std::chrono::milliseconds backoff_min{10};  // after two rounds lost to other writers, or failed recoveries
  std::chrono::milliseconds backoff_max{1'000};
  // Where several processes write one chain, the one that is ahead lets go after `turn` and stays silent
  // until another has written, or for `pause`; those that wait take a chain for free that was silent for
  // `quiet`.
  std::chrono::milliseconds turn{100};
  std::chrono::milliseconds pause{25};
  std::chrono::milliseconds quiet{8};
  std::chrono::milliseconds contended{5'000};  // for so long after others were last seen
  // Who never gets to the head appends nothing that could be seen: so now and then also without a sign.
  std::chrono::milliseconds unseen_turn{5'000};
};

struct NodeOptions {
  WriterOptions writer;
  std::size_t max_projection_backlog =
      16'384;               // followers pause above it: bounded memory while read models catch up
  bool reads_only = false;  // every command is answered `unavailable`
};

struct PartitionStatus {
  Partition partition;
  bool exists = false;    // false: not even genesis
  std::uint64_t seq = 0;  // of the head
  CommitId id;
  std::uint64_t orphans = 0;
  std::uint64_t projected_seq = 0;
  domain::Timestamp head_at;  // of the head's commit: no later one has an earlier time, whatever clocks say
  std::string halted;         // why the follower or the writer stopped; "" while all is well
};

struct NodeStatus {
  bool ready = false;
  std::string why_not;
  std::vector<PartitionStatus> partitions;
  std::size_t in_flight = 0;
  std::uint64_t lost_rounds = 0;  // speculations voided by other writers
  std::uint64_t recoveries = 0;
};

enum class CommandState : std::uint8_t { unknown, pending, done };

// Who may be better placed than this node's own writers to decide (peers/preferred_writers.hpp).
class Delegate {
 public:
  virtual ~Delegate() = default;
  // Any thread. True: the command was moved from, and the delegate answers it, on the node's executor.
  virtual bool take(Submission& submission) = 0;
  // Any thread. It has the command, and waits for its answer.
  virtual bool has_command(const domain::CommandId& id, std::string_view account) = 0;
};

class Node {
 public:
  Node(Journal& journal, const CommitCodec& codec, ReadModels& read_models, Clock& clock,
       Randomness& randomness, Executor& executor, NodeOptions options);
  ~Node();  // the executor stops before what is given here goes, and outlives the journal's threads

  // Set before start(); outlives every call of submit.
  void delegate_to(Delegate& delegate);

  void start();
  void submit(Submission submission);       // to the delegate, where it wants it
  void submit_here(Submission submission);  // to this node's own writer

  // Calls back with true once this node's read models have `position`, or false at the deadline or when the
  // partition halted (JOURNAL-Position on a read).
  void when_reached(Position position, std::chrono::steady_clock::time_point deadline,
                    std::function<void(bool)> done);

  // What this node has told of a partition (AnswerWhen::durable) and its read models do not have yet: who
  // reads them waits for it (when_reached). nullopt: there is nothing to wait for. Any thread.
  std::optional<Position> answered_ahead(Partition partition) const;

  // The commit of the record at this offset; null where it cannot be read, or not now.
  void read_commit(Partition partition, std::uint64_t offset,
                   std::function<void(std::shared_ptr<const Commit>)> done);

  // What became of a command of `account`: `done` carries an answer as its own request would have got it.
  // Commands of other accounts, and those older than the journal's memory of them (25 h), are `unknown`.
  void command_state(Partition partition, domain::CommandId id, std::string account,
                     std::function<void(CommandState, Answer)> done);

  // Runs on the executor for each accepted commit, in each partition's order, also for those read at the
  // start that the read models did not have yet. Set before start().
  void on_accepted(std::function<void(const Accepted&)> observer);

  void status(std::function<void(NodeStatus)> done);

  // Stops taking commands; calls back when those in flight are answered or the deadline has passed.
  void drain(std::chrono::steady_clock::time_point deadline, std::function<void()> done);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace groundtruth::journal
