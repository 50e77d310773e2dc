// Brings the partitions of a node together on one executor (journal/node.hpp).
#include "journal/node.hpp"

#include <array>
#include <atomic>
#include <utility>

#include "journal/partition_line.hpp"

namespace groundtruth::journal {
namespace {

constexpr std::chrono::milliseconds kTick{50};

}  // namespace

// Owned by the node and, weakly, by everything that it posted: what arrives after the node is gone finds
// nothing.
class Node::Impl : public std::enable_shared_from_this<Node::Impl> {
 public:
  Impl(Journal& journal, const CommitCodec& codec, ReadModels& read_models, Clock& clock,
       Randomness& randomness, Executor& executor, NodeOptions options)
      : executor_(executor), context_{journal,        codec, read_models, clock,   randomness, options,
                                      journal.info(), {},    nullptr,     nullptr, {}} {}

  void add_observer(std::function<void(const Accepted&)> observer) {
    context_.observers.push_back(std::move(observer));
  }

  void start() {
    const auto weak = weak_from_this();
    context_.post = [weak](std::size_t index, std::function<void(PartitionLine&)> task) {
      if (const auto impl = weak.lock()) impl->post(index, std::move(task));
    };
    context_.wake_at = [weak](std::size_t index, std::chrono::steady_clock::time_point when) {
      if (const auto impl = weak.lock()) impl->post_at(when, index);
    };
    context_.read_models.on_progress(
        [weak](std::vector<ReadModels::Applied> applied) {
          if (const auto impl = weak.lock()) impl->post([impl, applied] { impl->on_applied(applied); });
        },
        [weak](Partition partition, const std::string& reason) {
          if (const auto impl = weak.lock())
            impl->post(index_of(partition),
                       [reason](PartitionLine& line) { line.on_projection_failed(reason); });
        });
    context_.journal.on_visible([weak](Partition partition) {
      if (const auto impl = weak.lock()) impl->post_poll(index_of(partition));
    });
    post([this] {
      for (std::size_t i = 0; i < kPartitionTotal; ++i) {
        lines_[i] = std::make_unique<PartitionLine>(partition_at(i), context_);
        lines_[i]->start();
        post_poll(i);
      }
      tick();
    });
  }

  void delegate_to(Delegate& delegate) { delegate_ = &delegate; }

  void submit(Submission submission) {
    // Who could not read what became of it hands nothing on.
    const bool sees_outcome = serves_[index_of(submission.partition)] && context_.journal.is_reachable() &&
                              !context_.read_models.out_of_space();
    if (delegate_ == nullptr || !sees_outcome || !delegate_->take(submission))
      submit_here(std::move(submission));
  }

  void submit_here(Submission submission) {
    const auto index = index_of(submission.partition);
    auto shared = std::make_shared<Submission>(std::move(submission));
    post([this, index, shared] {
      const bool no_space = context_.read_models.out_of_space();
      const bool no_log = !context_.journal.is_reachable();
      const bool reads_only = context_.options.reads_only;
      if (reads_only || draining_ || no_space || no_log || !lines_[index]) {
        Answer answer;
        answer.command = shared->id;
        answer.reads_only = reads_only;
        answer.elsewhere = true;
        answer.reason = reads_only  ? "this node serves only reads"
                        : draining_ ? "shutting down"
                        : no_space  ? "no space left on disk for the read models"
                        : no_log    ? "the journal does not answer"
                                    : "still starting";
        if (shared->done) shared->done(std::move(answer));
        return;
      }
      lines_[index]->writer().submit(shared);
      mark(index);
    });
  }

  void when_reached(Position position, std::chrono::steady_clock::time_point deadline,
                    std::function<void(bool)> done) {
    post(index_of(position.partition), [position, deadline, done = std::move(done)](PartitionLine& line) {
      line.when_reached(position.seq, deadline, done);
    });
  }

  std::optional<Position> answered_ahead(Partition partition) const {
    const auto& ahead = context_.ahead[index_of(partition)];
    const auto answered = ahead.answered_seq.load();
    if (answered <= ahead.projected_seq.load()) return std::nullopt;
    return Position{partition, answered};
  }

  void read_commit(Partition partition, std::uint64_t offset,
                   std::function<void(std::shared_ptr<const Commit>)> done) {
    post(index_of(partition),
         [offset, done = std::move(done)](PartitionLine& line) { done(line.read_commit(offset)); });
  }

  void command_state(Partition partition, domain::CommandId id, std::string account,
                     std::function<void(CommandState, Answer)> done) {
    const bool is_handed_on = delegate_ != nullptr && delegate_->has_command(id, account);
    if (is_handed_on) return post([done = std::move(done)] { done(CommandState::pending, {}); });
    post(index_of(partition), [id = std::move(id), account = std::move(account), done](PartitionLine& line) {
      auto [state, answer] = line.command_state(id, account);
      done(state, std::move(answer));
    });
  }

  void status(std::function<void(NodeStatus)> done) {
    post([this, done = std::move(done)] { done(status()); });
  }

  void drain(std::chrono::steady_clock::time_point deadline, std::function<void()> done) {
    post([this, deadline, done = std::move(done)]() mutable {
      draining_ = true;
      drain_deadline_ = deadline;
      drained_ = std::move(done);
      finish_drain();
    });
  }

