// Small files that are whole or not there at all.
#include "journal/durable_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "conformance_support.hpp"
#include "tests/unit/files.hpp"
#include "tests/unit/system_faults.hpp"

namespace groundtruth::journal::testing {
namespace {

namespace fs = std::filesystem;
using groundtruth::testing::read_file;
using groundtruth::testing::SystemCall;
using groundtruth::testing::SystemFaults;

unsigned mode_of(const fs::path& file) {
  struct stat status{};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::ptrdiff_t files_in(const fs::path& directory) {
  return std::distance(fs::directory_iterator(directory), {});
}

}  // namespace

TEST_CASE("durable file: a replaced file has its mode and leaves nothing beside it") {
  const TempDirectory directory;
  const auto file = directory.path() / "ops.token";
  replace_durably(file, "one\n");
  replace_durably(file, "two\n");
  CHECK(read_file(file) == "two\n");
  CHECK(mode_of(file) == 0600);
  replace_durably(file, "three\n", 0644);
  CHECK(mode_of(file) == 0644);
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE("durable file: what must never be replaced is not") {
  const TempDirectory directory;
  const auto file = directory.path() / "master.key";
  CHECK(create_durably(file, "first\n"));
  CHECK_FALSE(create_durably(file, "second\n"));
  CHECK(read_file(file) == "first\n");
  CHECK(mode_of(file) == 0600);
  CHECK(files_in(directory.path()) == 1);
}

TEST_CASE("durable file: what a crash left beside it is never followed nor kept") {
  const TempDirectory directory;
  const auto file = directory.path() / "ops.token", elsewhere = directory.path() / "elsewhere";
  std::ofstream(elsewhere) << "untouched";
  fs::create_symlink(elsewhere, file.string() + ".new");
  replace_durably(file, "one\n");
  CHECK(read_file(elsewhere) == "untouched");
  CHECK(read_file(file) == "one\n");
  CHECK(files_in(directory.path()) == 2);
}

TEST_CASE("durable file: a directory is made once, and its name may end with a slash") {
  const TempDirectory directory;
  const auto made = directory.path() / "data";
  make_directory_durably(made.string() + "/");
  make_directory_durably(made);
  CHECK(mode_of(made) == 0700);
  std::ofstream(directory.path() / "file") << "x";
  CHECK_THROWS_AS(make_directory_durably(directory.path() / "file"), std::system_error);
  CHECK_THROWS_AS(make_directory_durably(directory.path() / "none" / "data"), std::system_error);
}

TEST_CASE(
    "durable file: whichever call fails, and how, the old file or the new one stands, and it can be made "
    "again") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      const TempDirectory directory;
      const auto file = directory.path() / "ops.token";
      replace_durably(file, "old\n");
      SystemFaults disk(directory.path());
      disk.fail_at(n, error, SystemFaults::Lasting::once);
      std::string what;
      try {
        replace_durably(file, "new\n");
      } catch (const std::system_error& failure) {
        what = failure.what();
        CHECK(failure.code().value() == error);
        CHECK(is_no_room(failure.code()) == (error == ENOSPC));
        CHECK(what.find(directory.path().string()) != std::string::npos);
      }
      CAPTURE(disk.failed());
      const bool failed = !disk.failed().empty();
      disk.mend();
      CHECK((what.empty() ? !failed : failed));
      const auto now = read_file(file);
      CHECK((now == "old\n" || now == "new\n"));
      CHECK(files_in(directory.path()) == 1);
      replace_durably(file, "newer\n");
      CHECK(read_file(file) == "newer\n");
      if (!failed) {
        CHECK(n == 6);  // look for what an older one left, create, write, sync, rename, sync the directory
        break;
      }
    }
  }
}

TEST_CASE("durable file: a file that must not be replaced is whole, or is not there") {
  for (std::size_t n = 0;; ++n) {
    const TempDirectory directory;
    const auto file = directory.path() / "master.key";
    SystemFaults disk(directory.path());
    disk.fail_at(n, EIO, SystemFaults::Lasting::once);
    bool failed = false;
    try {
      const bool made = create_durably(file, "key\n");
      CHECK(made);
    } catch (const std::system_error&) {
      failed = true;
    }
    CAPTURE(disk.failed());
    disk.mend();
    const bool is_there = fs::exists(file);  // where only the directory was not synced
    if (is_there) CHECK(read_file(file) == "key\n");
    if (!failed) break;
    CHECK(create_durably(file, "key\n") == !is_there);
  }
}

TEST_CASE("durable file: a marker stays, though it cannot be synced") {
  const TempDirectory directory;
  const auto marker = directory.path() / "journal.db.failed";
  SystemFaults disk(directory.path());
  disk.decide([](SystemCall call, const std::string&) { return call == SystemCall::sync ? EIO : 0; });
  CHECK_THROWS_AS(leave_marker(marker, "disk I/O error\n"), std::system_error);
  disk.mend();
  CHECK(read_file(marker) == "disk I/O error\n");
  remove_durably(marker);
  remove_durably(marker);
  CHECK_FALSE(fs::exists(marker));
}

TEST_CASE("durable file: the name of a new directory is synced, also where another process had made it") {
  const TempDirectory directory;
  const auto made = directory.path() / "data";
  SystemFaults disk(directory.path());
  std::vector<std::string> synced;
  disk.decide([&](SystemCall call, const std::string& path) {
    if (call == SystemCall::sync) synced.push_back(path);
    return 0;
  });
  make_directory_durably(made);
  make_directory_durably(made);
  CHECK(synced == std::vector<std::string>{directory.path(), directory.path()});
  disk.decide([](SystemCall call, const std::string&) { return call == SystemCall::sync ? EIO : 0; });
  CHECK_THROWS_AS(make_directory_durably(made), std::system_error);
}

}  // namespace groundtruth::journal::testing
