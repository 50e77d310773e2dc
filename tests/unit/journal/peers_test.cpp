// Commands that go to the preferred writer: what comes back, and what becomes of them when it does not want
// them, does not answer, or is lost while it has them.
#include <doctest/doctest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <future>

#include "codec_support.hpp"
#include "conformance_support.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/executor.hpp"
#include "journal/genesis.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/peers/handed.hpp"
#include "journal/peers/preferred_writers.hpp"
#include "memory_models.hpp"

namespace groundtruth::journal::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Partition kHere{Topic::tasks, 5};
constexpr domain::Bucket kBucket{5};
constexpr seconds kPatience{30};

// One log, as each of several processes sees it.
class SharedLog {
 public:
  explicit SharedLog(MemoryJournal& journal) : journal_(journal) {
    journal_.on_visible([this](Partition partition) {
      const std::lock_guard lock(mutex_);
      for (const auto& each : subscribers_) each.second(partition);
    });
  }
  class View final : public Journal {
   public:
    explicit View(SharedLog& log) : log_(log) {}
    ~View() override {
      const std::lock_guard lock(log_.mutex_);
      log_.subscribers_.erase(this);
    }
    JournalInfo info() const override { return log_.journal_.info(); }
    std::unique_ptr<Producer> open_producer() override { return log_.journal_.open_producer(); }
    std::uint64_t start_offset(Partition partition) const override {
      return log_.journal_.start_offset(partition);
    }
    std::uint64_t end_offset(Partition partition) const override {
      return log_.journal_.end_offset(partition);
    }
    std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                             std::size_t max_bytes) const override {
      return log_.journal_.read(partition, from, max_records, max_bytes);
    }
    void on_visible(std::function<void(Partition)> notify) override {
      const std::lock_guard lock(log_.mutex_);
      log_.subscribers_[this] = std::move(notify);
    }

   private:
    SharedLog& log_;
  };

 private:
  MemoryJournal& journal_;
  std::mutex mutex_;
  std::map<const View*, std::function<void(Partition)>> subscribers_;
};

// The group's decision, made by the test.
class GivenDuties final : public Duties {
 public:
  bool has(Partition partition) const override { return now_[index_of(partition)]; }
  void on_change(std::function<void(const PartitionSet&)> changed) override { changed_ = std::move(changed); }
  void start() override { changed_({}); }
  void leave() override { give({}); }
  void give(const PartitionSet& now) {
    now_ = now;
    if (changed_) changed_(now);
  }

 private:
  PartitionSet now_;
  std::function<void(const PartitionSet&)> changed_;
};

struct Host {
  Host(SharedLog& log, Executor& own, const CommitCodec& codec, const std::string& uuid, bool listens)
      : view(log),
        executor(own),
        node(std::make_unique<Node>(view, codec, models, system_clock(), system_randomness(), executor,
                                    NodeOptions{})) {
    PreferredWritersOptions options;
    if (listens) options.host = "127.0.0.1";
    options.secret.fill(7);
    options.journal = uuid;
    auto given = std::make_unique<GivenDuties>();
    duties = given.get();
    writers = std::make_unique<PreferredWriters>(*node, models, system_clock(), system_randomness(),
                                                 listens ? std::move(given) : nullptr, options);
    if (!listens) duties = nullptr;
    node->delegate_to(*writers);
    node->on_accepted([this](const Accepted& accepted) { writers->observe(accepted); });
    node->start();
    REQUIRE(eventually([&] { return status().ready; }, kPatience));
    writers->start();
  }
  ~Host() {
    writers->stop();
    executor.stop();
    node.reset();
  }
  NodeStatus status() const { return status_of(*node); }
  std::uint64_t projected() const { return status().partitions[index_of(kHere)].projected_seq; }
  std::pair<CommandState, Answer> state_of(const domain::CommandId& id, const std::string& account) const {
    std::promise<std::pair<CommandState, Answer>> promise;
    auto future = promise.get_future();
    node->command_state(kHere, id, account, [&](CommandState state, Answer answer) {
      promise.set_value({state, std::move(answer)});
    });
    return future.get();
  }

  SharedLog::View view;
  MemoryModels models;
  Executor& executor;  // this host's own
  std::unique_ptr<Node> node;
  GivenDuties* duties = nullptr;
  std::unique_ptr<PreferredWriters> writers;  // goes after what runs on the node's thread
};

