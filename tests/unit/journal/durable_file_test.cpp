// Small files that are whole or not there at all.
#include "journal/durable_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "conformance_support.hpp"
#include "tests/unit/files.hpp"

namespace groundtruth::journal::testing {
namespace {

namespace fs = std::filesystem;
using groundtruth::testing::read_file;

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

}  // namespace groundtruth::journal::testing
