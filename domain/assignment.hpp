// Assignment: one worker's work on one task, from the lease on a place to the submission and what became of
// it. Source of the rules: CONTRACTS, "groundtruth" and "The people who do the work".
//
// Its id is a function of task and worker, so that one worker can never hold two places of a task, nor submit
// twice. The task counts its places; both change in one commit.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "domain/account.hpp"
#include "domain/lease_rules.hpp"

namespace groundtruth::domain {

// none -> leased -> pending -> approved or rejected; a leased one may lapse, and be leased again. A rejected
// one may become contested, once, and then rejected again or reinstated, as an operator decides. The
// customer, whose money went back with the rejection, sees the last two as rejected.
enum class AssignmentStatus : std::uint8_t {
  none,
  leased,
  lapsed,
  pending,
  approved,
  rejected,
  contested,
  reinstated
};
BOOST_DESCRIBE_ENUM(AssignmentStatus, none, leased, lapsed, pending, approved, rejected, contested,
                    reinstated)

// What a worker announced to bring. The object in the blob store is named by assignment, lease and hash: the
// same bytes lie there once however often they are sent, and what a lease has left nobody names under a later
// one.
struct Upload {
  UploadId upload;
  std::string content_type;
  std::int64_t bytes = 0;
  std::string sha256;  // 64 lower-case hex digits
};
BOOST_DESCRIBE_STRUCT(Upload, (), (upload, content_type, bytes, sha256))

// A verified part of a submission: what the blob store holds, and what its bytes were found to be.
struct Media {
  std::string content_type;
  std::int64_t bytes = 0;
  std::string sha256;
  std::optional<std::int64_t> duration_ms;
};
BOOST_DESCRIBE_STRUCT(Media, (), (content_type, bytes, sha256, duration_ms))

inline constexpr std::size_t kMaxUploads = 8;              // that one proof names
inline constexpr std::int64_t kReviewMs = 7 * 86'400'000;  // unreviewed for so long is approved
// For so long after a rejection the worker may contest it, and its media is kept for the operator who would
// decide.
inline constexpr std::int64_t kContestMs = 7 * 86'400'000;

// --- events
// ---------------------------------------------------------------------------------------------------------

struct LeaseGranted {
  static constexpr std::string_view kType = "lease.granted";
  static constexpr int kSchema = 2;
  AssignmentId assignment;
  std::uint32_t lease = 0;  // Assignment::lease
  TaskId task;
  AccountId account;
  WorkerId worker;
  Cents reward_cents;
  Timestamp expires_at;
};
BOOST_DESCRIBE_STRUCT(LeaseGranted, (), (assignment, lease, task, account, worker, reward_cents, expires_at))

enum class LeaseEnd : std::uint8_t { released, expired };
BOOST_DESCRIBE_ENUM(LeaseEnd, released, expired)

struct LeaseEnded {
  static constexpr std::string_view kType = "lease.ended";
  static constexpr int kSchema = 1;
  AssignmentId assignment;
  TaskId task;
  WorkerId worker;
  LeaseEnd reason{};
};
BOOST_DESCRIBE_STRUCT(LeaseEnded, (), (assignment, task, worker, reason))

struct UploadAnnounced {
  static constexpr std::string_view kType = "upload.announced";
  static constexpr int kSchema = 2;
  AssignmentId assignment;
  std::uint32_t lease = 0;  // under which it comes
  Upload upload;
};
BOOST_DESCRIBE_STRUCT(UploadAnnounced, (), (assignment, lease, upload))

struct SubmissionCreated {
  static constexpr std::string_view kType = "submission.created";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  WorkerId worker;
  std::vector<Media> media;
  Timestamp review_until;  // then it is approved by itself
};
BOOST_DESCRIBE_STRUCT(SubmissionCreated, (),
                      (submission, assignment, task, account, worker, media, review_until))

enum class Approver : std::uint8_t { customer, time };
BOOST_DESCRIBE_ENUM(Approver, customer, time)

struct SubmissionApproved {
  static constexpr std::string_view kType = "submission.approved";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  WorkerId worker;
  Approver by{};
  Cents reward_cents;  // what the worker is paid
};
BOOST_DESCRIBE_STRUCT(SubmissionApproved, (),
                      (submission, assignment, task, account, worker, by, reward_cents))

struct SubmissionRejected {
  static constexpr std::string_view kType = "submission.rejected";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  WorkerId worker;
  std::string reason;  // for the worker to read
};
BOOST_DESCRIBE_STRUCT(SubmissionRejected, (), (submission, assignment, task, account, worker, reason))

// The worker asks an operator to look at a rejection.
struct SubmissionContested {
  static constexpr std::string_view kType = "submission.contested";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  WorkerId worker;
};
BOOST_DESCRIBE_STRUCT(SubmissionContested, (), (submission, assignment, task, account, worker))

enum class ContestOutcome : std::uint8_t { upheld, dismissed };  // the contest, not the rejection
BOOST_DESCRIBE_ENUM(ContestOutcome, upheld, dismissed)

struct ContestDecided {
  static constexpr std::string_view kType = "submission.contest_decided";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  WorkerId worker;
  ContestOutcome outcome{};
  Cents reward_cents;  // what the worker is paid; 0 where dismissed
};
BOOST_DESCRIBE_STRUCT(ContestDecided, (),
                      (submission, assignment, task, account, worker, outcome, reward_cents))

// Nobody has a right to see the media of a rejected submission any more: it is removed from the store.
struct SubmissionDiscarded {
  static constexpr std::string_view kType = "submission.discarded";
  static constexpr int kSchema = 1;
  SubmissionId submission;
  AssignmentId assignment;
  TaskId task;
  WorkerId worker;
};
BOOST_DESCRIBE_STRUCT(SubmissionDiscarded, (), (submission, assignment, task, worker))

// --- state
// ----------------------------------------------------------------------------------------------------------

struct Assignment {
  using Key = AssignmentId;
  AssignmentId id;
  TaskId task;
  AccountId account;
  WorkerId worker;
  AssignmentStatus status = AssignmentStatus::none;
  std::uint32_t lease = 0;  // the last one: 1 for the first; 0 is one from before they were counted
  Cents reward_cents;
  Timestamp lease_until;
  std::vector<Upload> uploads;
  SubmissionId submission;  // "" until there is one
  std::vector<Media> media;
  Timestamp submitted_at;
  Timestamp review_until;
  std::optional<Timestamp> decided_at;
  std::string reason;  // of the rejection
  std::optional<Timestamp> contested_at;
  std::optional<Timestamp> keep_until;  // of a rejected one: then its media is discarded
  bool is_discarded = false;

