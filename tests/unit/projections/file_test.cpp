// Files that are not what they should be: foreign, garbage, damaged, left behind by a crash of the machine.
#include "projections/file.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;
namespace fs = std::filesystem;

namespace {

struct Logged {
  std::vector<std::string> lines;
  ProjectorOptions options(const fs::path& directory) {
    auto made = Desk::options_for(directory);
    made.log = [this](const std::string& line) { lines.push_back(line); };
    return made;
  }
  bool says(const std::string& words) const {
    for (const auto& line : lines)
      if (line.find(words) != std::string::npos) return true;
    return false;
  }
};

int files_named(const fs::path& directory, const std::string& part) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(directory))
    count += entry.path().filename().string().find(part) != std::string::npos;
  return count;
}

void change(const fs::path& file, const std::string& sql) {
  sqlite::OpenOptions options;
  options.mode = sqlite::OpenMode::create;
  sqlite::Connection(file, options).exec(sql);
}

Definition definition_of(const std::string& name) {
  for (auto& definition : all_projections())
    if (definition.name == name) return std::move(definition);
  throw std::logic_error("there is no such projection");
}

}  // namespace

TEST_CASE("file: whatever is wrong with it, the read model comes back from the journal") {
  struct Row {
    const char* words;
    void (*damage)(const fs::path&);
    const char* log;
    int aside;  // files kept as evidence
  };
  const Row rows[] = {
      {"garbage", [](const fs::path& f) { std::ofstream(f) << std::string(9000, 'x'); }, "was moved to", 1},
      {"another database",
       [](const fs::path& f) {
         remove_database(f);
         change(f, "CREATE TABLE cats(name)");
       },
       "no read model", 1},
      {"another version's content",
       [](const fs::path& f) { change(f, "UPDATE meta SET value = '7' WHERE name = 'version'"); },
       "it holds tasks version 7", 1},
      {"first page torn",
       [](const fs::path& f) {
         std::fstream out(f, std::ios::in | std::ios::out | std::ios::binary);
         out.seekp(100);
         out << std::string(3000, '\x5a');
       },
       "was moved to", 1},
      {"empty file", [](const fs::path& f) { std::ofstream(f).flush(); }, nullptr, 0},
      {"gone", [](const fs::path& f) { remove_database(f); }, nullptr, 0},
      {"in use when the machine went down",
       [](const fs::path& f) {
         change(f, "UPDATE meta SET value = 'an earlier boot' WHERE name = 'in_use'");
       },
       "in use when the machine went down", 0},
      {"found corrupt while it served", [](const fs::path& f) { mark_suspect(f, [](const std::string&) {}); },
       "while it served", 1},
  };
  for (const auto& row : rows) {
    CAPTURE(row.words);
    Story story(9);
    const TempDir directory;
    story.steps(200);
    std::map<std::string, std::string> before;
    {
      Desk desk(directory.path());
      desk.catch_up(story);
      before = desk.digests();
    }
    row.damage(directory.path() / "tasks.v4.db");
    Logged logged;
    Desk desk(logged.options(directory.path()));
    if (row.log != nullptr)
      CHECK(logged.says(row.log));
    else
      CHECK(logged.lines.empty());
    CHECK(files_named(directory.path(), ".corrupt-") == row.aside);
    for (const auto& status : desk.projector().status()) CHECK(status.empty == (status.name == "tasks"));
    desk.catch_up(story);
    CHECK(desk.failures().empty());
    CHECK(desk.digests() == before);
  }
}

TEST_CASE("file: closed in order and opened again, it is trusted and says nothing") {
  Story story(10);
  const TempDir directory;
  story.steps(100);
  {
    Desk(directory.path()).catch_up(story);
  }
  Logged logged;
  Desk desk(logged.options(directory.path()));
  CHECK(logged.lines.empty());
  CHECK(desk.projector().checkpoint(story.accepted().back().partition).seq == story.accepted().back().seq);
}

TEST_CASE("file: who reads it beside the journal learns whose it is, and whether to trust it") {
  Story story(12);
  const TempDir directory;
  story.steps(50);
  const auto wallets = definition_of("wallets");
  const auto file = directory.path() / wallets.file_name();
  CHECK_FALSE(journal_of(file, wallets));
  {
    Desk desk(directory.path());
    desk.catch_up(story);
    CHECK(journal_of(file, wallets) == Story::kJournal);  // as after a crash that the machine survived
  }
  CHECK(journal_of(file, wallets) == Story::kJournal);
  CHECK_FALSE(journal_of(directory.path() / "tasks.v1.db", wallets));
  auto next = wallets;
  ++next.version;
  CHECK_FALSE(journal_of(file, next));
  mark_suspect(file, [](const std::string&) {});
  CHECK_FALSE(journal_of(file, wallets));
  fs::remove(file.string() + ".suspect");
  CHECK(journal_of(file, wallets) == Story::kJournal);
  change(file, "UPDATE meta SET value = 'an earlier boot' WHERE name = 'in_use'");
  CHECK_FALSE(journal_of(file, wallets));
  std::ofstream(file) << std::string(9000, 'x');
  CHECK_FALSE(journal_of(file, wallets));
  CHECK(fs::exists(file));
}

TEST_CASE("file: another journal's file is refused, and left alone") {
  Story story(11);
  const TempDir directory;
  story.steps(50);
  std::map<std::string, std::string> before;
  {
    Desk desk(directory.path());
    desk.catch_up(story);
    before = desk.digests();
  }
  auto options = Desk::options_for(directory.path());
  options.journal_uuid = "ffffffff-0000-4000-8000-000000000002";
  try {
    Desk desk(options);
    FAIL("it was taken");
  } catch (const std::runtime_error& error) {
    const std::string words = error.what();
    CHECK(words.find(Story::kJournal) != std::string::npos);
    CHECK(words.find("Nothing was changed") != std::string::npos);
  }
  CHECK(Desk(directory.path()).digests() == before);
}

TEST_CASE("file: the checkpoint names the record, so that the follower can tell a changed journal") {
  Story story(12);
  const TempDir directory;
  Desk desk(directory.path());
  story.steps(50);
  desk.catch_up(story);
  const auto& last = story.accepted().back();
  const auto checkpoint = desk.projector().checkpoint(last.partition);
  CHECK(checkpoint.exists);
  CHECK(checkpoint.offset == last.offset);
  CHECK(checkpoint.seq == last.seq);
  CHECK(checkpoint.id == last.id);
}