struct World {
  World() : log(journal), uuid(init_journal(journal, new_uuid(system_randomness()), system_clock())) {
    codec = std::make_unique<CommitCodec>(uuid, std::shared_ptr(make_memory_key_store(system_randomness())),
                                          system_randomness());
    asker = host(false);
    preferred = host(true);
    account =
        domain::new_id<domain::AccountId>("org_", system_clock().now(), kBucket, system_randomness().bits());
    REQUIRE(wait(ask(*asker,
                     domain::CreateAccount{
                         account, {"eml_x"}, domain::Surface::groundtruth, "Ada", "ada@example.com"}))
                .kind == AnswerKind::accepted);
  }
  ~World() {
    journal.release_all();
    asker.reset();
    preferred.reset();
  }
  std::unique_ptr<Host> host(bool listens) {
    executors.push_back(make_thread_executor("node"));
    return std::make_unique<Host>(log, *executors.back(), *codec, uuid, listens);
  }
  // The preferred host has its part, has read so itself, and is connected to.
  void prefer() {
    preferred->duties->give(PartitionSet().set(index_of(kHere)));
    REQUIRE(eventually([&] { return preferred->writers->counters().preferred == 1; }, kPatience));
    REQUIRE(eventually([&] { return asker->writers->counters().connected == 1; }, kPatience));
  }
  Submission submission(domain::Command command, const std::string& key = {}) const {
    Submission out;
    out.id =
        domain::new_id<domain::CommandId>("cmd_", system_clock().now(), kBucket, system_randomness().bits());
    out.partition = kHere;
    out.actor = {ActorKind::admin, "test", account.value};
    if (!key.empty()) out.keyed = KeyedRequest{key, "POST /deposit", std::string(32, 'a')};
    out.command = std::move(command);
    out.deadline = std::chrono::steady_clock::now() + kPatience;
    return out;
  }
  static std::future<Answer> ask(Host& host, Submission submission) {
    const auto promise = std::make_shared<std::promise<Answer>>();
    submission.done = [promise](Answer answer) { promise->set_value(std::move(answer)); };
    host.node->submit(std::move(submission));
    return promise->get_future();
  }
  std::future<Answer> ask(Host& host, domain::Command command, const std::string& key = {}) const {
    return ask(host, submission(std::move(command), key));
  }
  static Answer wait(std::future<Answer> answer) {
    REQUIRE(answer.wait_for(kPatience) == std::future_status::ready);
    return answer.get();
  }
  domain::Command deposit(std::int64_t cents = 100) const {
    return domain::Deposit{account, domain::Cents{cents}, "test"};
  }
  std::int64_t balance(Host& host) const {
    const auto found = host.models.load(domain::Aggregate(domain::Wallet{}).index(), kHere,
                                        domain::wallet_of(account).value);
    return found ? std::get<domain::Wallet>(found->state).available.value : 0;
  }
  // From now on each append to the partition stays on its way.
  void hold() { holds = true; }
  static MemoryJournalOptions options_of(std::atomic<bool>& holds) {
    MemoryJournalOptions options;
    options.read_is_durable = false;
    options.reports = ReportMode::threaded;
    options.faults = [&holds](const AppendAttempt& attempt) {
      const bool is_held = holds && attempt.partition == kHere;
      return AppendFault{is_held ? AppendFault::Kind::hold : AppendFault::Kind::deliver};
    };
    return options;
  }

  std::vector<std::unique_ptr<Executor>> executors;  // outlive the journal, whose thread posts to them
  std::atomic<bool> holds{false};
  MemoryJournal journal{options_of(holds)};
  SharedLog log;
  std::string uuid;
  std::unique_ptr<CommitCodec> codec;
  std::unique_ptr<Host> asker, preferred;
  domain::AccountId account;
};

template <class... Commands>
std::vector<domain::Command> one_of_each(const std::variant<Commands...>*) {
  return {domain::Command(Commands{})...};
}

std::string text_of(const domain::Command& command) {
  std::string out(domain::name_of(command));
  std::visit([&](const auto& each) { codec::write_json(out, each); }, command);
  return out;
}

}  // namespace

