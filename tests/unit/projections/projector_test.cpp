// The projector: batches, order, failure, catching up after a crash, hooks.
#include "projections/projector.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "projections/accounts/queries.hpp"
#include "projections/tasks/queries.hpp"
#include "projections/wallets/queries.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;
namespace fs = std::filesystem;

namespace {

// Reads every commit and cannot take one.
class Stubborn final : public Applier {
 public:
  static inline std::string refuses;  // a command's id
  bool concerns(const journal::Commit&) const override { return true; }
  void apply(const journal::Accepted& accepted) override {
    if (accepted.commit->command.id.value == refuses) throw std::runtime_error("I will not");
  }
  void flush() override {}
  void discard() override {}
};

std::vector<Definition> with_stubborn() {
  auto all = all_projections();
  Definition stubborn;
  stubborn.name = "stubborn";
  stubborn.make_applier = [](sqlite::Connection&) -> std::unique_ptr<Applier> {
    return std::make_unique<Stubborn>();
  };
  all.push_back(stubborn);
  return all;
}

}  // namespace

TEST_CASE("projector: a commit that cannot be taken stops its partition there, and no other") {
  Story story(1);
  const TempDir directory;
  auto options = Desk::options_for(directory.path());
  options.max_batch_commits = 1'000;
  const auto alice = story.account("a", "a@test");
  auto bob = story.account("b", "b@test");
  while (story.home(bob.value) == story.home(alice.value)) bob = story.account("b", "b@test");
  std::map<journal::Partition, std::uint64_t> last;
  std::uint64_t bad = 0;
  for (int i = 0; i < 20; ++i) {
    story.deposit(alice, {1});
    if (i == 10) {
      Stubborn::refuses = story.accepted().back().commit->command.id.value;
      bad = story.accepted().back().seq;
    }
    story.deposit(bob, {1});
  }
  for (const auto& accepted : story.accepted()) last[accepted.partition] = accepted.seq;
  {
    Desk desk(options, with_stubborn());
    desk.catch_up(story);
    REQUIRE(desk.failures().size() == 1);
    CHECK(desk.failures()[0].find("I will not") != std::string::npos);
    CHECK(desk.failures()[0].find(to_string(story.home(alice.value))) != std::string::npos);
    CHECK(desk.applied()[story.home(alice.value)] == bad - 1);
    CHECK(desk.applied()[story.home(bob.value)] == last[story.home(bob.value)]);
    // It stays stopped; the others go on.
    story.deposit(alice, {1});
    story.deposit(bob, {1});
    desk.catch_up(story);
    CHECK(desk.failures().size() == 1);
    CHECK(desk.applied()[story.home(bob.value)] == last[story.home(bob.value)] + 1);
    CHECK(desk.projector().checkpoint(story.home(alice.value)).seq == bad - 1);
    CHECK(desk.projector().status().back().failed.find("I will not") != std::string::npos);
  }
  // A version that can take it catches up: nothing was lost, nothing is applied twice.
  Stubborn::refuses.clear();
  Desk mended(options, with_stubborn());
  mended.catch_up(story);
  CHECK(mended.failures().empty());
  CHECK(WalletQueries(mended.projector().readers("wallets"))
            .wallet(domain::wallet_of(alice))
            ->state.available.value == 21);
}

TEST_CASE("projector: events that do not follow what is stored are a failure, never skipped") {
  struct Row {
    const char* words;
    std::uint32_t version;
    const char* says;
  };
  for (const Row& row : {Row{"a gap", 4, "cannot follow version 2"}, Row{"a repetition", 2, "cannot follow"},
                         Row{"a second beginning", 1, "exists already"}}) {
    CAPTURE(row.words);
    Story story(2);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    story.deposit(customer, {1});
    story.deposit(customer, {1});
    desk.catch_up(story);
    const auto posting = domain::transfer(customer, domain::PostingReason::deposit, "x", {5});
    story.append(story.home(customer.value), {{domain::wallet_of(customer).value, row.version, posting}});
    desk.catch_up(story);
    REQUIRE(desk.failures().size() == 1);
    CHECK(desk.failures()[0].find(row.says) != std::string::npos);
    CHECK(WalletQueries(desk.projector().readers("wallets"))
              .wallet(domain::wallet_of(customer))
              ->state.available.value == 2);
  }
}

TEST_CASE("projector: commits that were left out by the feeder are noticed") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  desk.catch_up(story);
  story.deposit(customer, {1});
  const auto known = story.accepted().size();
  story.deposit(customer, {1});
  desk.projector().apply(story.since(known), journal::ReadModels::Pace::at_once);
  desk.wait();
  REQUIRE(desk.failures().size() == 1);
  CHECK(desk.failures()[0].find("it was given a commit out of order after 1") != std::string::npos);
}

