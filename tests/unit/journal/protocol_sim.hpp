// A seeded world for the journal protocol: several nodes on one partition of a memory journal, clients that
// retry, a relay, and faults at every step. `run` plays one schedule and returns the first broken promise, or
// "" (JOURNAL.md).
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "journal/codec/json_writer.hpp"
#include "journal/follower.hpp"
#include "journal/key_store.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/writer.hpp"

namespace groundtruth::journal::sim {

inline constexpr Partition kWhere{Topic::tasks, 0};
inline constexpr Partition kRelaySource{Topic::tasks, 1};

class SimClock final : public Clock {
 public:
  domain::Timestamp now() const override { return {1'750'000'000'000 + elapsed_ms}; }
  std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{std::chrono::milliseconds(1'000'000 + elapsed_ms)};
  }
  std::int64_t elapsed_ms = 0;
};

class SimRandomness final : public Randomness {
 public:
  explicit SimRandomness(std::mt19937_64& random) : random_(random) {}
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(random_());
  }

 private:
  std::mt19937_64& random_;
};

// Read models in memory. What was applied survives a crash of its node; what waits does not.
class SimReadModels final : public ReadModels {
 public:
  std::optional<LoadedAggregate> load(std::size_t kind, Partition, std::string_view stream) override {
    const auto found = streams.find(std::string(stream));
    if (found == streams.end() || found->second.state.index() != kind) return std::nullopt;
    return found->second;
  }
  std::optional<PastCommand> find_key(Partition, const CommandKey& key) override { return find(keys, key); }
  std::optional<PastCommand> find_command(Partition, const domain::CommandId& id) override {
    return find(ids, id);
  }
  std::optional<RelayMark> relay_mark(Partition, const std::string& relay) override {
    const auto found = marks.find(relay);
    return found == marks.end() ? std::nullopt : std::optional(found->second);
  }
  Checkpoint checkpoint(Partition) override { return checkpoint_; }
  void hurry() override {}
  bool has_room() const override { return room; }
  void apply(std::vector<Accepted> commits, Pace) override {
    for (auto& commit : commits) waiting.push_back(std::move(commit));
  }
  std::size_t backlog() const override { return waiting.size(); }
  void on_progress(std::function<void(std::vector<Applied>)>,
                   std::function<void(Partition, std::string)>) override {}

  // Returns "" or why the history makes no sense.
  std::string apply_one() {
    const Accepted accepted = std::move(waiting.front());
    waiting.pop_front();
    checkpoint_ = {true, accepted.offset, accepted.seq, accepted.id};
    if (!accepted.commit) return {};
    const Commit& commit = *accepted.commit;
    for (const auto& event : commit.events) {
      if (std::holds_alternative<domain::CommandRejected>(event.data)) continue;
      auto [found, created] = streams.try_emplace(event.stream);
      if (created) found->second.state = *domain::aggregate_for(event.data);
      if (event.version != found->second.version + 1)
        return "a stream's versions are not dense: " + event.stream;
      if (!domain::evolve(found->second.state, event.data, commit.at)) return "an event of another aggregate";
      found->second.version = event.version;
      if (const auto* wallet = std::get_if<domain::Wallet>(&found->second.state))
        if (wallet->escrow.value < 0 || wallet->available.value < 0) return "a wallet fell below zero";
    }
    const PastCommand past{accepted.seq, accepted.offset,
                           commit.command.keyed ? commit.command.keyed->request_hash : ""};
    ids[commit.command.id] = past;
    if (commit.command.keyed) keys[command_key(commit.actor.account, *commit.command.keyed)] = past;
    if (commit.cause) {
      auto& mark = marks[relay_of(*commit.cause)];
      mark = std::max(mark, mark_of(*commit.cause));
    }
    return {};
  }

