// The writer of one partition (JOURNAL, "Writer"): decides commands on speculative state, appends, and
// answers when the journal, its own delivery report and, but for what goes ahead of them, the read models
// agree.
//
// It is a state machine without I/O: inputs are calls, outputs go through WriterPort. Not thread-safe;
// everything runs on the node's executor. The same code runs under the protocol test with rules taken away
// (rules.hpp).
//
// Terms. In flight: decided, in order, not answered or not in the read models. Alive: appended bytes that may
// still be accepted; nothing but those same bytes may be appended for that command until a foreign commit
// stands in their place. Void: decided on a head that another writer has moved; decided again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "journal/chain.hpp"
#include "journal/journal.hpp"
#include "journal/node.hpp"
#include "journal/ports.hpp"
#include "journal/read_models.hpp"
#include "journal/rules.hpp"
#include "journal/submission.hpp"

namespace groundtruth::journal {

// What a writer asks of its driver. Every call returns at once; answers come back as inputs of the writer.
class WriterPort {
 public:
  virtual ~WriterPort() = default;
  // Appends with the current producer; the report comes as on_report(session, batch, …).
  virtual void append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) = 0;
  // Destroys the producer and makes a new one; reports of older sessions no longer matter.
  virtual void reset_producer(std::uint64_t session) = 0;
  // Asks for on_caught_up(token) once the follower has read up to the end that the log has now.
  virtual void request_end(std::uint64_t token) = 0;
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;  // calls tick()
  // Whether the log still holds what the follower read last (Follower::unchanged).
  virtual bool log_unchanged() = 0;
  virtual std::shared_ptr<const Commit> read_commit(std::uint64_t offset) = 0;
  // Commits up to this one are about to be answered, or were, before the read models have them.
  virtual void answering_ahead(std::uint64_t seq) = 0;
};

