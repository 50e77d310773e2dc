// One partition of a node: its follower, its writer, and what passes between them, the journal and the read
// models. Lives on the node's executor; private to node.cpp.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/follower.hpp"
#include "journal/node.hpp"
#include "journal/writer.hpp"

namespace groundtruth::journal {

class PartitionLine;

// How far readers were told of a partition's commands, and how far the read models are. Read by any thread.
struct AnsweredAhead {
  std::atomic<std::uint64_t> answered_seq{0};  // the newest that was told before they had it
  std::atomic<std::uint64_t> projected_seq{0};
};

// What a line shares with the others of its node.
struct LineContext {
  Journal& journal;
  const CommitCodec& codec;
  ReadModels& read_models;
  Clock& clock;
  Randomness& randomness;
  NodeOptions options;
  JournalInfo info;
  std::vector<std::function<void(const Accepted&)>> observers;
  // Runs `task` on the executor with the line, then lets the line's writer decide. Callable from any thread,
  // also after the node is gone.
  std::function<void(std::size_t line, std::function<void(PartitionLine&)> task)> post;
  std::function<void(std::size_t line, std::chrono::steady_clock::time_point when)> wake_at;
  std::array<AnsweredAhead, kPartitionTotal> ahead{};
};

class PartitionLine final : private FollowerSink, private WriterPort {
 public:
  PartitionLine(Partition partition, LineContext& context);

  void start();
  // Reads what there is, as long as the read models keep up.
  void poll();
  void on_projected(std::uint64_t seq);
  void on_projection_failed(const std::string& reason);
  void tick();

  using Waiter = std::function<void(bool reached)>;
  void when_reached(std::uint64_t seq, std::chrono::steady_clock::time_point deadline, Waiter done);
  std::pair<CommandState, Answer> command_state(const domain::CommandId& id, const std::string& account);

  std::shared_ptr<const Commit> read_commit(std::uint64_t offset) override;  // null: it cannot be, or not now

  Writer& writer() { return writer_; }
  const Writer& writer() const { return writer_; }
  bool open() const { return open_; }
  // The last poll left something: the read models had too much to do, or the log did not answer.
  bool paused() const { return paused_; }
  const std::string& halt_reason() const { return halt_reason_; }
  PartitionStatus status() const;

 private:
  CommitId id_of_record(const Record& record) override;
  void accepted(const Record& record, const Link& link) override;
  void orphaned(const Record& record, const Link& link) override;
  void halted(const std::string& evidence) override;

  void append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) override;
  void reset_producer(std::uint64_t session) override;
  void request_end(std::uint64_t token) override;
  bool log_unchanged() override;
  void wake_at(std::chrono::steady_clock::time_point when) override;
  void answering_ahead(std::uint64_t seq) override;

  void halt_at(std::uint64_t offset, const std::string& why);
  bool read_more();
  bool knows_time_of_head();
  bool has_read_to(std::uint64_t end) const;
  void open_when_caught_up();
  void release_waiters();

  const Partition partition_;
  LineContext& context_;
  Follower follower_;
  Writer writer_;
  std::unique_ptr<Producer> producer_;
  bool open_ = false;
  bool paused_ = false;
  std::string halt_reason_;
  std::uint64_t start_end_ = 0;
  domain::Timestamp head_at_;
  // Without one, `head_at_` is taken from the checkpoint's record once that has been fetched.
  std::optional<std::uint64_t> checkpoint_offset_;
  bool projected_ = false;  // the read models have at least genesis
  std::uint64_t projected_seq_ = 0;
  std::vector<Accepted> accepted_;  // of the current poll, not yet with the read models
  bool is_awaited_ = false;         // somebody waits until they have one of these
  std::deque<std::pair<std::uint64_t, std::uint64_t>> ends_;  // token, offset to be reached
  std::multimap<std::uint64_t, std::pair<std::chrono::steady_clock::time_point, Waiter>> waiters_;
};

}  // namespace groundtruth::journal
