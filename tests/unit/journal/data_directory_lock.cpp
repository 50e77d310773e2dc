// One process a data directory, and a reason for everybody else.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "conformance_support.hpp"
#include "journal/data_directory.hpp"

namespace groundtruth::journal::testing {
namespace {

using Absent = DataDirectory::Absent;

std::string refusal(const std::filesystem::path& root, Absent absent, const Clock& clock) {
  try {
    const DataDirectory directory(root, absent, clock);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat found{};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

}  // namespace

TEST_CASE("data directory: made for its owner alone, with a place for everything") {
  FixedClock clock;
  TempDirectory temp;
  const auto root = temp.path() / "data";
  CHECK(contains(refusal(root, Absent::refuse, clock), "journal init"));
  CHECK_FALSE(std::filesystem::exists(root));
  const DataDirectory directory(root, Absent::create, clock);
  for (const auto& path : {root, directory.read_models(), directory.mail(), directory.media()})
    CHECK(mode_of(path) == 0700);
  CHECK(mode_of(directory.lock_file()) == 0600);
  CHECK(directory.journal_file() == root / "journal.db");
  CHECK(directory.master_key_file() == root / "master.key");
}

TEST_CASE("data directory: the second one is told who holds it, and gets it afterwards") {
  FixedClock clock;
  TempDirectory temp;
  {
    const DataDirectory directory(temp.path(), Absent::refuse, clock);
    CHECK_THROWS_AS(DataDirectory(temp.path(), Absent::refuse, clock), DataDirectoryInUse);
    const auto told = refusal(temp.path(), Absent::create, clock);
    CHECK(contains(told, "pid " + std::to_string(::getpid()) + ", started 20"));
  }
  CHECK(refusal(temp.path(), Absent::refuse, clock).empty());
}

TEST_CASE("data directory: a process that dies lets it go") {
  FixedClock clock;
  TempDirectory temp;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const DataDirectory directory(temp.path(), Absent::refuse, clock);
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(contains(refusal(temp.path(), Absent::refuse, clock), "pid " + std::to_string(child)));
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(refusal(temp.path(), Absent::refuse, clock).empty());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("data directory: what is in the way is named") {
  FixedClock clock;
  TempDirectory temp;
  const auto file = temp.path() / "file";
  std::ofstream(file).close();
  CHECK(contains(refusal(file, Absent::create, clock), "is not a directory"));
  CHECK(contains(refusal(temp.path() / "no" / "such", Absent::create, clock), "cannot create the directory"));
}

TEST_CASE("data directory: one that may not be written gives the mend") {
  FixedClock clock;
  TempDirectory temp;
  const auto root = temp.path() / "data";
  std::filesystem::create_directory(root);
  REQUIRE(::chmod(root.c_str(), 0555) == 0);
  REQUIRE(::chmod(temp.path().c_str(), 0755) == 0);
  int said[2];
  REQUIRE(::pipe(said) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Modes do not bind root, so the tests of a container's root take off its rights here.
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(2);
    const auto told = refusal(root, Absent::create, clock);
    ::_exit(::write(said[1], told.data(), told.size()) == static_cast<ssize_t>(told.size()) ? 0 : 1);
  }
  ::close(said[1]);
  std::string told(4096, '\0');
  const auto count = ::read(said[0], told.data(), told.size());
  REQUIRE(count > 0);
  told.resize(static_cast<std::size_t>(count));
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(contains(told, "cannot open the lock: Permission denied"));
  CHECK(contains(told, "owns the data directory"));
  ::close(said[0]);
}

}  // namespace groundtruth::journal::testing