  std::string content() const {
    std::string out;
    for (const auto& [stream, loaded] : streams) {
      out += stream + "@" + std::to_string(loaded.version) + ":";
      std::visit([&](const auto& state) { codec::write_json(out, state); }, loaded.state);
      out += '\n';
    }
    return out;
  }

  bool room = true;
  std::deque<Accepted> waiting;
  std::map<std::string, LoadedAggregate> streams;
  std::map<CommandKey, PastCommand> keys;
  std::map<domain::CommandId, PastCommand> ids;
  std::map<std::string, RelayMark> marks;

 private:
  template <class Map, class Key>
  static std::optional<PastCommand> find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }
  Checkpoint checkpoint_;
};

// What a client wants done once, however often it must ask.
struct Operation {
  std::optional<std::string> key;
  domain::Command command;
  std::string must_not_reject_with_not_found;  // its precondition was acknowledged before it was sent
  unsigned asked = 0;
  bool pending = false;  // an answer is awaited
  bool settled = false;
  std::optional<bool> accepted;
  std::string commit_id;  // command id of the commit that answered it
};

template <class Rules>
class World {
 public:
  // `goes_ahead`: some answers do not wait for the read models. It has dice of its own.
  explicit World(std::uint64_t seed, bool goes_ahead = true)
      : goes_ahead_(goes_ahead),
        ahead_dice_(seed ^ 0x5DEECE66DULL),
        random_(seed),
        randomness_(random_),
        keys_(make_memory_key_store(randomness_)),
        codec_(std::make_unique<CommitCodec>("00000000-0000-4000-8000-000000000000",
                                             std::shared_ptr(std::move(keys_)), randomness_)) {
    MemoryJournalOptions options;
    options.clock = &clock_;
    options.read_is_durable = false;
    options.delay_visibility = true;
    options.reports = ReportMode::driven;
    options.faults = [this](const AppendAttempt& attempt) { return fault(attempt); };
    journal_ = std::make_unique<MemoryJournal>(std::move(options));
    constexpr std::size_t kMost[] = {0, 1, 3, 1'024};
    if (goes_ahead_) options_.max_ahead = kMost[ahead_dice_() % 4];
  }

  std::string run(unsigned steps) {
    set_up();
    nodes_.resize(2 + chance(3));
    for (std::size_t i = 0; i < nodes_.size(); ++i) start_node(i);
    for (unsigned i = 0; i < steps && broken_.empty() && !evidence_; ++i) step();
    if (broken_.empty() && !evidence_) quiesce();
    if (broken_.empty()) audit();
    return broken_;
  }

 private:
  struct SimNode;
  // A node's process: gone in a crash, read models apart.
  struct Process final : FollowerSink, WriterPort {
    Process(World& w, SimReadModels& read_models)
        : world(w),
          models(read_models),
          follower(kWhere, *w.journal_, *this),
          writer(kWhere, *w.codec_, read_models, w.clock_, w.randomness_, *this, false, w.options_),
          producer(w.journal_->open_producer()) {}

    void accepted(const Record& record, const Link& link) override {
      Accepted accepted{kWhere, record.offset, link.prefix->seq, link.id, record.value, nullptr};
      auto commit = std::make_shared<Commit>(world.codec_->decode(*record.value));
      head_at = commit->at;
      if (accepted.seq > 0) accepted.commit = commit;
      writer.on_accepted(accepted, head_at);
      models.apply({std::move(accepted)}, ReadModels::Pace::at_once);
    }
    void orphaned(const Record& record, const Link& link) override {
      writer.on_orphan(link.id, record.offset);
    }
    void halted(const std::string&) override { halt = true; }

    void append(std::uint64_t session, std::uint64_t batch, std::vector<Bytes> records) override {
      const auto count = records.size();
      producer->append(kWhere, std::move(records), [this, session, batch, count](AppendReport report) {
        if (report.outcome == AppendOutcome::written)
          world.durable_end_ = std::max(world.durable_end_, report.first_offset + count);
        writer.on_report(session, batch, report);
      });
    }
    void reset_producer(std::uint64_t) override {
      producer.reset();
      producer = world.journal_->open_producer();
    }
    void request_end(std::uint64_t token) override {
      ends.emplace_back(token, world.journal_->end_offset(kWhere));
    }
    bool log_unchanged() override { return follower.unchanged(); }
    void wake_at(std::chrono::steady_clock::time_point) override {}
    void answering_ahead(std::uint64_t seq) override {
      if (seq > follower.head().seq) world.fail("what nobody has read yet is to be answered");
      if (seq <= ahead) world.fail("readers are told to wait for less than before");
      ahead = seq;
    }
    std::shared_ptr<const Commit> read_commit(std::uint64_t offset) override {
      const auto found = world.journal_->read(kWhere, offset, 1);
      return found.empty() ? nullptr : std::make_shared<Commit>(world.codec_->decode(*found.front().value));
    }

    void poll(std::size_t records) {
      follower.poll(records);
      if (halt) return;
      writer.on_passed(follower.next_offset());
      while (!ends.empty() && has_read_to(ends.front().second)) {
        const auto token = ends.front().first;
        ends.pop_front();
        writer.on_caught_up(token);
      }
      open();
    }
    bool has_read_to(std::uint64_t end) const {
      return follower.next_offset() >= end || follower.next_offset() >= world.journal_->end_offset(kWhere);
    }
    void open() {
      if (opened || halt || !has_read_to(start_end) || !follower.head().exists) return;
      if (!models.waiting.empty()) return;
      opened = true;
      writer.open(follower.head(), head_at);
    }

    World& world;
    SimReadModels& models;
    BasicFollower<Rules> follower;
    BasicWriter<Rules> writer;
    std::unique_ptr<Producer> producer;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> ends;
    std::uint64_t start_end = 0;
    domain::Timestamp head_at;
    bool opened = false;
    bool halt = false;
    bool from_scratch = false;
    std::uint64_t ahead = 0;  // what readers of this process wait for
  };
  struct SimNode {
    std::unique_ptr<SimReadModels> models = std::make_unique<SimReadModels>();
    std::unique_ptr<Process> process;
    std::set<std::size_t> asked;  // operations whose answer a crash would lose
  };

  std::uint64_t chance(std::uint64_t n) { return random_() % n; }
  bool once_in(std::uint64_t n) { return chance(n) == 0; }
  void fail(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  AppendFault fault(const AppendAttempt& attempt) {
    if (calm_) return {};
    using Kind = AppendFault::Kind;
    switch (chance(12)) {
      case 0:
      case 1:
        return {Kind::hold, 0};
      case 2:
        return {Kind::hold_report_failure, 0};
      case 3:
        return {Kind::lose_report_failure, 0};
      case 4:
        return {Kind::deliver_report_failure, 0};
      case 5:
        return {Kind::deliver_prefix, chance(attempt.batch.size() + 1)};
      case 6:
        return {Kind::deliver_twice, 0};
      case 7:
        return {Kind::refuse, 0};
      default:
        return {};
    }
  }

  void set_up() {
    calm_ = true;
    const auto bits = [this] { return randomness_.bits(); };
    account_ = domain::new_id<domain::AccountId>("org_", clock_.now(), domain::Bucket{0}, bits());
    auto genesis = std::make_shared<const std::string>(encode_genesis(
        {1, codec_->journal_uuid(), "tasks", 0, kPartitionsPerTopic, domain::kBucketCount}, clock_.now()));
    Commit commit;
    commit.seq = 1;
    commit.prev = id_of(*genesis);
    commit.at = clock_.now();
    commit.command = {domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{0}, bits()),
                      "account.create", std::nullopt};
    commit.events.push_back(
        {account_.value, 1,
         domain::AccountCreated{
             account_, domain::Surface::groundtruth, {"eml_x"}, {"Ada"}, {"ada@example.com"}}});
    const auto first = codec_->encode(commit);
    journal_->open_producer()->append(kWhere, {genesis, first}, [](AppendReport) {});
    journal_->reveal_all();
    durable_end_ = 2;
    calm_ = false;
  }

  void start_node(std::size_t i) {
    SimNode& node = nodes_[i];
    node.process = std::make_unique<Process>(*this, *node.models);
    Process& process = *node.process;
    const Checkpoint checkpoint = node.models->checkpoint(kWhere);
    process.start_end = journal_->end_offset(kWhere);
    process.from_scratch = !checkpoint.exists;
    process.follower.start(checkpoint);
    if (process.halt || !checkpoint.exists) return;
    process.head_at = process.read_commit(checkpoint.offset)->at;
  }

  void crash(std::size_t i) {
    SimNode& node = nodes_[i];
    node.process.reset();
    node.models->waiting.clear();
    for (const auto operation : node.asked) operations_[operation].pending = false;
    if (relay_node_ == i) relay_.forget();
    node.asked.clear();
  }

  // A person's decision after a halt: the read models are thrown away and read again.
  void rebuild(std::size_t i) {
    crash(i);
    nodes_[i].models = std::make_unique<SimReadModels>();
    start_node(i);
  }

  void step() {
    clock_.elapsed_ms += static_cast<std::int64_t>(chance(5));
    const std::size_t i = chance(nodes_.size());
    SimNode& node = nodes_[i];
    if (goes_ahead_ && ahead_dice_() % 16 == 0) node.models->room = !node.models->room;
    switch (chance(16)) {
      case 0:
      case 1:
      case 2:
        ask(i, new_operation());
        break;
      case 3:
        retry(i);
        break;
      case 4:
        relay(i);
        break;
      case 5:
      case 6:
      case 7:
        node.process->poll(1 + chance(4));
        break;
      case 8:
      case 9:
        apply(i, 1 + chance(4));
        break;
      case 10:
      case 11:
        journal_->run_reports(1 + chance(3));
        break;
      case 12: {
        const auto held = journal_->held();
        if (!held.empty()) {
          const auto number = held[chance(held.size())].number;
          if (once_in(4))
            journal_->drop(number);
          else
            journal_->release(number);
        }
        break;
      }
      case 13:
        journal_->reveal(kWhere, 1 + chance(4));
        break;
      case 14:
        if (once_in(4)) {
          crash(i);
          start_node(i);
        } else {
          clock_.elapsed_ms += 50;
          node.process->writer.tick();
        }
        break;
      case 15:
        if (once_in(10)) lose_tail();
        break;
    }
    for (std::size_t n = 0; n < nodes_.size(); ++n) settle(n);
  }

  // Records that were visible but vouched for by nobody's report are gone with the machine that held them.
  void lose_tail() {
    journal_->reveal_all();
    journal_->run_reports();
    const auto end = journal_->end_offset(kWhere);
    if (end <= durable_end_) return;
    const auto new_end = durable_end_ + chance(end - durable_end_);
    journal_->truncate_tail(kWhere, new_end);
    cut_ = true;
  }

  void settle(std::size_t i) {
    Process& process = *nodes_[i].process;
    if (process.halt) {
      // Halted again from offset 0: the log itself shows that history was cut, and a person must decide.
      if (process.from_scratch) evidence_ = true;
      if (Rules::kHaltOnTruncation && !evidence_) rebuild(i);
      return;
    }
    process.open();
    process.writer.pump();
  }

  void apply(std::size_t i, std::size_t count) {
    SimReadModels& models = *nodes_[i].models;
    while (count-- > 0 && !models.waiting.empty()) {
      const auto wrong = models.apply_one();
      if (!wrong.empty()) return fail("read model: " + wrong);
      nodes_[i].process->writer.on_projected(models.checkpoint(kWhere).seq);
    }
  }

  // --- clients
  // ------------------------------------------------------------------------------------------------------

  std::size_t new_operation() {
    Operation operation;
    if (once_in(2)) operation.key = "key-" + std::to_string(operations_.size());
    if (acknowledged_tasks_.empty() || once_in(3)) {
      const auto task =
          domain::new_id<domain::TaskId>("tsk_", clock_.now(), domain::Bucket{0}, randomness_.bits());
      operation.command = domain::CreateTask{task, account_, "t", "i", {domain::Modality::video}, {2500},
                                             1,    {},       {},  {},  {"cko_" + task.value},     "u"};
    } else {
      const auto& task = acknowledged_tasks_[chance(acknowledged_tasks_.size())];
      if (once_in(2))
        operation.command = domain::FundTask{task, account_, {"cko_" + task.value}, {2500}};
      else
        operation.command = domain::CancelTask{task, account_, domain::CancelReason::by_customer};
      operation.must_not_reject_with_not_found = task.value;
    }
    if (once_in(4)) operation.command = domain::Deposit{account_, {100}, "d"};
    operations_.push_back(std::move(operation));
    return operations_.size() - 1;
  }

  void retry(std::size_t i) {
    std::vector<std::size_t> open;
    for (std::size_t n = 0; n < operations_.size(); ++n)
      if (operations_[n].key && (!operations_[n].pending || once_in(3))) open.push_back(n);
    if (!open.empty()) ask(i, open[chance(open.size())]);
  }

  void ask(std::size_t i, std::size_t number) {
    Operation& operation = operations_[number];
    operation.pending = true;
    ++operation.asked;
    nodes_[i].asked.insert(number);
    Submission submission;
    submission.id =
        domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{0}, randomness_.bits());
    submission.partition = kWhere;
    submission.actor = {ActorKind::api_key, "key", account_.value};
    if (operation.key) submission.keyed = KeyedRequest{*operation.key, "POST /x", "hash" + *operation.key};
    submission.command = operation.command;
    if (goes_ahead_ && ahead_dice_() % 2 == 0) submission.answer_when = AnswerWhen::durable;
    submission.deadline = clock_.steady() + std::chrono::milliseconds(calm_ ? 60'000 : 200 + chance(2000));
    const auto id = submission.id;
    submission.done = [this, i, number, id](const Answer& answer) { answered(i, number, id, answer); };
    nodes_[i].process->writer.submit(std::make_shared<Submission>(std::move(submission)));
  }

  void answered(std::size_t i, std::size_t number, const domain::CommandId& id, const Answer& answer) {
    Operation& operation = operations_[number];
    operation.pending = false;
    nodes_[i].asked.erase(number);

    if (answer.kind == AnswerKind::unavailable) surely_not_.insert(id);
    if (answer.kind == AnswerKind::key_reused) fail("a retry was taken for another request");
    if (answer.kind != AnswerKind::accepted && answer.kind != AnswerKind::rejected) return;
    const bool accepted = answer.kind == AnswerKind::accepted;
    if (operation.accepted && *operation.accepted != accepted) fail("a retry got another answer");
    operation.accepted = accepted;
    operation.settled = true;
    if (answer.commit && answer.commit->seq > nodes_[i].models->checkpoint(kWhere).seq &&
        answer.commit->seq > nodes_[i].process->ahead)
      fail("who reads after an answer would not know what to wait for");
    if (answer.commit) {
      const auto id_now = answer.commit->command.id.value;
      answered_commits_[id_now] = number;
      if (operation.commit_id.empty()) operation.commit_id = id_now;
      if (operation.key && operation.commit_id != id_now) fail("a retry was answered from another commit");
    }
    if (!accepted && answer.rejection.code == domain::RejectionCode::task_not_found &&
        !operation.must_not_reject_with_not_found.empty())
      fail("an acknowledged task was denied");
    if (!accepted && operation.key) rejected_keys_.insert(*operation.key);
    if (accepted)
      if (const auto* create = std::get_if<domain::CreateTask>(&operation.command))
        acknowledged_tasks_.push_back(create->task);
  }

  // One effect for each number, sent in order, behind each other; the first that was not taken is sent again,
  // and those after it, once all are answered. Its memory of where it stands is older than the truth after a
  // crash.
  void relay(std::size_t i) {
    if (!relay_.pending.empty() &&
        (relay_node_ != i || !goes_ahead_ || relay_.pending.size() == 3 || relay_.refused))
      return;
    if (relay_.pending.empty()) {
      relay_node_ = i;
      if (relay_.refused) relay_.next = *relay_.refused;
      relay_.refused.reset();
      if (once_in(4) && relay_.next > 1) --relay_.next;
    }
    const std::uint64_t number = relay_.next++;
    relay_sent_ = std::max(relay_sent_, number);
    Submission submission;
    submission.id =
        domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{0}, randomness_.bits());
    submission.partition = kWhere;
    submission.actor = {ActorKind::system, "relay", ""};
    submission.cause = Cause{kRelaySource, number, 0, "pay.0"};
    if (!relay_.pending.empty()) submission.behind = RelayMark{number - 1, 0};
    submission.command = domain::Deposit{account_, {1}, "relay"};
    if (goes_ahead_ && ahead_dice_() % 2 == 0) submission.answer_when = AnswerWhen::internal;
    submission.deadline = clock_.steady() + std::chrono::milliseconds(500);
    submission.done = [this, number, life = relay_.life](const Answer& answer) {
      if (life != relay_.life) return;
      relay_.pending.erase(number);
      if (answer.kind == AnswerKind::accepted)
        relay_done_ = std::max(relay_done_, number);
      else
        relay_.refused = std::min(number, relay_.refused.value_or(number));
    };
    relay_.pending.insert(number);
    nodes_[i].process->writer.submit(std::make_shared<Submission>(std::move(submission)));
  }

