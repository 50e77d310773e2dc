// A command on its way to the journal, and what came of it.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "journal/commit.hpp"

namespace groundtruth::journal {

enum class AnswerKind : std::uint8_t {
  accepted,     // in the journal, and seen by every read of this node that comes after (but see AnswerWhen)
  rejected,     // the business says no
  key_reused,   // the idempotency key stands for another request
  too_large,    // the commit would exceed kMaxCommitBytes; nothing was done
  unavailable,  // surely not executed; may be tried again
  unknown,  // appended, but the outcome did not come in time: ask again with the command id or the same key
};
BOOST_DESCRIBE_ENUM(AnswerKind, accepted, rejected, key_reused, too_large, unavailable, unknown)

struct Answer {
  AnswerKind kind = AnswerKind::unavailable;
  bool replayed = false;                 // answered from history or from another request's execution
  std::shared_ptr<const Commit> commit;  // null where nothing was appended (no-op, rejection without key)
  Partition partition;                   // with commit->seq: the Journal-Position
  std::uint64_t seq = 0;                 // of the commit, or of the head that was decided on; 0: of neither
  std::uint64_t offset = 0;              // of the commit's record
  std::size_t appended_bytes = 0;        // of that record, where this node made it for this submission
  domain::Rejection rejection;           // where rejected
  domain::CommandId command;             // the one that was executed: on a replay the first one
  std::string reason;                    // for the log, where unavailable
  bool reads_only = false;               // unavailable for as long as this process runs, and callers may know
  bool elsewhere = false;                // unavailable because of this process: another may well take it
  std::chrono::seconds over_budget{
      0};  // unavailable until then: the sender has written what they may in a day
};

// What a commit at this offset answers to whoever caused it.
inline Answer answer_of(Partition partition, std::uint64_t offset, std::shared_ptr<const Commit> commit) {
  Answer answer;
  answer.kind = AnswerKind::accepted;
  answer.partition = partition;
  answer.seq = commit->seq;
  answer.offset = offset;
  answer.command = commit->command.id;
  if (const auto* rejected = commit->find<domain::CommandRejected>()) {
    answer.kind = AnswerKind::rejected;
    answer.rejection = rejected->rejection;
  }
  answer.commit = std::move(commit);
  return answer;
}

// The stream must stand at exactly this version (If-Match), or the command is rejected with version_mismatch.
struct ExpectedVersion {
  std::string stream;
  std::uint32_t version = 0;
};

// When the answer to a command goes out, once its commit is in the journal for good.
enum class AnswerWhen : std::uint8_t {
  visible,  // when this node's read models have it, and what follows from it (a revoked key is forgotten)
  durable,  // at once. Reads that come later wait for the read models (Node::answered_ahead), so not for what
            // changes who may read
  internal,  // at once, and no read waits: for what this process says to itself, and promises nobody
};

struct Submission {
  domain::CommandId id;
  bool id_is_new =
      true;  // made for this submission: no earlier execution can exist, so history is not asked for it
  Partition partition;
  Actor actor;
  std::optional<KeyedRequest> keyed;
  std::optional<Cause> cause;
  // The effect of the same relay that this one goes behind. The target keeps only the highest source position
  // that it has seen (JOURNAL, "Record"): were this one taken and that one not, that one would be passed over
  // for ever. So without it this one is `unavailable`. Not needed once that one is answered.
  std::optional<RelayMark> behind;
  std::optional<ExpectedVersion> expected;
  AnswerWhen answer_when = AnswerWhen::visible;
  domain::Command command;
  std::chrono::steady_clock::time_point deadline;
  std::function<void(Answer)> done;  // called exactly once, on the writer's thread; must not block it
};

}  // namespace groundtruth::journal
