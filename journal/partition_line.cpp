// How a partition's follower, writer and read models move together (journal/partition_line.hpp).
#include "journal/partition_line.hpp"

#include <utility>

namespace groundtruth::journal {
namespace {

constexpr std::size_t kPollRecords = 512;

}  // namespace

PartitionLine::PartitionLine(Partition partition, LineContext& context)
    : partition_(partition),
      context_(context),
      follower_(partition, context.journal, *this),
      writer_(partition, context.codec, context.read_models, context.clock, context.randomness, *this,
              context.info.read_is_durable, context.options.writer),
      producer_(context.journal.open_producer()) {}

void PartitionLine::start() {
  const Checkpoint checkpoint = context_.read_models.checkpoint(partition_);
  projected_ = checkpoint.exists;
  projected_seq_ = checkpoint.seq;
  start_end_ = context_.journal.end_offset(partition_);
  if (checkpoint.exists) checkpoint_offset_ = checkpoint.offset;
  context_.journal.follow(partition_, checkpoint_offset_.value_or(0));
  follower_.start(checkpoint);
}

// The commit at the head was read, now or, where it is the read models' checkpoint, as soon as it is there.
bool PartitionLine::knows_time_of_head() {
  if (!checkpoint_offset_) return true;
  try {
    const auto found = context_.journal.read(partition_, *checkpoint_offset_, 1);
    if (found.empty() || id_of(*found.front().value) != follower_.head().id) return false;
    head_at_ = context_.codec.decode(*found.front().value).at;
  } catch (const JournalUnavailable&) {
    paused_ = true;
    return false;
  } catch (const UnreadableCommit& error) {
    halt_at(*checkpoint_offset_, error.what());
    return false;
  }
  checkpoint_offset_.reset();
  return true;
}

bool PartitionLine::read_more() {
  try {
    return follower_.poll(kPollRecords);
  } catch (const JournalUnavailable&) {
    paused_ = true;  // the node's tick polls again
    return false;
  }
}

void PartitionLine::poll() {
  paused_ = false;
  while (halt_reason_.empty()) {
    paused_ = context_.read_models.backlog() >= context_.options.max_projection_backlog;
    if (paused_) break;
    const bool more = read_more();
    context_.journal.follow(partition_, follower_.next_offset());
    if (!accepted_.empty()) {
      using Pace = ReadModels::Pace;
      const bool is_awaited = std::exchange(is_awaited_, false) || !waiters_.empty();
      context_.read_models.apply(std::exchange(accepted_, {}), is_awaited ? Pace::at_once : Pace::gather);
    }
    writer_.on_passed(follower_.next_offset());
    while (!ends_.empty() && has_read_to(ends_.front().second)) {
      const auto token = ends_.front().first;
      ends_.pop_front();
      writer_.on_caught_up(token);
    }
    if (!more) break;
  }
  open_when_caught_up();
}

// To the end that the log had, or to all that is left of it: a log that lost its tail does not stop a node
// from writing. What this process knows of the end is at least what was answered to it, unless a later answer
// was less: so the second clause is not true merely because little is known.
bool PartitionLine::has_read_to(std::uint64_t end) const {
  return follower_.next_offset() >= end || follower_.next_offset() >= context_.journal.end_offset(partition_);
}

void PartitionLine::open_when_caught_up() {
  const Head& head = follower_.head();
  if (open_ || !halt_reason_.empty() || !has_read_to(start_end_) || !head.exists) return;
  if (!projected_ || projected_seq_ < head.seq || !knows_time_of_head()) return;
  open_ = true;
  writer_.open(head, head_at_);
}

void PartitionLine::on_projected(std::uint64_t seq) {
  projected_ = true;
  projected_seq_ = seq;
  context_.ahead[index_of(partition_)].projected_seq.store(seq);
  writer_.on_projected(seq);
  release_waiters();
  open_when_caught_up();
}

void PartitionLine::on_projection_failed(const std::string& reason) {
  halted("the read models cannot take a commit: " + reason);
}

void PartitionLine::tick() {
  writer_.tick();
  release_waiters();
}

// --- what the follower finds
// ----------------------------------------------------------------------------------------

CommitId PartitionLine::id_of_record(const Record& record) {
  const CommitId* known = writer_.id_of_alive(record.value);
  return known ? *known : id_of(*record.value);
}

void PartitionLine::accepted(const Record& record, const Link& link) {
  if (!halt_reason_.empty()) return;
  Accepted accepted{partition_, record.offset, link.prefix->seq, link.id, record.value, nullptr};
  try {
    auto commit = writer_.alive_commit(link.id);
    if (!commit) commit = std::make_shared<Commit>(context_.codec.decode(*record.value));
    head_at_ = commit->at;
    checkpoint_offset_.reset();
    if (accepted.seq > 0) accepted.commit = std::move(commit);
  } catch (const UnreadableCommit& error) {
    return halt_at(record.offset, error.what());
  }
  if (writer_.on_accepted(accepted, head_at_)) is_awaited_ = true;
  for (const auto& observer : context_.observers) observer(accepted);
  accepted_.push_back(std::move(accepted));
}

void PartitionLine::orphaned(const Record& record, const Link& link) {
  writer_.on_orphan(link.id, record.offset);
}

void PartitionLine::halted(const std::string& evidence) {
  if (!halt_reason_.empty()) return;
  halt_reason_ = evidence;
  writer_.stop(evidence);
  release_waiters();
}

void PartitionLine::halt_at(std::uint64_t offset, const std::string& why) {
  halted(to_string(partition_) + ": the commit at offset " + std::to_string(offset) +
         " cannot be read: " + why);
}

// --- what the writer asks for
// ---------------------------------------------------------------------------------------

void PartitionLine::append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) {
  const auto on_report = [post = context_.post, index = index_of(partition_), session,
                          batch](AppendReport report) {
    post(index, [session, batch, report = std::move(report)](PartitionLine& line) {
      line.writer_.on_report(session, batch, report);
    });
  };
  producer_->append(partition_, std::move(records), on_report);
}