 private:
  void post(std::function<void()> task) {
    executor_.post([self = shared_from_this(), task = std::move(task)] { task(); });
  }
  void post(std::size_t index, std::function<void(PartitionLine&)> task) {
    post([this, index, task = std::move(task)] {
      if (!lines_[index]) return;
      task(*lines_[index]);
      mark(index);
    });
  }
  void post_at(std::chrono::steady_clock::time_point when, std::size_t index) {
    executor_.post_at(when, [weak = weak_from_this(), index] {
      const auto self = weak.lock();
      if (!self) return;
      self->lines_[index]->tick();
      self->mark(index);
    });
  }
  // Many records becoming visible while one poll waits its turn are one poll.
  void post_poll(std::size_t index) {
    if (poll_posted_[index].exchange(true)) return;
    post(index, [this, index](PartitionLine& line) {
      poll_posted_[index].store(false);
      line.poll();
    });
  }

  // Writers decide at the end of a round of inputs, so that what came together is appended together.
  void mark(std::size_t index) {
    serves_[index] = lines_[index]->open() && lines_[index]->halt_reason().empty();
    if (dirty_[index]) return;
    dirty_[index] = true;
    dirty_list_.push_back(index);
    if (dirty_list_.size() > 1) return;
    post([this] {
      for (const auto i : std::exchange(dirty_list_, {})) {
        dirty_[i] = false;
        lines_[i]->writer().pump();
      }
    });
  }

  void on_applied(const std::vector<ReadModels::Applied>& applied) {
    for (const auto& one : applied) {
      const auto index = index_of(one.partition);
      if (!lines_[index]) continue;
      lines_[index]->on_projected(one.seq);
      mark(index);
    }
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      if (lines_[i] && lines_[i]->paused()) post_poll(i);
    if (draining_) finish_drain();
  }

  void tick() {
    for (std::size_t i = 0; i < kPartitionTotal; ++i) {
      lines_[i]->tick();
      if (!lines_[i]->writer().idle()) mark(i);
      if (!lines_[i]->open() || lines_[i]->paused()) post_poll(i);
    }
    if (draining_) finish_drain();
    executor_.post_at(context_.clock.steady() + kTick, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tick();
    });
  }

  void finish_drain() {
    if (!drained_) return;
    bool idle = true;
    for (const auto& line : lines_) idle = idle && (!line || line->writer().idle());
    if (idle || context_.clock.steady() >= drain_deadline_) std::exchange(drained_, nullptr)();
  }

  NodeStatus status() const {
    NodeStatus out;
    out.ready = !draining_;
    if (draining_) out.why_not = "shutting down";
    if (context_.read_models.out_of_space()) {
      out.ready = false;
      out.why_not = "no space left on disk for the read models";
    }
    for (const auto& line : lines_) {
      if (!line) {
        out.ready = false;
        out.why_not = "starting";
        break;
      }
      out.partitions.push_back(line->status());
      out.in_flight += line->writer().in_flight();
      out.lost_rounds += line->writer().lost_rounds();
      out.recoveries += line->writer().recoveries();
      const auto& partition = out.partitions.back();
      if (!out.ready || (line->open() && partition.halted.empty())) continue;
      out.ready = false;
      if (!partition.halted.empty())
        out.why_not = partition.halted;
      else if (!partition.exists)
        out.why_not = to_string(partition.partition) +
                      ": no genesis yet: run `groundtruth journal init`, or still reading";
      else
        out.why_not = to_string(partition.partition) + ": read models are catching up";
    }
    return out;
  }

  Executor& executor_;
  LineContext context_;
  Delegate* delegate_ = nullptr;
  std::array<std::unique_ptr<PartitionLine>, kPartitionTotal> lines_;
  std::array<std::atomic<bool>, kPartitionTotal> poll_posted_{};
  std::array<std::atomic<bool>, kPartitionTotal> serves_{};  // open, and not halted
  std::array<bool, kPartitionTotal> dirty_{};
  std::vector<std::size_t> dirty_list_;
  bool draining_ = false;
  std::chrono::steady_clock::time_point drain_deadline_{};
  std::function<void()> drained_;
};

Node::Node(Journal& journal, const CommitCodec& codec, ReadModels& read_models, Clock& clock,
           Randomness& randomness, Executor& executor, NodeOptions options)
    : impl_(std::make_shared<Impl>(journal, codec, read_models, clock, randomness, executor, options)) {}
Node::~Node() = default;
void Node::start() {
  impl_->start();
}
void Node::delegate_to(Delegate& delegate) {
  impl_->delegate_to(delegate);
}
void Node::submit(Submission submission) {
  impl_->submit(std::move(submission));
}
void Node::submit_here(Submission submission) {
  impl_->submit_here(std::move(submission));
}
void Node::when_reached(Position position, std::chrono::steady_clock::time_point deadline,
                        std::function<void(bool)> done) {
  impl_->when_reached(position, deadline, std::move(done));
}
std::optional<Position> Node::answered_ahead(Partition partition) const {
  return impl_->answered_ahead(partition);
}
void Node::read_commit(Partition partition, std::uint64_t offset,
                       std::function<void(std::shared_ptr<const Commit>)> done) {
  impl_->read_commit(partition, offset, std::move(done));
}
void Node::command_state(Partition partition, domain::CommandId id, std::string account,
                         std::function<void(CommandState, Answer)> done) {
  impl_->command_state(partition, std::move(id), std::move(account), std::move(done));
}
void Node::on_accepted(std::function<void(const Accepted&)> observer) {
  impl_->add_observer(std::move(observer));
}
void Node::status(std::function<void(NodeStatus)> done) {
  impl_->status(std::move(done));
}
void Node::drain(std::chrono::steady_clock::time_point deadline, std::function<void()> done) {
  impl_->drain(deadline, std::move(done));
}

}  // namespace groundtruth::journal
