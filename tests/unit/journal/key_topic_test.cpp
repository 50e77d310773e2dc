// Data keys that several nodes share: who was first counts for all, and destroyed is destroyed everywhere.
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "conformance_support.hpp"
#include "kafka_brokers.hpp"
#include "tests/unit/files.hpp"

namespace groundtruth::journal::testing {
namespace {

namespace fs = std::filesystem;

class Disk {
 public:
  Disk() {
    std::string name = (fs::temp_directory_path() / "gt_keys_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Disk() { fs::remove_all(path_); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

  bool holds(std::string_view bytes) const {
    for (const auto& entry : fs::recursive_directory_iterator(path_))
      if (groundtruth::testing::read_file(entry.path()).find(bytes) != std::string::npos) return true;
    return false;
  }

 private:
  fs::path path_;
};

std::unique_ptr<KeyStore> open_store(std::unique_ptr<WrappedKeys> keys, std::uint8_t master = 1) {
  DataKey bytes;
  bytes.fill(master);
  return open_key_store(std::move(keys), "test", MasterKey::from_bytes(bytes), system_randomness());
}

std::vector<NamedKey> rows(WrappedKeys& keys) {
  std::vector<NamedKey> out;
  keys.for_each([&](const std::string& owner, const WrappedKey& key) { out.push_back({owner, key}); });
  return out;
}

}  // namespace

TEST_CASE("kafka keys: two nodes that make one owner's key at once have the same one") {
  KafkaBrokers brokers;
  const Disk disk;
  const auto one = open_store(open_key_topic(brokers.options(), disk / "one.db"));
  const auto two = open_store(open_key_topic(brokers.options(), disk / "two.db"));
  constexpr int kOwners = 40;
  std::vector<std::optional<DataKey>> first(kOwners), second(kOwners);
  const auto make = [](KeyStore& keys, std::vector<std::optional<DataKey>>& out) {
    for (int i = 0; i < kOwners; ++i)
      out[static_cast<std::size_t>(i)] = keys.get_or_create("org_" + std::to_string(i));
  };
  std::thread other([&] { make(*two, second); });
  make(*one, first);
  other.join();
  for (int i = 0; i < kOwners; ++i) {
    INFO(i);
    REQUIRE(first[static_cast<std::size_t>(i)]);
    CHECK(first[static_cast<std::size_t>(i)] == second[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("kafka keys: what one node made durable, another one finds at once; nothing is not something") {
  KafkaBrokers brokers;
  const Disk disk;
  const auto one = open_store(open_key_topic(brokers.options(), disk / "one.db"));
  const auto two = open_store(open_key_topic(brokers.options(), disk / "two.db"));
  for (int i = 0; i < 20; ++i) {
    const auto owner = "org_" + std::to_string(i);
    CHECK_FALSE(two->get(owner));
    const auto made = one->get_or_create(owner);
    CHECK(two->get(owner) == made);
  }
}

TEST_CASE("kafka keys: a destroyed key is gone on every node, from memory and from disk, for good") {
  KafkaBrokers brokers;
  const Disk disk;
  std::string box;
  {
    const auto one = open_store(open_key_topic(brokers.options(), disk / "one.db"));
    const auto two = open_store(open_key_topic(brokers.options(), disk / "two.db"));
    const auto key = one->get_or_create("org_a");
    const auto kept = one->get_or_create("org_b");
    CHECK(two->get("org_a") == key);
    const auto outside = open_key_topic(brokers.options(), disk / "outside.db");
    box = outside->known("org_a").value().box;
    two->destroy("org_a");
    CHECK_FALSE(two->get("org_a"));
    CHECK(eventually([&] { return !one->get("org_a"); }));  // its cache too
    CHECK_FALSE(one->get_or_create("org_a"));
    two->destroy("org_a");
    two->destroy("org_never");
    CHECK_FALSE(one->get_or_create("org_never"));
    CHECK(one->get("org_b") == kept);
    CHECK(outside->find("org_c") == std::nullopt);  // so it has read to the end
    CHECK(outside->known("org_a").value().is_destroyed());
  }
  CHECK_FALSE(disk.holds(box));
  const auto late = open_store(open_key_topic(brokers.options(), disk / "late.db"));
  CHECK_FALSE(late->get("org_a"));
  CHECK_FALSE(late->get_or_create("org_a"));
}

TEST_CASE("kafka keys: the table is disposable, goes on where it stood, and is never another topic's") {
  KafkaBrokers brokers, others;
  const Disk disk;
  std::optional<DataKey> key;
  {
    const auto one = open_store(open_key_topic(brokers.options(), disk / "one.db"));
    key = one->get_or_create("org_a");
  }
  CHECK(open_store(open_key_topic(brokers.options(), disk / "one.db"))->get("org_a") == key);
  fs::remove(disk / "one.db");
  CHECK(open_store(open_key_topic(brokers.options(), disk / "one.db"))->get("org_a") == key);
  {
    const auto there = open_store(open_key_topic(others.options(), disk / "there.db"));
    there->get_or_create("org_x");
    there->get_or_create("org_y");
  }
  const auto moved = open_store(open_key_topic(others.options(), disk / "one.db"));
  CHECK_FALSE(moved->get("org_a"));
  CHECK(moved->get("org_x"));
  DataKey strange;
  strange.fill(9);
  CHECK_THROWS_WITH_AS(
      open_key_store(open_key_topic(others.options(), disk / "there.db"), "test",
                     MasterKey::from_bytes(strange), system_randomness()),
      "key store test: its keys do not open with this master key; use the master.key that it was made with",
      std::runtime_error);
}

TEST_CASE("kafka keys: keys move to the file of the embedded journal and back as they are") {
  KafkaBrokers brokers;
  const Disk disk;
  std::vector<std::optional<DataKey>> made;
  {
    const auto home = open_store(open_wrapped_keys_file(disk / "keys.db"));
    for (int i = 0; i < 1'200; ++i) made.push_back(home->get_or_create("org_" + std::to_string(i)));
    home->destroy("org_7");
  }
  {
    const auto from = open_wrapped_keys_file(disk / "keys.db");
    const auto to = open_key_topic(brokers.options(), disk / "kafka.db");
    CHECK(copy_keys(*from, *to) == 1'201);  // and the check of the master key
    CHECK(copy_keys(*from, *to) == 0);
    const auto before = rows(*from), after = rows(*to);
    REQUIRE(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK(before[i].owner == after[i].owner);
      CHECK(before[i].key == after[i].key);
    }
  }
  {
    const auto there = open_store(open_key_topic(brokers.options(), disk / "kafka.db"));
    CHECK(there->get("org_3") == made[3]);
    CHECK_FALSE(there->get("org_7"));
    there->destroy("org_8");
  }
  const auto from = open_key_topic(brokers.options(), disk / "again.db");
  const auto to = open_wrapped_keys_file(disk / "keys.db");
  CHECK(copy_keys(*from, *to) == 1);
  CHECK(to->known("org_8").value().is_destroyed());
  const auto strange = open_wrapped_keys_file(disk / "strange.db");
  {
    const auto store = open_store(open_wrapped_keys_file(disk / "other.db"), 2);
  }
  const auto other = open_wrapped_keys_file(disk / "other.db");
  CHECK_THROWS_AS(copy_keys(*from, *other), std::runtime_error);
}

TEST_CASE("kafka keys: brokers that are away are said to be, and nothing known is forgotten") {
  KafkaBrokers brokers(KafkaBrokers::Which::mock);
  const Disk disk;
  const auto keys = open_store(open_key_topic(brokers.options(), disk / "one.db"));
  const auto known = keys->get_or_create("org_a");
  brokers.set_down(1);
  CHECK(keys->get("org_a") == known);
  CHECK_THROWS_AS(keys->get_or_create("org_b"), JournalUnavailable);
  CHECK_THROWS_AS(keys->get("org_b"), JournalUnavailable);
  brokers.set_up(1);
  CHECK(eventually([&] {
    try {
      return keys->get_or_create("org_b").has_value();
    } catch (const JournalUnavailable&) {
      return false;
    }
  }));
}

}  // namespace groundtruth::journal::testing