void PartitionLine::reset_producer(std::uint64_t) {
  producer_.reset();
  producer_ = context_.journal.open_producer();
}

void PartitionLine::request_end(std::uint64_t token) {
  context_.journal.ask_end(partition_,
                           [post = context_.post, index = index_of(partition_), token](std::uint64_t end) {
                             post(index, [token, end](PartitionLine& line) {
                               line.ends_.emplace_back(token, end);
                               line.poll();
                             });
                           });
}

bool PartitionLine::log_unchanged() {
  try {
    return follower_.unchanged();
  } catch (const JournalUnavailable&) {
    return false;  // not known: what waits for it stays uncertain
  }
}

void PartitionLine::wake_at(std::chrono::steady_clock::time_point when) {
  context_.wake_at(index_of(partition_), when);
}

void PartitionLine::answering_ahead(std::uint64_t seq) {
  context_.ahead[index_of(partition_)].answered_seq.store(seq);
}

std::shared_ptr<const Commit> PartitionLine::read_commit(std::uint64_t offset) {
  try {
    const auto found = context_.journal.read(partition_, offset, 1);
    if (found.empty()) return nullptr;
    return std::make_shared<Commit>(context_.codec.decode(*found.front().value));
  } catch (const UnreadableCommit&) {
    return nullptr;
  } catch (const JournalUnavailable&) {
    return nullptr;
  }
}

// --- what others ask
// ------------------------------------------------------------------------------------------------

void PartitionLine::when_reached(std::uint64_t seq, std::chrono::steady_clock::time_point deadline,
                                 Waiter done) {
  waiters_.emplace(seq, std::pair{deadline, std::move(done)});
  release_waiters();
  if (!waiters_.empty()) context_.read_models.hurry();
}

void PartitionLine::release_waiters() {
  const auto now = context_.clock.steady();
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool reached = projected_ && it->first <= projected_seq_;
    if (reached || it->second.first <= now || !halt_reason_.empty()) {
      const Waiter done = std::move(it->second.second);
      it = waiters_.erase(it);
      done(reached);
    } else {
      ++it;
    }
  }
}

std::pair<CommandState, Answer> PartitionLine::command_state(const domain::CommandId& id,
                                                             const std::string& account) {
  if (writer_.has_command(id, account)) return {CommandState::pending, {}};
  const auto past = context_.read_models.find_command(partition_, id);
  const auto commit = past ? read_commit(past->offset) : nullptr;
  // Done, but nobody can say now how and for whom: to call it unknown would invite doing it again.
  if (past && !commit) return {CommandState::pending, {}};
  if (!commit || commit->actor.account != account) return {CommandState::unknown, {}};
  return {CommandState::done, answer_of(partition_, past->offset, commit)};
}

PartitionStatus PartitionLine::status() const {
  const Head& head = follower_.head();
  return {partition_,
          head.exists,
          head.seq,
          head.id,
          follower_.orphans(),
          projected_seq_,
          head_at_,
          !halt_reason_.empty() ? halt_reason_ : writer_.stop_reason()};
}

}  // namespace groundtruth::journal