template <class Rules = ProtocolRules>
class BasicWriter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  BasicWriter(Partition partition, const CommitCodec& codec, ReadModels& read_models, Clock& clock,
              Randomness& randomness, WriterPort& port, bool read_is_durable, const WriterOptions& options)
      : partition_(partition),
        codec_(codec),
        read_models_(read_models),
        clock_(clock),
        randomness_(randomness),
        port_(port),
        read_is_durable_(read_is_durable),
        options_(options),
        window_(options.max_batches_in_flight),
        pause_(options.pause) {}

  // The follower has read to the end that the log had at the start, and the read models have it.
  void open(const Head& head, domain::Timestamp head_at);

  // Takes a command; `pump` decides it. A full queue answers at once.
  void submit(std::shared_ptr<Submission> submission);

  // Decides what waits, as far as the window lets it, and appends it in one batch. Called after a round of
  // inputs.
  void pump();

  // --- inputs
  // -------------------------------------------------------------------------------------------------------
  // False where nobody waits until the read models have it.
  bool on_accepted(const Accepted& accepted, domain::Timestamp at);
  void on_orphan(const CommitId& id, std::uint64_t offset);
  // The follower has handed on everything below this offset.
  void on_passed(std::uint64_t next_offset);
  void on_report(std::uint64_t session, std::uint64_t batch, const AppendReport& report);
  void on_caught_up(std::uint64_t token);
  void on_projected(std::uint64_t seq);
  void tick();

  // Accepts no more commands. What was appended is still answered when its outcome is known.
  void stop(std::string reason);

  bool idle() const { return in_flight() == 0 && history_.empty(); }
  std::size_t in_flight() const { return in_flight_.size() + void_.size() + waiting_.size(); }
  // The commit of these bytes, where they are this writer's own and not accepted yet: nobody need decode them
  // again.
  std::shared_ptr<const Commit> alive_commit(const CommitId& id) const {
    const std::size_t next = first_alive();
    return next < in_flight_.size() && in_flight_[next].id == id ? in_flight_[next].commit : nullptr;
  }
  // The id of these very bytes, where they are the next ones that this writer waits for: hashed once is
  // enough.
  const CommitId* id_of_alive(const Bytes& bytes) const {
    const std::size_t next = first_alive();
    return next < in_flight_.size() && in_flight_[next].bytes == bytes ? &in_flight_[next].id : nullptr;
  }
  bool has_command(const domain::CommandId& id, std::string_view account) const;
  std::uint64_t lost_rounds() const { return lost_rounds_; }
  std::uint64_t recoveries() const { return recoveries_; }
  const std::string& stop_reason() const { return stop_reason_; }

 private:
  enum class State : std::uint8_t { closed, running, recovering };

  // One who waits for a command's answer; more than one where a retry joined it.
  struct Caller {
    std::function<void(Answer)> done;
    TimePoint deadline;
    bool joined = false;
  };

  struct InFlight {
    std::shared_ptr<Submission> submission;  // its `done` has moved into callers
    std::vector<Caller> callers;
    Bytes bytes;  // null: decided without a commit (no-op, unrecorded rejection)
    std::shared_ptr<const Commit> commit;
    std::uint64_t seq = 0;  // of the commit; without one, of the head that it was decided on
    CommitId id;
    unsigned appends = 0;     // how often these bytes were handed to a producer
    std::uint64_t batch = 0;  // the last one that they were handed on in
    std::optional<std::uint64_t> reported_offset;
    std::optional<std::uint64_t> offset;  // once accepted
    std::optional<domain::Rejection> rejection;
    std::uint64_t end_token = 0;  // without a commit: answered once the end asked for by it was read
    bool end_read = false;
    bool is_ahead = false;  // was answered before the read models had it

    bool alive() const { return bytes && !offset; }
  };

  struct Batch {
    std::uint64_t number = 0;
    std::uint64_t first_seq = 0, last_seq = 0;
    std::uint64_t speculation = 0;  // of another speculation than the current one: its bytes are dead
  };

  struct HistoryAnswer {
    Caller caller;
    std::uint64_t offset = 0;      // must be certain before it goes out
    std::optional<Answer> answer;  // where it is not that of the commit at the offset
  };

  struct Cached {
    domain::Aggregate state;
    std::uint32_t version = 0;
    std::uint64_t last_seq = 0;  // of the newest commit in flight that touched it
    std::list<std::string>::iterator use;
  };

  bool can_decide() const {
    return state_ == State::running && accepting_ && projected_seq_ >= needed_projection_seq_ &&
           batches_.size() < window_ && in_flight_.size() < options_.max_in_flight && !yielding_ &&
           clock_.steady() >= std::min(backoff_until_, quiet_at_);
  }
  // Whether what stands at this offset can no longer be taken back.
  bool certain(std::uint64_t offset) const {
    return !Rules::kAnswerNeedsReport || read_is_durable_ || (confirmed_ && *confirmed_ >= offset);
  }

  void answer_all(InFlight& entry, const Answer& answer);
  Answer plain(AnswerKind kind, const Submission& submission, std::string reason = {}) const;
  Answer answer_for(const InFlight& entry) const;

  bool admit(InFlight& entry);
  void decide(InFlight entry);
  void decide_or_throw(InFlight& entry);
  void append(std::uint64_t first_seq);
  void confirm();
  void append_confirmation();
  void answer_ahead();
  bool may_answer_ahead(const InFlight& entry) const {
    return entry.submission->answer_when != AnswerWhen::visible && ahead_ < options_.max_ahead &&
           read_models_.has_room();
  }
  void recover();
  void resume();
  void void_from(std::size_t index);
  void drop_unwritten(const Batch& batch);
  void back_off(std::uint64_t attempts);
  void take_turns();
  TimePoint written_at(domain::Timestamp at, TimePoint seen);
  void watch_for_quiet(TimePoint now);
  void release();
  std::size_t first_alive() const;

  void enter(InFlight entry);
  void name(const Submission& submission, int delta);
  bool named(const Submission& submission) const;
  std::optional<RelayMark> last_effect(const std::string& relay) const;  // in flight
  static std::string key_name(const Submission& submission);
  static bool same_command(const Submission& a, const Submission& b);

  Cached& load(std::size_t kind, const std::string& stream, bool is_new);
  void forget_aggregates();
  void evict();

  const Partition partition_;
  const CommitCodec& codec_;
  ReadModels& read_models_;
  Clock& clock_;
  Randomness& randomness_;
  WriterPort& port_;
  const bool read_is_durable_;
  const WriterOptions options_;

  State state_ = State::closed;
  bool accepting_ = true;
  std::string stop_reason_;

  Head head_, speculative_;
  domain::Timestamp head_at_, speculative_at_;
  std::uint64_t projected_seq_ = 0;
  std::uint64_t needed_projection_seq_ = 0;  // read models must have it before anything is decided
  std::uint64_t passed_offset_ = 0;          // everything below was read
  std::optional<std::uint64_t> confirmed_;   // offset of the newest own commit that was accepted and reported
  std::optional<std::uint64_t> last_of_others_;  // offset of the newest record of another, or late copy

  std::deque<std::shared_ptr<Submission>> waiting_;
  std::deque<InFlight> void_;  // decided on a head that moved: again, before what waits
  std::deque<InFlight> in_flight_;
  mutable std::size_t first_alive_ = 0;  // none before it in in_flight_ is alive
  std::size_t looked_at_ = 0;            // those before it are answered already, or wait for the read models
  std::size_t ahead_ = 0;                // of in_flight_, how many `is_ahead`
  std::uint64_t ahead_seq_ = 0;          // the newest that ever was
  std::deque<HistoryAnswer> history_;
  std::unordered_map<std::string, int> names_;                         // ids and keys of what is in flight
  std::unordered_map<std::string, std::multiset<RelayMark>> effects_;  // in flight, by relay_of their cause

  std::deque<Batch> batches_;
  std::uint64_t session_ = 1, next_batch_ = 1, next_token_ = 1, recovery_token_ = 0, speculation_ = 1;
  std::size_t window_;
  std::uint64_t lost_in_a_row_ = 0, lost_rounds_ = 0, recoveries_in_a_row_ = 0, recoveries_ = 0;
  TimePoint backoff_until_{};
  // Turns with other processes that write this chain.
  TimePoint contended_until_{};           // after others were seen
  TimePoint quiet_at_{};                  // unless another commit was written before it
  TimePoint quiet_wake_{};                // the next time that it is looked at
  std::optional<TimePoint> turn_began_;   // by our first commit after another's
  TimePoint last_own_{};                  // accepted
  bool yielding_ = false;                 // our turn is over: nothing new is decided
  std::optional<TimePoint> yield_until_;  // once all that was ours has landed
  std::chrono::milliseconds pause_{};     // how long we are silent
  bool others_were_late_ = false;         // since our last silence ended
  // The shortest time, by two clocks that may be apart, from the writing of another's commit to its reading:
  // within a span of `contended`, and within the one before.
  std::optional<std::int64_t> least_age_ms_, least_age_before_ms_;
  TimePoint ages_until_{};
  bool resume_at_tick_ = false;

  std::unordered_map<std::string, Cached> cache_;
  std::list<std::string> uses_;  // most recently used first
};

using Writer = BasicWriter<>;

}  // namespace groundtruth::journal

#include "journal/writer_answers.hpp"  // IWYU pragma: keep
#include "journal/writer_impl.hpp"     // IWYU pragma: keep
