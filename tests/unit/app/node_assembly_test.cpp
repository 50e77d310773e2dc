// The journal side of a process on real files: what it makes, refuses and forgets.
#include "app/node_assembly.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "api/common/email_claim.hpp"
#include "app/exit_code.hpp"
#include "projections/accounts/queries.hpp"

using namespace groundtruth;
using namespace groundtruth::app;

namespace {

struct House {
  Settings settings;
  House() {
    std::string name = (std::filesystem::temp_directory_path() / "gt_node_XXXXXX").string();
    settings.data = mkdtemp(name.data());
    settings.dev = true;
    settings.log.level = "off";
  }
  ~House() { std::filesystem::remove_all(settings.data); }

  std::unique_ptr<NodeAssembly> open() const {
    return std::make_unique<NodeAssembly>(settings, make_logger(settings.log),
                                          [](const std::string&) { std::abort(); });
  }
  std::unique_ptr<NodeAssembly> start() const {
    auto node = open();
    const std::atomic<bool> never{false};
    CHECK(node->start([](const std::string&, std::uint64_t, std::uint64_t) {}, never));
    return node;
  }
};

journal::Answer execute(NodeAssembly& node, domain::Bucket bucket, const domain::AccountId& account,
                        domain::Command command) {
  auto& randomness = journal::system_randomness();
  journal::Submission submission;
  submission.id =
      domain::new_id<domain::CommandId>("cmd_", journal::system_clock().now(), bucket, randomness.bits());
  submission.partition = journal::partition_of(journal::Topic::tasks, bucket);
  submission.actor = {journal::ActorKind::admin, "test", account.value};
  submission.command = std::move(command);
  submission.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto answer = std::make_shared<std::promise<journal::Answer>>();
  auto result = answer->get_future();
  submission.done = [answer](journal::Answer done) { answer->set_value(std::move(done)); };
  node.node().submit(std::move(submission));
  return result.get();
}

std::string message_of(const House& house) {
  try {
    house.open();
  } catch (const CommandError& error) {
    return error.what();
  }
  return {};
}

bool holds(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("an empty directory becomes a node with --dev, and the same one after a restart") {
  const House house;
  std::string uuid;
  {
    const auto node = house.start();
    uuid = node->codec().journal_uuid();
    CHECK(node->status().ready);
  }
  const auto again = house.start();
  CHECK(again->codec().journal_uuid() == uuid);
  CHECK(again->status().ready);
}

TEST_CASE("without --dev everything that is missing is named, with the mend") {
  House house;
  house.settings.dev = false;
  CHECK(holds(message_of(house), "master.key"));
  CHECK(holds(message_of(house), "master-key create"));
  journal::MasterKey::create(house.settings.data / "master.key", journal::system_randomness());
  CHECK(holds(message_of(house), "journal init"));
}

TEST_CASE("a lost master key is never replaced in silence") {
  const House house;
  {
    house.start();
  }
  std::filesystem::remove(house.settings.data / "master.key");
  CHECK(holds(message_of(house), "master.key"));
}

TEST_CASE("a second process on the same directory is told who is there") {
  const House house;
  const auto first = house.start();
  CHECK(holds(message_of(house), "in use"));
}

TEST_CASE("a node that only serves reads refuses every command, and says why") {
  House house;
  {
    house.start();
  }
  house.settings.roles = {.api = false, .workers = false, .reads = true};
  const auto node = house.start();
  CHECK(node->status().ready);
  const domain::Bucket bucket{7};
  const auto answer = execute(*node, bucket, {"org_x"}, domain::EraseAccount{{"org_x"}, {"eml_x"}});
  CHECK(answer.kind == journal::AnswerKind::unavailable);
  CHECK(answer.reads_only);
  CHECK(holds(answer.reason, "serves only reads"));
}

TEST_CASE("an erased account's data key is destroyed, also when the process ended before") {
  const House house;
  const domain::Bucket bucket{7};
  const auto now = journal::system_clock().now();
  auto& randomness = journal::system_randomness();
  const auto account = domain::new_id<domain::AccountId>("org_", now, bucket, randomness.bits());
  const auto claim = domain::new_id<domain::EmailClaimId>("eml_", now, bucket, randomness.bits());
  {
    const auto node = house.start();
    const auto made =
        execute(*node, bucket, account,
                domain::CreateAccount{account, claim, domain::Surface::groundtruth, "Name", "a@b.c"});
    REQUIRE(made.kind == journal::AnswerKind::accepted);
    REQUIRE(execute(*node, bucket, account, domain::EraseAccount{account, claim}).kind ==
            journal::AnswerKind::accepted);
    const auto row = projections::AccountQueries(node->projector().readers("accounts")).account(account);
    REQUIRE(row.has_value());
    CHECK(row->state.name.empty());
    for (int i = 0; i < 1'000 && node->erasure().destroyed() == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(node->erasure().destroyed() == 1);
  }
  {  // carried out already: the checkpoint says so
    const auto node = house.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(node->erasure().destroyed() == 0);
  }
  // As if it had ended before its checkpoint was written: looked for again, and no harm done.
  std::filesystem::remove(house.settings.data / "erasure.json");
  const auto node = house.start();
  for (int i = 0; i < 1'000 && node->erasure().destroyed() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(node->erasure().destroyed() == 1);
  const auto commits = node->journal().read(journal::partition_of(journal::Topic::tasks, bucket), 1, 1);
  REQUIRE(commits.size() == 1);
  const auto commit = node->codec().decode(*commits.front().value);
  REQUIRE(commit.find<domain::AccountCreated>() != nullptr);
  CHECK(commit.find<domain::AccountCreated>()->name.value.empty());
}
