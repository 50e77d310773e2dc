// Objects in a folder: whole or not there, whatever happens while they are written.
#include "workers/adapters/folder_blob_store.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/unit/system_faults.hpp"
#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::adapters;
using namespace groundtruth::adapters::testing;
using groundtruth::testing::SystemCall;
using groundtruth::testing::SystemFaults;

namespace {

const std::string kKey = "asg_01hx4nvzgwq9k3m5p8r2s4t6v8/" + std::string(64, 'a');

std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) files.push_back(entry.path());
  return files;
}

struct StoreFolder {
  TemporaryFolder folder;
  std::filesystem::path root = folder.path() / "media";
  FolderBlobStore store{root, master_key()};

  std::size_t incoming() const { return files_below(root / "incoming").size(); }
  std::vector<std::filesystem::path> objects() const { return files_below(root / "objects"); }
};

}  // namespace

TEST_CASE("an object is found and read as it was put, until it is removed") {
  StoreFolder house;
  auto& store = house.store;
  CHECK_FALSE(store.find(kKey));
  CHECK_THROWS_AS(store.read(kKey, 0, 1), ports::BlobStoreError);
  const std::string content = content_of(300'000);
  for (int repeat = 0; repeat < 2; ++repeat) {
    store.put(spec_of(kKey, content), content);
    const auto found = store.find(kKey);
    REQUIRE(found);
    CHECK(found->key == kKey);
    CHECK(found->content_type == "video/mp4");
    CHECK(found->bytes == content.size());
    CHECK(found->sha256 == sha256_of(content));
  }
  CHECK(store.read(kKey, 0, content.size() * 2) == content);
  CHECK(store.read(kKey, 1'000, 10) == content.substr(1'000, 10));
  CHECK(store.read(kKey, content.size() - 3, 10) == content.substr(content.size() - 3));
  CHECK(store.read(kKey, content.size(), 10).empty());
  CHECK(store.read(kKey, content.size() + 1, 10).empty());
  CHECK(house.incoming() == 0);
  store.remove(kKey);
  store.remove(kKey);
  CHECK_FALSE(store.find(kKey));
  CHECK(house.objects().empty());
}

TEST_CASE("objects of nothing, and of keys that begin alike") {
  StoreFolder house;
  auto& store = house.store;
  for (const std::string key : {"a", "a/b", "a-b", "a_b", "ab", "a/b/c"}) store.put(spec_of(key, key), key);
  store.put(spec_of("empty", ""), "");
  for (const std::string key : {"a", "a/b", "a-b", "a_b", "ab", "a/b/c"})
    CHECK(store.read(key, 0, 10) == key);
  CHECK(store.find("empty")->bytes == 0);
  CHECK(store.read("empty", 0, 10).empty());
}

TEST_CASE("the folder and its files are its owner's alone") {
  StoreFolder house;
  house.store.put(spec_of(kKey, "x"), "x");
  struct stat found{};
  REQUIRE(::stat(house.root.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0700);
  REQUIRE(::stat(files_below(house.root).at(0).c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
}

TEST_CASE("content that is not what its spec says is not stored") {
  StoreFolder house;
  auto& store = house.store;
  const std::string content = "the content";
  ports::BlobSpec larger = spec_of(kKey, content), smaller = larger;
  ++larger.bytes;
  --smaller.bytes;
  CHECK_THROWS_AS(store.put(spec_of(kKey, "other words"), content), std::invalid_argument);
  CHECK_THROWS_AS(store.put(larger, content), std::invalid_argument);
  CHECK_THROWS_AS(store.put(smaller, content), std::invalid_argument);
  CHECK_FALSE(store.find(kKey));
  CHECK(house.objects().empty());

  store.put(spec_of(kKey, content), content);
  CHECK_THROWS_AS(store.put(spec_of(kKey, "other words"), content), std::invalid_argument);
  CHECK(store.read(kKey, 0, 100) == content);
}

TEST_CASE("a small object is put aside: told once it is stored, all of it before the store is gone") {
  TemporaryFolder folder;
  const std::string small = "an answer", large = content_of(kSmallBytes + 1);
  std::vector<std::pair<std::string, ports::BlobSpec>> objects;
  for (int i = 0; i < 600; ++i) {
    std::string content = small + std::to_string(i);
    auto spec = spec_of("asg_" + std::to_string(i), content);
    objects.emplace_back(std::move(content), std::move(spec));
  }
  std::atomic<int> stored{0};
  {
    FolderBlobStore store(folder.path() / "media", master_key());
    CHECK_FALSE(store.put_aside(spec_of(kKey, large), large, [](const std::string&) {}));
    CHECK_THROWS_AS(store.put_aside(spec_of(kKey, small), "a different one", [](const std::string&) {}),
                    std::invalid_argument);
    for (const auto& [content, spec] : objects)
      REQUIRE(store.put_aside(spec, content, [&](const std::string& error) { stored += error.empty(); }));
  }
  CHECK(stored == 600);
  FolderBlobStore store(folder.path() / "media", master_key());
  for (const auto& [content, spec] : objects) REQUIRE(store.read(spec.key, 0, 100) == content);
  CHECK_FALSE(store.find(kKey));

  FolderBlobStore shared(folder.path() / "shared", master_key(), Sharing::shared);
  CHECK_FALSE(shared.put_aside(objects[0].second, objects[0].first, [](const std::string&) {}));
}

TEST_CASE("a writer takes what its spec says, in pieces, and no more") {
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{kSmallBytes}, std::size_t{50'000}}) {
    CAPTURE(bytes);
    StoreFolder house;
    const std::string content = content_of(bytes);
    const std::size_t files = bytes > kSmallBytes ? 1 : 0;
    {
      const auto writer = house.store.begin(spec_of(kKey, content));
      CHECK(writer->append(content.substr(0, 50)));
      CHECK(writer->append(""));
      CHECK(house.incoming() == files);
      CHECK_FALSE(house.store.find(kKey));
      CHECK(writer->append(content.substr(50)));
      CHECK_FALSE(house.store.find(kKey));
      CHECK(writer->finish());
      CHECK(house.store.read(kKey, 0, bytes + 1) == content);
      CHECK(house.objects().size() == files);
    }
    const auto writer = house.store.begin(spec_of("other", content));
    CHECK(writer->append(content));
    CHECK_FALSE(writer->append("!"));
    CHECK_FALSE(house.store.find("other"));
    // Other bytes of the same number.
    const auto wrong = house.store.begin(spec_of("other", content));
    CHECK(wrong->append(std::string(bytes, '!')));
    CHECK_FALSE(wrong->finish());
    CHECK_FALSE(house.store.find("other"));
  }
}

TEST_CASE("a writer that does not finish leaves nothing") {
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{50'000}}) {
    CAPTURE(bytes);
    StoreFolder house;
    const std::string content = content_of(bytes);
    house.store.begin(spec_of(kKey, content))->append("one");
    {
      const auto writer = house.store.begin(spec_of(kKey, content));
      CHECK(writer->append("one"));
      CHECK_FALSE(writer->finish());
      CHECK_FALSE(house.store.find(kKey));
    }
    CHECK(house.incoming() == 0);
    CHECK_FALSE(house.store.find(kKey));
  }
}

TEST_CASE("keys that are none of ours reach no file") {
  StoreFolder house;
  std::ofstream(house.folder.path() / "secret") << "secret";
  const std::vector<std::string> keys = {"",
                                         "/",
                                         ".",
                                         "..",
                                         "../secret",
                                         "../../secret",
                                         "a/../../../secret",
                                         "/etc/hosts",
                                         "a/",
                                         "/a",
                                         "a//b",
                                         "a/./b",
                                         "a.b",
                                         "A",
                                         "a b",
                                         "a\\b",
                                         "ä",
                                         "a%2f",
                                         "a\n",
                                         std::string("a\0b", 3),
                                         "a:b",
                                         "a/..",
                                         "*",
                                         "a?",
                                         std::string(201, 'a')};
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK_THROWS_AS(house.store.find(key), std::invalid_argument);
    CHECK_THROWS_AS(house.store.read(key, 0, 1), std::invalid_argument);
    CHECK_THROWS_AS(house.store.open(key), std::invalid_argument);
    CHECK_THROWS_AS(house.store.remove(key), std::invalid_argument);
    CHECK_THROWS_AS(house.store.put(spec_of(key, "x"), "x"), std::invalid_argument);
    CHECK_THROWS_AS(house.store.sign_download(key, {}, std::chrono::seconds(1)), std::invalid_argument);
    CHECK_THROWS_AS(house.store.sign_upload(spec_of(key, "x"), {}, std::chrono::seconds(1)),
                    std::invalid_argument);
  }
  CHECK(house.objects().empty());
  CHECK(house.incoming() == 0);
}

TEST_CASE("specs that cannot be kept are refused") {
  StoreFolder house;
  for (const std::string& type :
       {std::string(), std::string(128, 'x'), std::string("a\nb"), std::string("ä")})
    CHECK_THROWS_AS(house.store.put(spec_of(kKey, "x", type), "x"), std::invalid_argument);
  for (const std::string& hash : {std::string(), std::string(64, 'A'), std::string(63, 'a')}) {
    ports::BlobSpec spec = spec_of(kKey, "x");
    spec.sha256 = hash;
    CHECK_THROWS_AS(house.store.put(spec, "x"), std::invalid_argument);
  }
  const std::string longest = "video/" + std::string(121, 'x');
  house.store.put(spec_of(std::string(200, 'k'), "x", longest), "x");
  CHECK(house.store.find(std::string(200, 'k'))->content_type == longest);
}

TEST_CASE("whoever has an object open reads it to its end") {
  StoreFolder house;
  const std::string content = content_of(10'000), other = content_of(5'000);
  house.store.put(spec_of(kKey, content), content);
  const auto open = house.store.open(kKey);
  house.store.put(spec_of(kKey, other), other);
  CHECK(house.store.find(kKey)->bytes == other.size());
  house.store.remove(kKey);
  std::string read = "before ";
  open->read(0, content.size(), read);
  CHECK(read == "before " + content);
  CHECK_FALSE(house.store.open(kKey));
}

TEST_CASE("the same object written by many at once is always whole") {
  StoreFolder house;
  const std::string content = content_of(200'000);
  const ports::BlobSpec spec = spec_of(kKey, content);
  std::atomic<int> writing{4};
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) house.store.put(spec, content);
      --writing;
    });
  }
  int wrong = 0;
  while (writing > 0) {
    if (house.store.find(kKey) && house.store.read(kKey, 0, content.size()) != content) ++wrong;
  }
  for (auto& writer : writers) writer.join();
  CHECK(wrong == 0);
  CHECK(house.store.read(kKey, 0, content.size()) == content);
  CHECK(house.incoming() == 0);
}