  // --- the end
  // ------------------------------------------------------------------------------------------------------

  // Faults end; what was held lands or is gone. Then everyone must get an answer and agree.
  void quiesce() {
    calm_ = true;
    while (!journal_->held().empty()) {
      const auto number = journal_->held().front().number;
      if (once_in(3))
        journal_->drop(number);
      else
        journal_->release(number);
    }
    for (unsigned round = 0; round < 400 && broken_.empty() && !evidence_; ++round) {
      clock_.elapsed_ms += 100;
      journal_->reveal_all();
      journal_->run_reports();
      bool idle = true;
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i].process->poll(100);
        apply(i, 1'000);
        nodes_[i].process->writer.tick();
        settle(i);
        idle = idle && nodes_[i].process->opened && nodes_[i].process->writer.idle() &&
               nodes_[i].models->waiting.empty() &&
               nodes_[i].process->follower.next_offset() == journal_->end_offset(kWhere);
      }
      if (round == 50)
        for (std::size_t n = 0; n < operations_.size(); ++n)
          if (operations_[n].key && !operations_[n].settled) ask(chance(nodes_.size()), n);
      if (idle && round > 60 && journal_->pending_reports() == 0) return;
    }
    if (broken_.empty() && !evidence_) fail("the nodes do not come to rest");
  }

  void audit() {
    journal_->reveal_all();
    Chain chain;
    SimReadModels truth;
    std::map<std::string, unsigned> commits_of_key, commits_of_id, effects_of_cause;
    std::set<std::string> rejected_in_history;
    for (const auto& record : journal_->read(kWhere, 0, 1'000'000, SIZE_MAX)) {
      const Link link = chain.feed(*record.value);
      if (!link.accepted) continue;
      auto commit = std::make_shared<Commit>(codec_->decode(*record.value));
      if (link.prefix->seq > 0) {
        ++commits_of_id[commit->command.id.value];
        if (commit->command.keyed) {
          ++commits_of_key[commit->command.keyed->key];
          if (commit->template find<domain::CommandRejected>())
            rejected_in_history.insert(commit->command.keyed->key);
        }
        if (commit->cause) ++effects_of_cause[std::to_string(commit->cause->seq)];
      }
      truth.apply({Accepted{kWhere, record.offset, link.prefix->seq, link.id, record.value,
                            link.prefix->seq > 0 ? commit : nullptr}},
                  ReadModels::Pace::at_once);
      const auto wrong = truth.apply_one();
      if (!wrong.empty()) return fail("history: " + wrong);
    }
    for (const auto& [key, count] : commits_of_key)
      if (count > 1) fail("a keyed command was executed twice");
    for (const auto& [id, count] : commits_of_id)
      if (count > 1) fail("a command was executed twice");
    // What was dead because of a commit that was then taken back may live after all: only an answer of
    // success or rejection outlasts a log that loses its tail.
    for (const auto& id : surely_not_)
      if (!cut_ && commits_of_id.contains(id.value))
        fail("a command that was surely not executed stands in history");
    for (const auto& [id, number] : answered_commits_)
      if (!commits_of_id.contains(id)) fail("an acknowledged commit is not in history");
    for (const auto& key : rejected_keys_)
      if (!rejected_in_history.contains(key)) fail("a rejection that was answered is not in history");
    for (std::uint64_t n = 1; n <= relay_sent_; ++n) {
      const auto count = effects_of_cause[std::to_string(n)];
      if (count > 1) fail("a relay's effect happened twice");
      if (count == 0 && n <= relay_done_) fail("a relay's effect was lost");
    }
    if (evidence_) return;
    for (const auto& operation : operations_)
      if (operation.key && !operation.settled) fail("a keyed command never got its answer");
    for (const auto& node : nodes_) {
      if (node.process->follower.head() != chain.head()) fail("a node stands elsewhere than history");
      if (node.models->content() != truth.content()) fail("a node's read models are not those of history");
    }
  }

  const bool goes_ahead_;
  std::mt19937_64 ahead_dice_;
  std::mt19937_64 random_;
  SimClock clock_;
  SimRandomness randomness_;
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<CommitCodec> codec_;
  WriterOptions options_;
  std::unique_ptr<MemoryJournal> journal_;
  std::vector<SimNode> nodes_;
  bool calm_ = true;
  std::uint64_t durable_end_ = 0;
  std::string broken_;
  bool cut_ = false;
  bool evidence_ = false;  // nodes halt for good: nothing more is promised than what was answered

  domain::AccountId account_;
  std::deque<Operation> operations_;
  std::vector<domain::TaskId> acknowledged_tasks_;
  std::set<domain::CommandId> surely_not_;
  std::set<std::string> rejected_keys_;
  std::map<std::string, std::size_t> answered_commits_;
  struct RelayState {
    std::uint64_t next = 1, life = 0;
    std::set<std::uint64_t> pending;
    std::optional<std::uint64_t> refused;  // the first of those that were on their way

    void forget() {
      if (!pending.empty()) next = *pending.begin();
      if (refused) next = std::min(next, *refused);
      refused.reset();
      pending.clear();
      ++life;
    }
  } relay_;
  std::uint64_t relay_sent_ = 0, relay_done_ = 0;
  std::size_t relay_node_ = 0;
};

// Plays schedules until one breaks a promise; "" when none does.
template <class Rules>
std::string play(std::uint64_t first_seed, std::uint64_t schedules, bool goes_ahead = true) {
  for (std::uint64_t seed = first_seed; seed < first_seed + schedules; ++seed) {
    World<Rules> world(seed, goes_ahead);
    const auto broken = world.run(120);
    if (!broken.empty()) return "seed " + std::to_string(seed) + ": " + broken;
  }
  return {};
}

}  // namespace groundtruth::journal::sim
