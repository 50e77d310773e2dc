// Rebuilding beside a file that goes on serving.
#include "projections/rebuild.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "projections/tasks/queries.hpp"
#include "projections/tasks/tasks.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;
namespace fs = std::filesystem;

TEST_CASE("rebuild: readers and the writer go on while the file is swapped under them") {
  Story story(1);
  const TempDir directory;
  auto options = Desk::options_for(directory.path());
  options.max_readers = 2;
  Desk desk(options);
  const auto customer = story.account();
  for (int i = 0; i < 300; ++i) story.task(customer);
  desk.catch_up(story);

  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, wrong{0};
  const TaskQueries tasks(desk.projector().readers("tasks"));
  const auto one = story.tasks().front();
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&, i] {
      while (!stop) {
        const auto page = tasks.page({customer, {}, {}, {}}, 0, 10);
        if (page.total < 300 || page.items.size() != 10 || !tasks.task(one)) ++wrong;
        if (i == 0 && !desk.projector().load(domain::Aggregate(domain::Task{}).index(), {}, one.value))
          ++wrong;
        ++reads;
      }
    });
  for (int round = 0; round < 4; ++round) {
    const auto before = desk.projector().readers("tasks").generation();
    std::thread rebuilding(
        [&] { rebuild(desk.projector(), story.journal(), story.codec(), {"tasks", "commands"}); });
    rebuilding.join();
    CHECK(desk.projector().readers("tasks").generation() == before + 1);
    for (int i = 0; i < 20; ++i) story.task(customer);
    desk.catch_up(story);
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(reads > 0);
  CHECK(desk.failures().empty());
  CHECK(tasks.page({customer, {}, {}, {}}, 0, 10).total == 380);
}

TEST_CASE("rebuild: commits that come meanwhile are in the new file") {
  Story story(2);
  const TempDir directory, other;
  Desk desk(directory.path());
  story.steps(400);
  desk.catch_up(story);
  RebuildOptions options;
  options.batch_commits = 50;
  std::size_t fed = story.accepted().size();
  std::vector<std::string> phases;
  options.progress = [&](const RebuildProgress& progress) {
    if (phases.empty() || phases.back() != progress.phase) phases.push_back(progress.phase);
    CHECK(progress.records <= progress.records_known);
    if (progress.phase == "indexing" || progress.phase == "swapping") {
      story.steps(30);
      desk.projector().apply(story.since(fed), journal::ReadModels::Pace::at_once);
      fed = story.accepted().size();
    }
  };
  rebuild(desk.projector(), story.journal(), story.codec(), every_projection(), options);
  desk.wait();
  CHECK(phases == std::vector<std::string>{"loading", "indexing", "swapping", "done"});
  CHECK(desk.failures().empty());
  Desk reference(other.path());
  reference.catch_up(story);
  CHECK(desk.digests() == reference.digests());
}

TEST_CASE("rebuild: a changed version gets a new file, built before the follower starts") {
  Story story(3);
  const TempDir directory;
  story.steps(300);
  std::string old_digest;
  {
    Desk desk(directory.path());
    desk.catch_up(story);
    old_digest = desk.digest("wallets");
  }
  auto changed = all_projections();
  changed[1].version = 5;
  Desk desk(Desk::options_for(directory.path()), changed);
  CHECK(desk.projector().status()[1].empty);
  CHECK_FALSE(desk.projector().checkpoint(story.accepted().back().partition).exists);
  CHECK(rebuild_empty(desk.projector(), story.journal(), story.codec()) == std::vector<std::string>{"tasks"});
  CHECK_FALSE(desk.projector().status()[1].empty);
  CHECK(desk.projector().checkpoint(story.accepted().back().partition).seq == story.accepted().back().seq);
  CHECK(desk.digest("wallets") == old_digest);
  CHECK(fs::exists(directory.path() / "tasks.v5.db"));
  CHECK(fs::exists(directory.path() / "tasks.v4.db"));  // for the way back
  story.steps(50);
  desk.catch_up(story);
  CHECK(desk.failures().empty());
}

TEST_CASE("rebuild: what is given up or left half done leaves no trace") {
  Story story(4);
  const TempDir directory;
  story.steps(300);
  {
    Desk desk(directory.path());
    desk.catch_up(story);
    const auto before = desk.digests();
    std::atomic<bool> cancel{false};
    RebuildOptions options;
    options.batch_commits = 20;
    options.cancel = &cancel;
    options.progress = [&](const RebuildProgress& progress) { cancel = progress.records > 100; };
    CHECK_THROWS_AS(rebuild(desk.projector(), story.journal(), story.codec(), {"tasks"}, options),
                    RebuildCancelled);
    CHECK(desk.digests() == before);
    CHECK_FALSE(fs::exists(directory.path() / "tasks.v4.db.building"));
    CHECK(desk.projector().reserve("tasks"));
    CHECK_THROWS(rebuild(desk.projector(), story.journal(), story.codec(), {"tasks"}));
    desk.projector().release("tasks");
    rebuild(desk.projector(), story.journal(), story.codec(), {"tasks"});
  }
  std::ofstream(directory.path() / "tasks.v4.db.building") << "half";
  std::vector<std::string> lines;
  auto options = Desk::options_for(directory.path());
  options.log = [&](const std::string& line) { lines.push_back(line); };
  Desk desk(options);
  CHECK_FALSE(fs::exists(directory.path() / "tasks.v4.db.building"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("was not finished") != std::string::npos);
}

TEST_CASE("rebuild: from a journal that lacks what the live file has seen is refused") {
  Story story(5), other(6);
  const TempDir directory;
  Desk desk(directory.path());
  story.steps(300);
  desk.catch_up(story);
  const auto before = desk.digests();
  other.steps(20);
  CHECK_THROWS(rebuild(desk.projector(), other.journal(), other.codec(), {"tasks"}));
  CHECK(desk.digests() == before);
  story.steps(20);
  desk.catch_up(story);
  CHECK(desk.failures().empty());
}
