// Small objects in one file: durable when put returns, whoever shares the sync; gone when removed.
#include "workers/adapters/small_blobs.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/unit/files.hpp"
#include "tests/unit/system_faults.hpp"
#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters;
using namespace groundtruth::adapters::testing;
using groundtruth::testing::SystemCall;
using groundtruth::testing::SystemFaults;

namespace {

std::string key_of(int number) {
  return "asg_" + std::to_string(number);
}

std::string read_all(SmallBlobs& blobs, const std::string& key) {
  const auto blob = blobs.open(key);
  if (!blob) return "(none)";
  std::string content;
  blob->read(0, static_cast<std::size_t>(blob->spec().bytes), content);
  return content;
}

void put(SmallBlobs& blobs, const std::string& key, const std::string& content) {
  blobs.put(spec_of(key, content, "text/plain"), content);
}

// What the test of a child process found out, as its exit code.
template <class Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(work());  // no destructor runs
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("small blobs: found as they were put, put again, and removed") {
  TemporaryFolder folder;
  SmallBlobs blobs(folder.path() / "small.db", {});
  CHECK_FALSE(blobs.open("a"));
  put(blobs, "a", "one");
  put(blobs, "b", "");
  const auto opened = blobs.open("a");
  CHECK(opened->spec().content_type == "text/plain");
  CHECK(opened->spec().sha256 == sha256_of("one"));
  blobs.put(spec_of("a", "one", "image/png"), "one");
  CHECK(blobs.open("a")->spec().content_type == "image/png");
  CHECK(read_all(blobs, "b").empty());
  blobs.remove("a");
  blobs.remove("a");
  CHECK_FALSE(blobs.open("a"));
  std::string read;
  opened->read(1, 2, read);
  CHECK(read == "ne");
  CHECK_THROWS_AS(opened->read(2, 2, read), ports::BlobStoreError);
  CHECK_THROWS_AS(opened->read(4, 0, read), ports::BlobStoreError);
}

TEST_CASE("small blobs: many at once, and all are there after a kill") {
  TemporaryFolder folder;
  const auto file = folder.path() / "small.db";
  constexpr int kThreads = 8, kEach = 50;
  const int failures = in_child([&] {
    SmallBlobs blobs(file, {});
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < kThreads * kEach; i += kThreads) {
          put(blobs, key_of(i), "content " + std::to_string(i));
          if (read_all(blobs, key_of(i)) != "content " + std::to_string(i)) ++failed;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    return failed.load();
  });
  CHECK(failures == 0);
  SmallBlobs blobs(file, {});
  for (int i = 0; i < kThreads * kEach; ++i)
    REQUIRE(read_all(blobs, key_of(i)) == "content " + std::to_string(i));
}

TEST_CASE("small blobs: what was removed stands in no file any more") {
  TemporaryFolder folder;
  const std::string secret = "nobody may read this again";
  SmallBlobs blobs(folder.path() / "small.db", {});
  put(blobs, "kept", "kept");
  put(blobs, "gone", secret);
  blobs.remove("gone");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ostringstream bytes;
    bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    CHECK(bytes.str().find(secret) == std::string::npos);
    struct stat found{};
    REQUIRE(::stat(entry.path().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0600);
  }
  CHECK(read_all(blobs, "kept") == "kept");
}

TEST_CASE(
    "small blobs: each call fails in turn; a lack of room passes by itself, all else ends the process") {
  for (const int error : {EIO, ENOSPC, EDQUOT, EFBIG}) {
    for (std::size_t n = 0;; ++n) {
      TemporaryFolder folder;
      SystemFaults disk(folder.path());
      const auto file = folder.path() / "small.db";
      std::vector<std::string> fatal;
      std::string failed;
      bool is_told = false;
      {
        SmallBlobs blobs(file, [&](const std::string& why) { fatal.push_back(why); });
        put(blobs, "first", "first");
        disk.fail_at(n, error, SystemFaults::Lasting::from_then_on);
        try {
          put(blobs, "second", "second");
          blobs.remove("first");
        } catch (const ports::BlobStoreError&) {
          is_told = true;
        }
        failed = disk.failed();
        disk.mend();
        CAPTURE(failed);
        CAPTURE(error);
        CHECK(is_told == !failed.empty());
        const bool is_room = error != EIO && failed.starts_with("write");
        CHECK(fatal.empty() == (failed.empty() || is_room));
        if (fatal.empty()) {  // nothing is broken
          put(blobs, "third", "third");
          blobs.remove("first");
          CHECK(read_all(blobs, "first") == "(none)");
          CHECK(groundtruth::testing::files_with(folder.path(), "firsttext/plain") == 0);
        } else {
          CHECK_THROWS_AS(put(blobs, "third", "third"), ports::BlobStoreError);
          CHECK_THROWS_AS(blobs.remove("second"), ports::BlobStoreError);
        }
      }
      SmallBlobs blobs(file, {});  // as the next start does
      put(blobs, "fourth", "fourth");
      if (!is_told) CHECK(read_all(blobs, "second") == "second");
      CHECK(read_all(blobs, "fourth") == "fourth");
      if (failed.empty()) {
        CHECK(n > 4);
        break;
      }
    }
  }
}

TEST_CASE("small blobs: a first start that fails at any call says so, and the next one goes on") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      TemporaryFolder folder;
      SystemFaults disk(folder.path());
      const auto file = folder.path() / "small.db";
      disk.fail_at(n, error, SystemFaults::Lasting::once);
      try {
        SmallBlobs blobs(file, [](const std::string&) {});
        put(blobs, "first", "first");
      } catch (const ports::BlobStoreError& refusal) {
        CHECK(std::string(refusal.what()).find(folder.path().string()) != std::string::npos);
      }
      const auto failed = disk.failed();
      disk.mend();
      CAPTURE(failed);
      SmallBlobs blobs(file, {});
      put(blobs, "second", "second");
      CHECK(read_all(blobs, "second") == "second");
      if (failed.empty()) {
        CHECK(n > 8);
        break;
      }
    }
  }
}

TEST_CASE("small blobs: what was removed while there was no room goes once there is") {
  TemporaryFolder folder;
  SystemFaults disk(folder.path());
  const std::string secret = "nobody may read this again";
  SmallBlobs blobs(folder.path() / "small.db", {});
  put(blobs, "gone", secret);
  disk.decide([](SystemCall call, const std::string& path) {
    return call == SystemCall::write && path.ends_with("small.db") ? ENOSPC : 0;
  });
  CHECK_THROWS_AS(blobs.remove("gone"), ports::BlobStoreError);
  disk.mend();
  blobs.remove("gone");
  CHECK(groundtruth::testing::files_with(folder.path(), secret) == 0);
}

TEST_CASE("small blobs: a file of something else, and one that is open already, are named") {
  TemporaryFolder folder;
  const auto file = folder.path() / "small.db";
  std::ofstream(file) << std::string(5'000, 'x');
  try {
    SmallBlobs blobs(file, {});
    FAIL("no error");
  } catch (const ports::BlobStoreError& error) {
    CHECK(std::string(error.what()).find("small.db") != std::string::npos);
  }
  SmallBlobs first(folder.path() / "other.db", {});
  CHECK_THROWS_AS(SmallBlobs(folder.path() / "other.db", {}), ports::BlobStoreError);
}
