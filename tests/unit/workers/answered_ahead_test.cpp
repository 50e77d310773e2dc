// What a node answers before its read models have it: who reads after the answer knows what to wait for, and
// waiting ends the wait.
#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "journal/executor.hpp"
#include "journal/genesis.hpp"
#include "journal/key_store.hpp"
#include "journal/memory/memory_journal.hpp"
#include "journal/node.hpp"
#include "projections/projector.hpp"
#include "tests/unit/workers/chains.hpp"
#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers::test;
using adapters::testing::TemporaryFolder;
using journal::AnswerWhen;
using journal::Position;
using journal::Topic;

namespace {

constexpr Bucket kBucket{3};
constexpr journal::Partition kChain{Topic::tasks, 3};

// Read models that apply nothing for an hour, unless somebody waits.
struct SlowHouse {
  SlowHouse()
      : uuid(journal::init_journal(log, Chains::kJournal, journal::system_clock())),
        codec(uuid, journal::make_memory_key_store(randomness), randomness) {
    projections::ProjectorOptions options;
    options.directory = folder.path() / "read_models";
    options.journal_uuid = uuid;
    options.gather = std::chrono::hours(1);
    options.room_bytes = 0;
    projector = std::make_unique<projections::Projector>(std::move(options));
    node = std::make_unique<journal::Node>(log, codec, *projector, journal::system_clock(), randomness,
                                           *executor, journal::NodeOptions{});
    node->start();
    while (!is_ready()) {
    }
  }
  ~SlowHouse() {
    executor->stop();
    node.reset();
  }

  bool is_ready() {
    std::promise<bool> ready;
    node->status([&](const journal::NodeStatus& status) { ready.set_value(status.ready); });
    return ready.get_future().get();
  }
  template <class T>
  T mint(const char* prefix) {
    return new_id<T>(prefix, journal::system_clock().now(), kBucket, randomness.bits());
  }
  journal::Answer ask(Command command, AnswerWhen when) {
    journal::Submission submission;
    submission.id = mint<CommandId>("cmd_");
    submission.partition = kChain;
    submission.actor = {journal::ActorKind::admin, "test", ""};
    submission.command = std::move(command);
    submission.answer_when = when;
    submission.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
    std::promise<journal::Answer> answered;
    submission.done = [&](journal::Answer answer) { answered.set_value(std::move(answer)); };
    node->submit(std::move(submission));
    return answered.get_future().get();
  }
  // Where the command's commit stands.
  Position give(Command command, AnswerWhen when) {
    const journal::Answer answer = ask(std::move(command), when);
    REQUIRE(answer.kind == journal::AnswerKind::accepted);
    REQUIRE(answer.commit);
    return {answer.partition, answer.commit->seq};
  }
  bool reach(Position position) {
    std::promise<bool> reached;
    node->when_reached(position, std::chrono::steady_clock::now() + std::chrono::minutes(10),
                       [&](bool is_reached) { reached.set_value(is_reached); });
    return reached.get_future().get();
  }

  FakeRandomness randomness;
  TemporaryFolder folder;
  std::unique_ptr<journal::Executor> executor = journal::make_thread_executor("test");
  journal::MemoryJournal log;
  std::string uuid;
  journal::CommitCodec codec;
  std::unique_ptr<projections::Projector> projector;
  std::unique_ptr<journal::Node> node;
};

}  // namespace

TEST_CASE("node: what was answered ahead is waited for by who reads, and only by them") {
  SlowHouse house;
  const auto account = house.mint<AccountId>("org_");
  const Position made = house.give(
      CreateAccount{account, house.mint<EmailClaimId>("eml_"), Surface::groundtruth, "Acme", "a@acme.test"},
      AnswerWhen::visible);
  CHECK(house.projector->checkpoint(kChain).seq == made.seq);
  CHECK_FALSE(house.node->answered_ahead(kChain));

  CreateTask create;
  create.task = house.mint<TaskId>("tsk_");
  create.account = account;
  create.title = "Film a street";
  create.modalities = {Modality::video};
  create.reward_cents = {2'500};
  create.target_submissions = 3;
  create.checkout = {"cko_1"};
  const Position told = house.give(create, AnswerWhen::durable);
  CHECK(house.projector->checkpoint(kChain).seq == made.seq);
  CHECK(house.node->answered_ahead(kChain) == told);

  const Position untold =
      house.give(FundTask{create.task, account, create.checkout, {7'500}}, AnswerWhen::internal);
  CHECK(untold.seq == told.seq + 1);
  CHECK(house.projector->checkpoint(kChain).seq == made.seq);
  CHECK(house.node->answered_ahead(kChain) == told);

  CHECK(house.reach(told));
  CHECK(house.projector->checkpoint(kChain).seq >= told.seq);
  CHECK_FALSE(house.node->answered_ahead(kChain));
}

TEST_CASE("node: what nothing comes of is answered although much before it was answered ahead") {
  SlowHouse house;
  const auto account = house.mint<AccountId>("org_");
  const auto claim = house.mint<EmailClaimId>("eml_");
  const CreateAccount create{account, claim, Surface::groundtruth, "Acme", "a@acme.test"};
  house.give(create, AnswerWhen::durable);
  CHECK(house.ask(create, AnswerWhen::visible).kind == journal::AnswerKind::rejected);
}
