// Whole nodes over Kafka: commands in flight while requests fail, brokers go away and sessions break; every
// acknowledged command stands in history once, and nodes agree.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <future>
#include <map>
#include <random>

#include "conformance_support.hpp"
#include "journal/chain.hpp"
#include "journal/commit.hpp"
#include "journal/executor.hpp"
#include "journal/genesis.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "kafka_brokers.hpp"
#include "memory_models.hpp"

namespace groundtruth::journal::testing {
namespace {

using std::chrono::milliseconds;
using Request = KafkaBrokers::Request;

constexpr std::size_t kLanes = 4;  // partitions in use
constexpr auto kPatience = std::chrono::seconds(60);

Partition lane(std::size_t number) {
  return {Topic::tasks, static_cast<std::uint16_t>(number)};
}

struct Codec {
  explicit Codec(const std::string& uuid)
      : codec(uuid, std::shared_ptr(make_memory_key_store(system_randomness())), system_randomness()) {}
  CommitCodec codec;
};

// One process: its own connection to the brokers, its own read models, or those of the process before it.
struct Process {
  Process(const KafkaJournalOptions& options, const CommitCodec& codec, std::shared_ptr<MemoryModels> kept)
      : models(std::move(kept)),
        executor(make_thread_executor("node")),
        journal(KafkaJournal::open(options, system_clock())),
        node(std::make_unique<Node>(*journal, codec, *models, system_clock(), system_randomness(), *executor,
                                    NodeOptions{})) {
    node->start();
  }
  ~Process() {
    executor->stop();
    node.reset();
  }
  NodeStatus status() const { return status_of(*node); }
  std::shared_ptr<MemoryModels> models;
  std::unique_ptr<Executor> executor;  // outlives the journal, whose threads post to it
  std::unique_ptr<KafkaJournal> journal;
  std::unique_ptr<Node> node;
};

struct World {
  explicit World(KafkaBrokers::Which which) : brokers(which) {
    options = brokers.options();
    options.message_timeout = milliseconds(1'000);
    options.read_timeout = milliseconds(500);
    const auto journal = KafkaJournal::open(options, system_clock());
    uuid = init_journal(*journal, new_uuid(system_randomness()), system_clock());
    codec = std::make_unique<Codec>(uuid);
    const auto producer = journal->open_producer();
    for (std::size_t i = 0; i < kLanes; ++i) {
      const auto genesis = read_patiently(*journal, lane(i), 0, 1).front();
      accounts[i] = domain::new_id<domain::AccountId>("org_", system_clock().now(),
                                                      domain::Bucket{static_cast<std::uint16_t>(i)},
                                                      system_randomness().bits());
      Commit commit;
      commit.seq = 1;
      commit.prev = id_of(*genesis.value);
      commit.at = system_clock().now();
      commit.command = {
          domain::new_id<domain::CommandId>("cmd_", commit.at, domain::Bucket{0}, system_randomness().bits()),
          "account.create", std::nullopt};
      commit.events.push_back(
          {accounts[i].value, 1,
           domain::AccountCreated{
               accounts[i], domain::Surface::groundtruth, {"eml_x"}, {"Ada"}, {"ada@example.com"}}});
      REQUIRE(append_and_wait(*producer, lane(i), {codec->codec.encode(commit)}).outcome ==
              AppendOutcome::written);
    }
  }
  std::unique_ptr<Process> start(std::shared_ptr<MemoryModels> kept = std::make_shared<MemoryModels>()) {
    return std::make_unique<Process>(options, codec->codec, std::move(kept));
  }
  static void await_ready(const Process& process) {
    NodeStatus status;
    const bool is_ready = eventually([&] { return (status = process.status()).ready; }, kPatience);
    INFO(status.why_not);
    REQUIRE(is_ready);
  }

  KafkaBrokers brokers;
  KafkaJournalOptions options;
  std::string uuid;
  std::unique_ptr<Codec> codec;
  std::array<domain::AccountId, kLanes> accounts;
};

// Asks for one deposit with a key until it is acknowledged, of one node or another.
class Client {
 public:
  Client(World& world, std::vector<Process*> processes) : world_(world), processes_(std::move(processes)) {}
  void run(std::size_t count) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < count; ++i) ask(next_++);
  }
  std::size_t acknowledged() {
    const std::lock_guard lock(mutex_);
    return acknowledged_.size();
  }
  std::map<std::size_t, std::string> commands() {  // by number, the command that was executed
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }
  std::string wrong() {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }
  std::size_t retries() {
    const std::lock_guard lock(mutex_);
    return retries_;
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return next_;
  }
  std::string last_reason() {
    const std::lock_guard lock(mutex_);
    return last_reason_;
  }