TEST_CASE("handed: every command arrives as it was sent, but for its deadline's clock and its caller") {
  const auto now = std::chrono::steady_clock::now();
  auto commands = one_of_each(static_cast<const domain::Command*>(nullptr));
  domain::CreateTask task;
  task.title = "Caf\xc3\xa9 \"quoted\"\n\ttwo lines";
  task.deadline = domain::Timestamp{1'781'792'000'123};
  task.metadata = {R"({"a":[1,{"b":null}]})"};
  task.requirements = domain::Requirements{{"driving"}, std::nullopt};
  commands.emplace_back(task);
  commands.emplace_back(domain::ChangeWorkerProfile{
      {"wrk_x"}, "Ada", std::nullopt, std::vector{domain::Modality::video}, domain::AreaChange{}});
  std::uint64_t number = 0;
  for (const auto& command : commands) {
    CAPTURE(text_of(command));
    Submission sent;
    sent.id = {"cmd_1"};
    sent.partition = kHere;
    sent.actor = {ActorKind::worker, "wrk_1", "org_1"};
    sent.command = command;
    sent.deadline = now + milliseconds(1'500);
    if (number % 2 == 0) sent.keyed = KeyedRequest{"key\n", "POST /x", "ff"};
    if (number % 3 == 0) sent.cause = Cause{{Topic::workers, 9}, 1ull << 40, 3, "settle.0"};
    if (number % 6 == 0) sent.behind = RelayMark{(1ull << 40) - 1, 2};
    if (number % 5 == 0) sent.expected = ExpectedVersion{"tsk_1", 4'000'000'000};
    const auto line = peers::encode_submission(++number, sent, now);
    CHECK(line.find('\n') == std::string::npos);
    const auto got = peers::decode_submission(line, now + seconds(100));
    REQUIRE(got);
    CHECK(got->number == number);
    REQUIRE(got->submission);
    const auto& back = *got->submission;
    CHECK(back.id == sent.id);
    CHECK_FALSE(back.id_is_new);
    CHECK(back.partition == sent.partition);
    CHECK(back.actor == sent.actor);
    CHECK(back.keyed == sent.keyed);
    CHECK(back.behind == sent.behind);
    CHECK(back.cause.has_value() == sent.cause.has_value());
    if (back.cause) {
      CHECK(back.cause->source == sent.cause->source);
      CHECK(back.cause->seq == sent.cause->seq);
      CHECK(back.cause->event == sent.cause->event);
      CHECK(back.cause->effect == sent.cause->effect);
    }
    CHECK(back.expected.has_value() == sent.expected.has_value());
    if (back.expected) CHECK(back.expected->version == sent.expected->version);
    CHECK(text_of(back.command) == text_of(command));
    CHECK(back.deadline == now + seconds(100) + milliseconds(1'500));
  }
}

TEST_CASE("handed: what this release does not know is no command, and what has no number is nothing") {
  const auto now = std::chrono::steady_clock::now();
  Submission sent;
  sent.partition = kHere;
  sent.command = domain::VerifyWorker{{"wrk_1"}, {"eml_1"}, {}};
  const auto line = peers::encode_submission(3, sent, now);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto changed = line;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    changed.replace(at, from.size(), to);
    return peers::decode_submission(changed, now);
  };
  for (const auto& [from, to] : {std::pair{"worker.verify", "worker.praise"},
                                 {"\"worker\":", "\"worker\":\"wrk_1\",\"since\":"},
                                 {"tasks/5", "tasks/99"},
                                 {"\"within_ms\"", "\"patience\""}}) {
    CAPTURE(from);
    const auto got = with(from, to);
    REQUIRE(got);
    CHECK(got->number == 3);
    CHECK_FALSE(got->submission);
  }
  CHECK_FALSE(with("\"number\":3", "\"number\":\"3\""));
  CHECK_FALSE(peers::decode_submission("hello", now));
  CHECK_FALSE(peers::decode_answer("hello"));
  const auto answer = peers::decode_answer(R"({"number":1,"kind":"postponed"})");
  REQUIRE(answer);
  CHECK(answer->number == 1);
  CHECK_FALSE(answer->is_understood);
}

TEST_CASE("peers: the one that is announced decides, and whoever asked answers from what it read itself") {
  World world;
  CHECK(world.asker->writers->counters().handed == 0);
  world.prefer();
  CHECK(world.preferred->writers->counters().preferred == 1);

  const auto first = World::wait(world.ask(*world.asker, world.deposit(), "once"));
  CHECK(first.kind == AnswerKind::accepted);
  CHECK_FALSE(first.replayed);
  REQUIRE(first.commit);
  CHECK(first.commit->seq == first.seq);
  CHECK(world.asker->projected() >= first.seq);
  CHECK(world.balance(*world.asker) == 100);
  CHECK(world.asker->writers->counters().handed == 1);
  CHECK(world.preferred->writers->counters().taken == 1);

  SUBCASE("the same key again is answered from history, on either") {
    for (auto* host : {world.asker.get(), world.preferred.get()}) {
      const auto again = World::wait(world.ask(*host, world.deposit(), "once"));
      CHECK(again.kind == AnswerKind::accepted);
      CHECK(again.replayed);
      CHECK(again.command == first.command);
      REQUIRE(again.commit);
      CHECK(again.commit->seq == first.seq);
    }
    CHECK(world.balance(*world.preferred) == 100);
  }
  SUBCASE("for another request the key is taken") {
    auto other = world.submission(world.deposit(), "once");
    other.keyed->request_hash = std::string(32, 'b');
    CHECK(World::wait(World::ask(*world.asker, std::move(other))).kind == AnswerKind::key_reused);
  }
  SUBCASE("a refusal comes back as it was, recorded or not") {
    for (const auto* key : {"", "refused"}) {
      const auto refused =
          World::wait(world.ask(*world.asker, domain::EraseAccount{{"org_nobody"}, {"eml_x"}}, key));
      CHECK(refused.kind == AnswerKind::rejected);
      CHECK(refused.rejection.code == domain::RejectionCode::account_not_found);
      CHECK((refused.commit != nullptr) == (*key != '\0'));
    }
  }
  SUBCASE("what it decides for itself goes nowhere else") {
    CHECK(World::wait(world.ask(*world.preferred, world.deposit())).kind == AnswerKind::accepted);
    CHECK(world.preferred->writers->counters().handed == 0);
  }
  SUBCASE("a process that starts later knows whom to ask") {
    const auto late = world.host(false);
    REQUIRE(eventually([&] { return late->writers->counters().connected == 1; }, kPatience));
    CHECK(World::wait(World::ask(*late, world.submission(world.deposit()))).kind == AnswerKind::accepted);
    CHECK(late->writers->counters().handed == 1);
  }
}

TEST_CASE("peers: one that will not decide any more says so, and whoever asked decides") {
  World world;
  world.prefer();
  world.preferred->node->drain(std::chrono::steady_clock::now() + kPatience, [] {});
  const auto answer = World::wait(world.ask(*world.asker, world.deposit()));
  CHECK(answer.kind == AnswerKind::accepted);
  CHECK(world.asker->writers->counters().declined == 1);
  CHECK(world.preferred->writers->counters().refused == 1);
  CHECK(world.balance(*world.asker) == 100);
}

TEST_CASE("peers: what was lost with its writer is decided by whoever asked, and happens once") {
  World world;
  world.prefer();
  world.hold();
  auto submission = world.submission(world.deposit());
  const auto id = submission.id;
  auto answer = World::ask(*world.asker, std::move(submission));
  REQUIRE(eventually([&] { return world.journal.held().size() == 1; }, kPatience));
  CHECK(world.asker->state_of(id, world.account.value).first == CommandState::pending);
  CHECK(world.asker->state_of(id, "org_other").first == CommandState::unknown);

  world.preferred->writers->stop();
  REQUIRE(eventually([&] { return world.journal.held().size() == 2; }, kPatience));
  CHECK(world.asker->writers->counters().abandoned == 1);
  std::vector<std::uint64_t> held;
  for (const auto& each : world.journal.held()) held.push_back(each.number);
  world.holds = false;
  SUBCASE("by whoever asked") {
    std::reverse(held.begin(), held.end());
  }
  SUBCASE("by the one that was lost") {}
  for (const auto number : held) CHECK(world.journal.release(number));
  const auto done = World::wait(std::move(answer));
  CHECK(done.kind == AnswerKind::accepted);
  CHECK(done.command == id);
  CHECK_FALSE(done.replayed);  // nobody saw an answer before
  const auto seq = done.seq;
  // Both have read both records.
  REQUIRE(eventually(
      [&] {
        return world.asker->status().partitions[index_of(kHere)].orphans == 1 &&
               world.preferred->status().partitions[index_of(kHere)].orphans == 1;
      },
      kPatience));
  const auto after = World::wait(world.ask(*world.asker, world.deposit(1)));
  CHECK(after.kind == AnswerKind::accepted);
  CHECK(after.seq > seq);
  CHECK(world.balance(*world.asker) == 101);
}

TEST_CASE("peers: whose deadline passes is told that nobody knows, and may ask what became of it") {
  World world;
  world.prefer();
  world.hold();
  auto submission = world.submission(world.deposit());
  const auto id = submission.id;
  submission.deadline = std::chrono::steady_clock::now() + milliseconds(300);
  const auto answer = World::wait(World::ask(*world.asker, std::move(submission)));
  CHECK(answer.kind == AnswerKind::unknown);
  CHECK(answer.command == id);
  const auto state = [&] { return world.asker->state_of(id, world.account.value).first; };
  // Also once the preferred one has said, a little later, that it does not know either.
  const auto until = std::chrono::steady_clock::now() + milliseconds(300);
  while (std::chrono::steady_clock::now() < until) REQUIRE(state() == CommandState::pending);
  // And for a while it is not asked again.
  world.holds = false;
  world.journal.release_all();
  CHECK(World::wait(world.ask(*world.asker, world.deposit(7))).kind == AnswerKind::accepted);
  CHECK(world.asker->writers->counters().handed == 1);
  REQUIRE(eventually([&] { return state() == CommandState::done; }, kPatience));
  CHECK(world.balance(*world.asker) == 107);
}

TEST_CASE("peers: another is announced, and is asked from then on") {
  World world;
  world.prefer();
  const auto other = world.host(true);
  other->duties->give(PartitionSet().set(index_of(kHere)));
  REQUIRE(eventually([&] { return world.asker->writers->counters().connected == 2; }, kPatience));
  CHECK(World::wait(world.ask(*world.asker, world.deposit())).kind == AnswerKind::accepted);
  CHECK(other->writers->counters().taken == 1);
  const auto second = World::wait(world.ask(*world.preferred, world.deposit()));
  CHECK(second.kind == AnswerKind::accepted);
  CHECK(world.preferred->writers->counters().preferred == 0);
  // The other one answered: who did not reads it in its own time.
  REQUIRE(eventually([&] { return world.asker->projected() >= second.seq; }, kPatience));
  CHECK(world.balance(*world.asker) == 200);
  // The announcement that changes nothing is no event.
  const auto before = world.asker->projected();
  other->duties->give({});
  other->duties->give(PartitionSet().set(index_of(kHere)));
  CHECK(World::wait(world.ask(*world.asker, world.deposit())).seq == before + 1);
}

TEST_CASE("peers: a refusal that is not recorded rules nothing out after the writer was lost") {
  World world;
  world.prefer();
  world.hold();
  auto answer = world.ask(*world.asker, world.deposit());
  REQUIRE(eventually([&] { return world.journal.held().size() == 1; }, kPatience));
  auto refused = world.ask(*world.asker, domain::EraseAccount{{"org_nobody"}, {"eml_x"}});
  REQUIRE(eventually([&] { return world.preferred->writers->counters().taken == 2; }, kPatience));
  world.preferred->writers->stop();
  world.holds = false;
  world.journal.release_all();
  REQUIRE(eventually([&] { return world.asker->writers->counters().abandoned == 2; }, kPatience));
  world.journal.release_all();
  CHECK(World::wait(std::move(answer)).kind == AnswerKind::accepted);
  CHECK(World::wait(std::move(refused)).kind == AnswerKind::unknown);
}

TEST_CASE("peers: of two that write one chain for themselves neither starves") {
  World world;
  std::atomic<bool> is_over{false};
  const auto work = [&](Host& host, std::atomic<int>& done) {
    // Always some at once, so that there is never a gap.
    const auto again = std::make_shared<std::function<void()>>();
    *again = [&, again] {
      if (is_over) return;
      auto submission = world.submission(world.deposit(1));
      submission.done = [&, again](const Answer& answer) {
        if (answer.kind == AnswerKind::accepted) ++done;
        (*again)();
      };
      host.node->submit_here(std::move(submission));
    };
    for (int i = 0; i < 32; ++i) (*again)();
    return again;
  };
  std::atomic<int> first{0}, second{0};
  const auto of_first = work(*world.asker, first);
  const auto of_second = work(*world.preferred, second);
  CHECK(eventually([&] { return first > 1'000 && second > 1'000; }, kPatience));
  MESSAGE(first.load(), " and ", second.load());
  is_over = true;
  const auto settled = [&] {
    return world.asker->status().in_flight == 0 && world.preferred->status().in_flight == 0;
  };
  REQUIRE(eventually(settled, kPatience));
  *of_first = *of_second = nullptr;
  CHECK(World::wait(world.ask(*world.asker, world.deposit(1))).kind == AnswerKind::accepted);
  CHECK(world.balance(*world.asker) == first + second + 1);
}

}  // namespace groundtruth::journal::testing