  bool was_rejected() const { return status >= AssignmentStatus::rejected; }
  // As the customer sees it.
  AssignmentStatus review() const { return was_rejected() ? AssignmentStatus::rejected : status; }
  bool holds_lease(Timestamp at) const { return status == AssignmentStatus::leased && at < lease_until; }
  bool has_announced(const std::string& sha256) const;
  std::int64_t announced_bytes() const;  // that all uploads of this lease take, each content once
  bool has_submission() const { return !submission.empty(); }
  // When time acts on it: ends the lease, approves what nobody reviewed, or discards what was rejected.
  std::optional<Timestamp> due() const {
    if (status == AssignmentStatus::leased) return lease_until;
    if (status == AssignmentStatus::pending) return review_until;
    return keep_until;
  }
};
BOOST_DESCRIBE_STRUCT(Assignment, (),
                      (id, task, account, worker, status, lease, reward_cents, lease_until, uploads,
                       submission, media, submitted_at, review_until, decided_at, reason, contested_at,
                       keep_until, is_discarded))

void evolve(Assignment& state, const LeaseGranted& event, Timestamp at);
void evolve(Assignment& state, const LeaseEnded& event, Timestamp at);
void evolve(Assignment& state, const UploadAnnounced& event, Timestamp at);
void evolve(Assignment& state, const SubmissionCreated& event, Timestamp at);
void evolve(Assignment& state, const SubmissionApproved& event, Timestamp at);
void evolve(Assignment& state, const SubmissionRejected& event, Timestamp at);
void evolve(Assignment& state, const SubmissionContested& event, Timestamp at);
void evolve(Assignment& state, const ContestDecided& event, Timestamp at);
void evolve(Assignment& state, const SubmissionDiscarded& event, Timestamp at);

// --- commands
// -------------------------------------------------------------------------------------------------------

// Takes one of the remaining places of a task. Whether the task suits the worker, and whether they may hold
// one more, is for the caller to say: the worker's facts stand in other chains.
struct AcceptTask {
  static constexpr std::string_view kName = "task.accept";
  AssignmentId assignment;
  TaskId task;
  WorkerId worker;
  std::int64_t lease_ms = 0;  // > 0
  bool suits = true;
  std::optional<LeaseAllowance> allowance = std::nullopt;  // nullopt: no bound
};
BOOST_DESCRIBE_STRUCT(AcceptTask, (), (assignment, task, worker, lease_ms, suits, allowance))

struct ReleaseTask {
  static constexpr std::string_view kName = "task.release";
  AssignmentId assignment;
  TaskId task;
};
BOOST_DESCRIBE_STRUCT(ReleaseTask, (), (assignment, task))

// What one lease may bring, so that a worker cannot fill the store. The same bytes announced again are one
// more upload, and take no more room.
struct UploadLimits {
  std::int64_t max_uploads = 0;
  std::int64_t max_total_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(UploadLimits, (), (max_uploads, max_total_bytes))

// Whatever is put into the blob store for an assignment is announced first: what the journal does not name,
// nobody would ever find there and remove.
struct AnnounceUpload {
  static constexpr std::string_view kName = "upload.announce";
  AssignmentId assignment;
  Upload upload;
  UploadLimits limits;                                // by configuration
  std::optional<std::uint32_t> lease = std::nullopt;  // under which it will be stored; nullopt: any
};
BOOST_DESCRIBE_STRUCT(AnnounceUpload, (), (assignment, upload, limits, lease))

// `media` was found in the blob store, and verified, before: under `lease`. Under a later one it counts no
// more, for what an earlier lease has left may be removed in between; whoever sends it looks again.
struct SubmitProof {
  static constexpr std::string_view kName = "task.submit";
  AssignmentId assignment;
  TaskId task;
  SubmissionId submission;
  std::vector<Media> media;
  std::optional<std::uint32_t> lease = std::nullopt;  // nullopt: any
};
BOOST_DESCRIBE_STRUCT(SubmitProof, (), (assignment, task, submission, media, lease))

struct ApproveSubmission {
  static constexpr std::string_view kName = "submission.approve";
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  SubmissionId submission;
};
BOOST_DESCRIBE_STRUCT(ApproveSubmission, (), (assignment, task, account, submission))

struct RejectSubmission {
  static constexpr std::string_view kName = "submission.reject";
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  SubmissionId submission;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(RejectSubmission, (), (assignment, task, account, submission, reason))

// By the worker whose submission it is.
struct ContestSubmission {
  static constexpr std::string_view kName = "submission.contest";
  AssignmentId assignment;
  TaskId task;
  WorkerId worker;
  SubmissionId submission;
};
BOOST_DESCRIBE_STRUCT(ContestSubmission, (), (assignment, task, worker, submission))

// By an operator. An upheld contest is paid by the platform: the customer's money went back with the
// rejection, and so did the right to see the media; neither comes again.
struct DecideContest {
  static constexpr std::string_view kName = "submission.decide_contest";
  AssignmentId assignment;
  TaskId task;
  AccountId account;
  SubmissionId submission;
  ContestOutcome outcome{};
};
BOOST_DESCRIBE_STRUCT(DecideContest, (), (assignment, task, account, submission, outcome))

// The worker was erased: the media of what was rejected is kept for nobody. Of what was not, it changes
// nothing.
struct DiscardSubmission {
  static constexpr std::string_view kName = "submission.discard";
  AssignmentId assignment;
  TaskId task;
};
BOOST_DESCRIBE_STRUCT(DiscardSubmission, (), (assignment, task))

// The clock says that a lease, a review or the time to contest is over. Whoever says so too early, or of what
// has moved on, changes nothing.
struct PassTime {
  static constexpr std::string_view kName = "assignment.pass_time";
  AssignmentId assignment;
  TaskId task;
  AccountId account;
};
BOOST_DESCRIBE_STRUCT(PassTime, (), (assignment, task, account))

}  // namespace groundtruth::domain