 private:
  Process& process_for(std::size_t number) {
    return *processes_[(number / kLanes + turn_) % processes_.size()];
  }
  void ask(std::size_t number) {
    const auto at = number % kLanes;
    Submission submission;
    submission.id = domain::new_id<domain::CommandId>("cmd_", system_clock().now(), domain::Bucket{0},
                                                      system_randomness().bits());
    submission.partition = lane(at);
    submission.actor = {ActorKind::api_key, "key", world_.accounts[at].value};
    submission.keyed = KeyedRequest{"key-" + std::to_string(number), "POST /x", "hash"};
    submission.command = domain::Deposit{world_.accounts[at], {1}, "d"};
    submission.deadline = system_clock().steady() + milliseconds(3'000);
    submission.done = [this, number](const Answer& answer) { answered(number, answer); };
    process_for(number).node->submit(std::move(submission));
  }
  void answered(std::size_t number, const Answer& answer) {
    const std::lock_guard lock(mutex_);
    if (answer.kind == AnswerKind::accepted) {
      const auto& id = answer.commit->command.id.value;
      const auto [found, is_new] = acknowledged_.emplace(number, id);
      if (!is_new && found->second != id) wrong_ = "a retry was answered from another commit";
      return;
    }
    if (answer.kind != AnswerKind::unavailable && answer.kind != AnswerKind::unknown) {
      wrong_ = "an answer that cannot be";
      return;
    }
    ++retries_;
    ++turn_;
    last_reason_ = answer.reason;
    process_for(number).executor->post_at(system_clock().steady() + milliseconds(100), [this, number] {
      const std::lock_guard inner(mutex_);
      ask(number);
    });
  }

  World& world_;
  std::vector<Process*> processes_;
  std::mutex mutex_;
  std::map<std::size_t, std::string> acknowledged_;
  std::string wrong_;
  std::size_t retries_ = 0;
  std::string last_reason_;
  std::size_t next_ = 0;
  std::size_t turn_ = 0;
};

// Every acknowledged command once, nothing twice, and the chain whole.
void audit(World& world, Client& client) {
  CHECK(client.wrong().empty());
  const auto acknowledged = client.commands();
  const auto journal = KafkaJournal::open(world.options, system_clock());
  std::map<std::string, int> by_key, by_id;
  std::size_t orphans = 0;
  for (std::size_t i = 0; i < kLanes; ++i) {
    Chain chain;
    for (std::uint64_t next = 0; next < journal->end_offset(lane(i));) {
      const auto records = read_patiently(*journal, lane(i), next, 1'000);
      REQUIRE_FALSE(records.empty());
      for (const auto& record : records) {
        REQUIRE(record.offset == next++);
        const auto link = chain.feed(*record.value);
        if (!link.accepted) {
          ++orphans;
          continue;
        }
        if (link.prefix->seq == 0) continue;
        const auto commit = world.codec->codec.decode(*record.value);
        ++by_id[commit.command.id.value];
        if (commit.command.keyed) ++by_key[commit.command.keyed->key];
      }
    }
  }
  for (const auto& [key, count] : by_key) CHECK_MESSAGE(count == 1, key);
  for (const auto& [id, count] : by_id) CHECK_MESSAGE(count == 1, id);
  for (const auto& [number, id] : acknowledged) CHECK_MESSAGE(by_id.contains(id), number);
  CHECK(by_key.size() >= acknowledged.size());
  MESSAGE(acknowledged.size(), " acknowledged, ", orphans, " orphans, ", client.retries(), " retries");
}

}  // namespace

TEST_CASE("kafka node: two nodes write the same partitions, and agree") {
  World world(KafkaBrokers::Which::any);
  const auto a = world.start();
  const auto b = world.start();
  World::await_ready(*a);
  World::await_ready(*b);
  Client client(world, {a.get(), b.get()});
  client.run(400);
  CHECK(eventually([&] { return client.acknowledged() == 400; }, kPatience));
  audit(world, client);
}

// No record is refused for good here: librdkafka may send the next one before it knows, which a real leader
// refuses by its sequence number, and the mock cluster, which looks at none, takes.
TEST_CASE("kafka node: requests fail and brokers go away while commands are in flight") {
  constexpr std::size_t kCommands = 1'200;
  World world(KafkaBrokers::Which::mock);
  auto process = world.start();
  World::await_ready(*process);
  {
    Client client(world, {process.get()});
    const char* const seed_text = std::getenv("SEED");
    const auto seed = seed_text != nullptr ? std::stoul(seed_text) : std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(static_cast<std::uint32_t>(seed));
    for (std::size_t sent = 0; sent < kCommands; sent += 40) {
      client.run(40);
      switch (1 + random() % 5) {
        case 1:
          world.brokers.fail_next(Request::produce,
                                  {kBrokerErrorRequestTimedOut, kBrokerErrorRequestTimedOut});
          break;
        case 2:
          world.brokers.fail_next(Request::list_offsets, {kBrokerErrorNotLeader});
          break;
        case 3:
          world.brokers.fail_next(Request::fetch, {kBrokerErrorNotLeader});
          break;
        case 4:
          if (random() % 3 != 0) break;
          world.brokers.set_down(1);
          std::this_thread::sleep_for(milliseconds(random() % 1'500));
          world.brokers.set_up(1);
          break;
        default:
          break;
      }
      std::this_thread::sleep_for(milliseconds(random() % 40));
    }
    const bool all = eventually([&] { return client.acknowledged() == kCommands; }, kPatience);
    const auto status = process->status();
    INFO(status.why_not, " ", status.in_flight, " in flight; ", client.acknowledged(), " acknowledged of ",
         client.asked(), "; ", client.retries(), " retries; ", client.last_reason());
    CHECK(all);
    CHECK(status.ready);
    MESSAGE(process->journal->counters().sessions, " sessions, ", status.recoveries, " recoveries");
    audit(world, client);
  }
}

TEST_CASE("kafka node: a process goes on from its checkpoint, and its window begins there") {
  World world(KafkaBrokers::Which::any);
  auto models = std::make_shared<MemoryModels>();
  {
    const auto process = world.start(models);
    World::await_ready(*process);
    Client client(world, {process.get()});
    client.run(100);
    CHECK(eventually([&] { return client.acknowledged() == 100; }, kPatience));
  }
  const auto process = world.start(models);
  World::await_ready(*process);
  CHECK(process->journal->counters().fetched_records <= kPartitionTotal);
  Client client(world, {process.get()});
  client.run(100);  // the same keys again: answered from history, which lies before the window
  CHECK(eventually([&] { return client.acknowledged() == 100; }, kPatience));
  audit(world, client);
  CHECK(process->journal->counters().cold_reads > 0);
}

}  // namespace groundtruth::journal::testing