TEST_CASE("projector: what nobody waits for is kept back until somebody does, or until there is enough") {
  using Pace = journal::ReadModels::Pace;
  Story story(4);
  const TempDir directory;
  auto options = Desk::options_for(directory.path());
  options.gather = std::chrono::hours(1);
  options.gather_commits = 3;
  Desk desk(options, all_projections());
  const auto customer = story.account();
  desk.catch_up(story);
  const auto home = story.home(customer.value);
  const auto before = desk.projector().checkpoint(home).seq;
  const auto give = [&](Pace pace) {
    const auto known = story.accepted().size();
    story.deposit(customer, {1});
    desk.projector().apply(story.since(known), pace);
  };
  give(Pace::gather);
  give(Pace::gather);
  CHECK(desk.projector().backlog() == 2);
  CHECK(desk.projector().checkpoint(home).seq == before);
  SUBCASE("enough") {
    give(Pace::gather);
  }
  SUBCASE("somebody waits for what comes next") {
    give(Pace::at_once);
  }
  SUBCASE("somebody waits for what is there") {
    desk.projector().hurry();
  }
  desk.wait();
  CHECK(desk.projector().backlog() == 0);
  CHECK(desk.projector().checkpoint(home).seq >= before + 2);
  // Nobody waits for what comes then.
  give(Pace::gather);
  CHECK(desk.projector().backlog() == 1);
}

TEST_CASE("projector: files that stand at different places after a crash heal by being fed again") {
  for (std::uint64_t seed = 10; seed < 10 + all_projections().size(); ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir live, fresh;
    namespace fs = std::filesystem;
    // A crash between two projections' transactions: one file is from before the batch.
    const auto all = all_projections();
    const auto which = all[seed % all.size()].file_name();
    story.steps(300);
    {
      Desk(live.path()).catch_up(story);
    }
    const auto old = fresh.path() / "old";
    fs::copy_file(live.path() / which, old);
    story.steps(300);
    {
      Desk(live.path()).catch_up(story);
    }
    fs::copy_file(old, live.path() / which, fs::copy_options::overwrite_existing);
    remove_log(live.path() / which);
    story.steps(100);
    Desk healed(live.path());
    healed.catch_up(story, story.dice());
    CHECK(healed.failures().empty());
    Desk reference(fresh.path() / "reference");
    reference.catch_up(story);
    CHECK(healed.digests() == reference.digests());
  }
}

TEST_CASE("projector: feeding the same again changes nothing") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  story.steps(200);
  desk.catch_up(story);
  const auto before = desk.digests();
  desk.projector().apply(story.accepted(), journal::ReadModels::Pace::at_once);
  desk.wait();
  CHECK(desk.digests() == before);
  CHECK(desk.failures().empty());
}

TEST_CASE("projector: a hook runs when readers have the commit and before it is reported") {
  Story story(5);
  const TempDir directory;
  Projector projector(Desk::options_for(directory.path()));
  std::vector<std::string> order;
  const AccountQueries accounts(projector.readers("accounts"));
  projector.on_committed([&](const journal::Accepted& accepted) {
    if (!accepted.commit) return;
    if (const auto* revoked = accepted.commit->find<domain::ApiKeyRevoked>()) {
      CHECK(accounts.api_key(revoked->key)->state.revoked_at);
      order.push_back("dropped from the cache");
    }
  });
  projector.on_progress([&](std::vector<Projector::Applied>) { order.push_back("answered"); },
                        [](journal::Partition, const std::string&) {});
  const auto key = story.api_key(story.account());
  story.revoke(key);
  projector.apply(story.accepted(), journal::ReadModels::Pace::at_once);
  while (projector.backlog() > 0) projector.between_batches([] {});
  projector.between_batches([] {});
  CHECK(order == std::vector<std::string>{"dropped from the cache", "answered"});
}

TEST_CASE(
    "projector: a file that commits passed by goes on from where it says it stands, after a crash or a "
    "swap") {
  Story story(11);
  const TempDir directory, crashed;
  Desk desk(directory.path());
  const auto customer = story.account();
  story.deposit(customer, {500});
  desk.catch_up(story);
  for (int i = 0; i < 20; ++i) story.task(customer);  // nothing for accounts and wallets
  desk.catch_up(story);
  const auto home = journal::index_of(story.home(customer.value));
  CHECK(desk.projector().checkpoints("wallets")[home].seq == story.accepted().back().seq);

  SUBCASE("a crash: the files as they are now") {
    fs::copy(directory.path(), crashed.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    Desk again(crashed.path());
    again.catch_up(story);
    story.deposit(customer, {700});
    again.catch_up(story);
    CHECK(again.failures().empty());
    desk.catch_up(story);
    for (const auto& name : every_projection()) CHECK(again.digest(name) == desk.digest(name));
  }
  SUBCASE("a swap that fails: the old file goes on") {
    auto& projector = desk.projector();
    CHECK_THROWS(projector.between_batches(
        [&] { projector.replace_file("wallets", directory.path() / "no such build"); }));
    story.task(customer);
    story.deposit(customer, {700});
    desk.catch_up(story);
    CHECK(desk.failures().empty());
    CHECK(projector.checkpoints("wallets")[home].seq == story.accepted().back().seq);
  }
}
