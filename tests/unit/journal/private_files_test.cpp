// What others could read or change is closed and said; what cannot be trusted is refused with what to do.
#include "journal/private_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "conformance_support.hpp"

namespace groundtruth::journal::testing {
namespace {

namespace fs = std::filesystem;

struct Desk {
  TempDirectory temp;
  std::vector<std::string> said;

  fs::path file(const char* name, mode_t mode) {
    const auto path = temp.path() / name;
    std::ofstream(path) << "content";
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
  }
  std::string refusal(const std::function<void(const Say&)>& keep) {
    try {
      keep([this](const std::string& what) { said.push_back(what); });
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }
  std::string refusal_of(const fs::path& path) {
    return refusal([&](const Say& say) { keep_private(path, say); });
  }
  std::string refusal_of_directory(const fs::path& path, bool holds_only_ours) {
    return refusal([&](const Say& say) {
      keep_directory_private(path, [=](std::string_view) { return holds_only_ours; }, say);
    });
  }
};

unsigned mode_of(const fs::path& path) {
  struct stat found{};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("private files: others are let out, and it is said what they could do") {
  Desk desk;
  const auto own = desk.file("own", 0600);
  CHECK(desk.refusal_of(own).empty());
  CHECK(desk.refusal_of(desk.temp.path() / "missing").empty());
  CHECK(desk.said.empty());
  for (const mode_t mode : {0644U, 0640U, 0604U, 0666U, 0620U, 0777U}) {
    CAPTURE(mode);
    const auto file = desk.file("open", mode);
    CHECK(desk.refusal_of(file).empty());
    CHECK(mode_of(file) == 0600);
    REQUIRE(desk.said.size() == 1);
    CHECK(contains(desk.said.front(), (mode & 022) != 0 ? "change" : "read"));
    desk.said.clear();
  }
}

TEST_CASE("private files: what is no file of our own is refused with what to do") {
  Desk desk;
  const auto file = desk.file("file", 0600);
  const auto link = desk.temp.path() / "link";
  fs::create_symlink(file, link);
  CHECK(contains(desk.refusal_of(link), "symbolic link"));
  fs::remove(file);
  CHECK(contains(desk.refusal_of(link), "symbolic link"));  // also one that leads nowhere
  const auto directory = desk.temp.path() / "directory";
  fs::create_directory(directory);
  CHECK(contains(desk.refusal_of(directory), "no file"));
  const auto pipe = desk.temp.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(contains(desk.refusal_of(pipe), "no file"));
  CHECK(contains(desk.refusal_of(desk.file("read-only", 0400)), "chmod 600"));
  CHECK(contains(desk.refusal_of(desk.file("write-only", 0200)), "chmod 600"));
  if (::geteuid() != 0) return;
  const auto foreign = desk.file("foreign", 0600);
  REQUIRE(::chown(foreign.c_str(), 12'345, 12'345) == 0);
  CHECK(contains(desk.refusal_of(foreign), "belongs to uid 12345"));
}

TEST_CASE("private files: what comes back from the journal is removed where it cannot be trusted") {
  Desk desk;
  const auto keep = [&](const fs::path& path) {
    bool removed = false;
    CHECK(desk.refusal([&](const Say& say) { removed = keep_private_or_remove(path, say); }).empty());
    CHECK(removed == !fs::exists(fs::symlink_status(path)));
    return removed;
  };
  CHECK_FALSE(keep(desk.file("own", 0600)));
  CHECK(desk.said.empty());
  CHECK_FALSE(keep(desk.file("readable", 0644)));
  CHECK(mode_of(desk.temp.path() / "readable") == 0600);
  CHECK(keep(desk.file("writable", 0666)));
  CHECK(keep(desk.file("read-only", 0400)));
  const auto elsewhere = desk.file("elsewhere", 0600), link = desk.temp.path() / "link";
  fs::create_symlink(elsewhere, link);
  CHECK(keep(link));
  CHECK(fs::exists(elsewhere));
  CHECK(desk.said.size() == 4);
  fs::create_directory(link);
  CHECK(contains(desk.refusal([&](const Say& say) { keep_private_or_remove(link, say); }), "no file"));
}

TEST_CASE(
    "private files: a directory of our own is closed; a shared one is not, and must not be written by "
    "others") {
  Desk desk;
  const auto directory = desk.temp.path() / "data";
  fs::create_directory(directory);
  desk.file("data/something", 0600);
  const auto open_it = [&](mode_t mode) { REQUIRE(::chmod(directory.c_str(), mode) == 0); };

  open_it(0755);
  CHECK(desk.refusal_of_directory(directory, true).empty());
  CHECK(mode_of(directory) == 0700);
  CHECK(desk.said.size() == 1);
  open_it(0777);
  CHECK(desk.refusal_of_directory(directory, true).empty());
  CHECK(mode_of(directory) == 0700);

  open_it(0755);
  CHECK(desk.refusal_of_directory(directory, false).empty());
  CHECK(mode_of(directory) == 0755);
  CHECK(desk.said.size() == 3);
  open_it(01777);
  CHECK(contains(desk.refusal_of_directory(directory, false), "chmod 700"));
  CHECK(mode_of(directory) == 01777);
  open_it(0500);
  CHECK(contains(desk.refusal_of_directory(directory, true), "chmod 700"));
  open_it(0700);
  const auto link = desk.temp.path() / "link";
  fs::create_directory_symlink(directory, link);
  CHECK(desk.refusal_of_directory(link, true).empty());
}

}  // namespace groundtruth::journal::testing