TEST_CASE("what a killed process was writing is not there, and goes at the next start") {
  TemporaryFolder folder;
  const auto root = folder.path() / "media";
  const std::string kept = "kept", lost = content_of(100'000);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    FolderBlobStore store(root, master_key());
    store.put(spec_of(kKey, kept), kept);
    const auto over = store.begin(spec_of(kKey, lost)), fresh = store.begin(spec_of("fresh", lost));
    over->append(lost.substr(0, 50'000));
    fresh->append(lost);
    ::_exit(0);  // no destructor runs
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  CHECK(files_below(root / "incoming").size() == 2);
  FolderBlobStore store(root, master_key());
  CHECK(files_below(root / "incoming").empty());
  CHECK_FALSE(store.find("fresh"));
  CHECK(store.read(kKey, 0, 100) == kept);
}

TEST_CASE("a file that was damaged by hand is an error, not an object") {
  StoreFolder house;
  const std::string content = content_of(20'000);
  house.store.put(spec_of(kKey, content), content);
  const auto file = house.objects().at(0);
  const auto whole = std::filesystem::file_size(file);
  for (const auto bytes : {whole + 1, whole - 1, whole - 256, std::uintmax_t{10}, std::uintmax_t{0}}) {
    CAPTURE(bytes);
    std::filesystem::resize_file(file, bytes);
    CHECK_THROWS_AS(house.store.find(kKey), ports::BlobStoreError);
    CHECK_THROWS_AS(house.store.open(kKey), ports::BlobStoreError);
  }
  house.store.put(spec_of(kKey, content), content);
  CHECK(house.store.read(kKey, 0, 30'000) == content);
}

TEST_CASE("a folder that cannot be made is named") {
  TemporaryFolder folder;
  try {
    FolderBlobStore store(folder.path() / "no" / "such", master_key());
    FAIL("no error");
  } catch (const ports::BlobStoreError& error) {
    CHECK(std::string(error.what()).find("no/such") != std::string::npos);
  }
}

TEST_CASE(
    "a shared folder: what one process stores, all find, small and large, and no start disturbs another") {
  TemporaryFolder folder;
  const auto root = folder.path() / "media";
  FolderBlobStore one(root, master_key(), Sharing::shared);
  const std::string small = content_of(100), large = content_of(300'000);
  const std::string other = "asg_01hx4nvzgwq9k3m5p8r2s4t6v8/" + std::string(64, 'b');
  const auto writer = one.begin(spec_of(kKey, large));
  REQUIRE(writer->append(std::string_view(large).substr(0, 1000)));
  FolderBlobStore two(root, master_key(), Sharing::shared);
  two.put(spec_of(other, small), small);
  REQUIRE(writer->append(std::string_view(large).substr(1000)));
  CHECK(writer->finish());
  CHECK(one.read(other, 0, 1000) == small);
  CHECK(two.read(kKey, 0, 400'000) == large);
  two.remove(kKey);
  CHECK_FALSE(one.find(kKey));
  CHECK_FALSE(std::filesystem::exists(root / "small.db"));
}

TEST_CASE("an object whose name was not synced is synced before anybody builds on it") {
  StoreFolder house;
  const std::string content = content_of(300'000);
  const auto spec = spec_of(kKey, content);
  SystemFaults disk(house.root);
  // As where the process ends between giving the object its name and syncing that.
  disk.decide([&](SystemCall call, const std::string& path) {
    return call == SystemCall::sync && std::filesystem::is_directory(path) ? EIO : 0;
  });
  CHECK_THROWS_AS(house.store.put(spec, content), ports::BlobStoreError);
  CHECK_THROWS_AS(house.store.find(kKey), ports::BlobStoreError);
  std::vector<std::string> synced;
  disk.decide([&](SystemCall call, const std::string& path) {
    if (call == SystemCall::sync) synced.push_back(path);
    return 0;
  });
  REQUIRE(house.store.find(kKey));
  REQUIRE(house.objects().size() == 1);
  CHECK(synced == std::vector<std::string>{house.objects().front().parent_path()});
}

TEST_CASE(
    "each call of an upload fails in turn; the next one works, and nothing of the failed one is named") {
  StoreFolder house;
  const std::string content = content_of(100'000);
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      const auto spec = spec_of("asg_" + std::to_string(error) + "/" + std::to_string(n), content);
      SystemFaults disk(house.root);
      disk.fail_at(n, error, SystemFaults::Lasting::once);
      bool is_told = false;
      try {
        house.store.put(spec, content);
      } catch (const ports::BlobStoreError&) {
        is_told = true;
      }
      const auto failed = disk.failed();
      disk.mend();
      CAPTURE(failed);
      // Where all was done, a temporary name that cannot be removed is nobody's concern but the next start's.
      CHECK(is_told == (!failed.empty() && !failed.starts_with("remove")));
      house.store.put(spec, content);
      CHECK(house.store.read(spec.key, 0, content.size()) == content);
      if (failed.empty()) break;
    }
  }
}
