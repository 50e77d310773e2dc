// What a customer's decision means to the worker, carried by a relay between chains of a node of its own.
#include <doctest/doctest.h>

#include <condition_variable>
#include <fstream>
#include <mutex>

#include "journal/genesis.hpp"
#include "journal/node.hpp"
#include "projections/projector.hpp"
#include "projections/wallets/queries.hpp"
#include "projections/workers/queries.hpp"
#include "tests/unit/workers/chains.hpp"
#include "tests/unit/workers/media_support.hpp"
#include "workers/relay/relay.hpp"
#include "workers/relay/settle_work.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using adapters::testing::TemporaryFolder;
using journal::AnswerKind;
using journal::Partition;
using journal::Topic;

namespace {

// Runs tasks of node and relay in the test's thread, for as long as something is awaited.
class Loop final : public journal::Executor {
 public:
  void post(Task task) override { post_at({}, std::move(task)); }
  void post_at(std::chrono::steady_clock::time_point when, Task task) override {
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace(when, std::move(task));
    }
    changed_.notify_all();
  }
  void stop() override {}
  void run_until(const std::function<bool()>& reached) {
    while (!reached()) {
      std::unique_lock lock(mutex_);
      while (tasks_.empty() || tasks_.begin()->first > std::chrono::steady_clock::now()) {
        if (tasks_.empty())
          changed_.wait(lock);
        else
          changed_.wait_until(lock, tasks_.begin()->first);
      }
      const auto task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
      lock.unlock();
      task();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::chrono::steady_clock::time_point, Task> tasks_;
};

struct House {
  House()
      : uuid(journal::init_journal(log, Chains::kJournal, journal::system_clock())),
        codec(uuid, journal::make_memory_key_store(randomness), randomness) {
    projections::ProjectorOptions options;
    options.directory = folder.path() / "read_models";
    options.journal_uuid = uuid;
    projector = std::make_unique<projections::Projector>(std::move(options));
    node = std::make_unique<journal::Node>(log, codec, *projector, journal::system_clock(), randomness, loop,
                                           journal::NodeOptions{});
    node->on_accepted([this](const journal::Accepted& accepted) {
      if (accepted.commit && accepted.commit->find<WorkSettled>() != nullptr) settled.push_back(accepted.seq);
      if (relay) relay->observe(accepted);
    });
    node->start();
    bool ready = false;
    while (!ready) {
      bool answered = false;
      node->status([&](const journal::NodeStatus& status) {
        answered = true;
        ready = status.ready;
      });
      loop.run_until([&] { return answered; });
    }
  }
  ~House() {
    relay.reset();
    node.reset();
  }

  std::filesystem::path file() const { return folder.path() / "relay.json"; }
  void start_relay() {
    RelayOptions options;
    options.name = kSettleRelay;
    options.following.checkpoint_file = file();
    options.following.markers = settle_markers();
    relay = std::make_unique<Relay>(
        settle_effect, [this](journal::Submission submission) { node->submit(std::move(submission)); }, log,
        codec, journal::system_clock(), randomness, loop, duties, std::move(options));
    duties.start();
    relay->start();
  }
  void give(Topic topic, Bucket bucket, Command command) {
    journal::Submission submission;
    submission.id = new_id<CommandId>("cmd_", journal::system_clock().now(), bucket, randomness.bits());
    submission.partition = journal::partition_of(topic, bucket);
    submission.actor = {journal::ActorKind::admin, "test", ""};
    submission.command = std::move(command);
    submission.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
    std::optional<AnswerKind> kind;
    submission.done = [&](const journal::Answer& answer) { kind = answer.kind; };
    node->submit(std::move(submission));
    loop.run_until([&] { return kind.has_value(); });
    REQUIRE(*kind == AnswerKind::accepted);
  }

  FakeRandomness randomness;
  TemporaryFolder folder;
  Loop loop;  // outlives those that post to it
  journal::MemoryJournal log;
  std::string uuid;
  journal::CommitCodec codec;
  std::unique_ptr<projections::Projector> projector;
  FakeDuties duties;
  std::unique_ptr<journal::Node> node;
  std::unique_ptr<Relay> relay;
  std::vector<std::uint64_t> settled;  // where it happened
};

}  // namespace

TEST_CASE("relay: an approved submission is paid once in the worker's chain, also when the place was lost") {
  House house;
  house.start_relay();
  const Bucket customers{3}, workers{9};
  const auto now = journal::system_clock().now();
  const auto mint = [&]<class T>(T*, const char* prefix, Bucket bucket) {
    return new_id<T>(prefix, now, bucket, house.randomness.bits());
  };
  const auto account = mint(static_cast<AccountId*>(nullptr), "org_", customers);
  const auto task = mint(static_cast<TaskId*>(nullptr), "tsk_", customers);
  const auto worker = mint(static_cast<WorkerId*>(nullptr), "wrk_", workers);
  house.give(Topic::tasks, customers,
             CreateAccount{account, mint(static_cast<EmailClaimId*>(nullptr), "eml_", customers),
                           Surface::groundtruth, "Acme", "a@acme.test"});
  CreateTask create;
  create.task = task;
  create.account = account;
  create.title = "Film a street";
  create.modalities = {Modality::video};
  create.reward_cents = {2'500};
  create.target_submissions = 3;
  create.checkout = {"cko_1"};
  house.give(Topic::tasks, customers, create);
  house.give(Topic::tasks, customers, FundTask{task, account, {"cko_1"}, {7'500}});
  house.give(Topic::workers, workers,
             RegisterWorker{worker,
                            mint(static_cast<EmailClaimId*>(nullptr), "eml_", workers),
                            "Ada",
                            "a@work.test",
                            "hash",
                            {}});
  const auto work = mint(static_cast<AssignmentId*>(nullptr), "asg_", customers);
  const auto submission = mint(static_cast<SubmissionId*>(nullptr), "sub_", customers);
  house.give(Topic::tasks, customers, AcceptTask{work, task, worker, 3'600'000});
  house.give(Topic::tasks, customers,
             SubmitProof{work, task, submission, {{"video/mp4", 1, std::string(64, 'a'), 1}}});
  house.give(Topic::tasks, customers, ApproveSubmission{work, task, account, submission});
  house.loop.run_until([&] { return house.relay->carried() == 1; });
  CHECK(house.settled.size() == 1);
  const projections::WalletQueries wallets(house.projector->readers("wallets"));
  const projections::WorkerQueries people(house.projector->readers("workers"));
  const auto check_money = [&] {
    // A relay's answers do not wait until it can be seen.
    const Partition chain = journal::partition_of(Topic::workers, workers);
    house.loop.run_until([&] { return house.projector->checkpoint(chain).seq == house.settled.front(); });
    const auto purse = wallets.wallet(wallet_of(account_of(worker)));
    REQUIRE(purse);
    CHECK(purse->version == 1);
    CHECK(purse->state.payable == Cents{2'500});
    CHECK(purse->state.transit == Cents{-2'500});
    CHECK(wallets.wallet(wallet_of(account))->state.transit == Cents{2'500});
    CHECK(people.worker(worker)->state.approved == 1);
  };
  check_money();
  SUBCASE("the file is lost") {
    house.relay.reset();
    std::filesystem::remove(house.file());
  }
  SUBCASE("the file is of before") {
    house.relay.reset();
    std::ofstream(house.file(), std::ios::trunc) << "{}";
  }
  house.start_relay();
  house.loop.run_until([&] { return house.relay->carried() == 1; });  // asked again, answered as done
  CHECK(house.settled.size() == 1);
  check_money();
}
