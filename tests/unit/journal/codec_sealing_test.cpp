// Personal data in the journal (DESIGN, section 8): sealed where it stands, gone when its key is.
#include <doctest/doctest.h>

#include <string>

#include "journal/codec/sealing.hpp"
#include "tests/unit/journal/codec_support.hpp"

namespace groundtruth::journal::test {
namespace {

struct Bench {
  std::shared_ptr<KeyStore> keys = make_memory_key_store(system_randomness());
  CommitCodec codec{std::string(kJournal), keys, system_randomness()};
};

Commit account_created(const std::string& name = "Street Scenes Inc.") {
  Commit commit = sample_commit();
  commit.events = {{kAccount.value, 1,
                    domain::AccountCreated{
                        kAccount, domain::Surface::groundtruth, kEmailClaim, {name}, {"a@example.test"}}}};
  return commit;
}

const domain::AccountCreated& account_in(const Commit& commit) {
  REQUIRE(commit.find<domain::AccountCreated>() != nullptr);
  return *commit.find<domain::AccountCreated>();
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

// The text of a sealed field: from its brace to the closing one.
std::string sealed_text(const std::string& record, std::string_view field) {
  const auto begin = record.find('{', record.find("\"" + std::string(field) + R"(":{"key")"));
  return record.substr(begin, record.find('}', begin) - begin + 1);
}

TEST_CASE("personal data does not stand in the record, and comes back") {
  Bench bench;
  const auto bytes = bench.codec.encode(account_created());
  CHECK(bytes->find("Street") == std::string::npos);
  CHECK(bytes->find("example.test") == std::string::npos);
  CHECK(account_in(bench.codec.decode(*bytes)).name.value == "Street Scenes Inc.");
  CHECK(account_in(bench.codec.decode(*bytes)).email.value == "a@example.test");
}

TEST_CASE("every encoding has its own nonce") {
  Bench bench;
  CHECK(*bench.codec.encode(account_created()) != *bench.codec.encode(account_created()));
}

TEST_CASE("a destroyed key leaves an empty value and a readable commit") {
  Bench bench;
  const auto bytes = bench.codec.encode(account_created());
  bench.keys->destroy(kAccount.value);
  const auto commit = bench.codec.decode(*bytes);
  CHECK(account_in(commit).account == kAccount);
  CHECK(account_in(commit).name.value.empty());
  CHECK(account_in(commit).email.value.empty());
  CHECK_THROWS_AS(bench.codec.encode(account_created()), ErasedOwner);
}

TEST_CASE("a sealed value opens nowhere but where it was sealed") {
  Bench bench;
  const std::string record = *bench.codec.encode(account_created());
  const auto refused = [](const CommitCodec& codec, const std::string& value) {
    CAPTURE(value);
    CHECK_THROWS_AS(codec.decode(value), UnreadableCommit);
  };
  SUBCASE("another stream") {
    refused(bench.codec,
            replaced(record, R"("stream":")" + kAccount.value, R"("stream":")" + kOtherAccount.value));
  }
  SUBCASE("another version") {
    refused(bench.codec, replaced(record, R"("version":1)", R"("version":2)"));
  }
  SUBCASE("another field") {
    const auto name = sealed_text(record, "name"), email = sealed_text(record, "email");
    auto swapped = replaced(record, name, "\x01");
    swapped = replaced(swapped, email, name);
    refused(bench.codec, replaced(swapped, "\x01", email));
  }
  SUBCASE("another journal") {
    const CommitCodec other(new_uuid(system_randomness()), bench.keys, system_randomness());
    refused(other, record);
  }
  SUBCASE("another owner's key") {
    bench.keys->get_or_create(kOtherAccount.value);
    refused(bench.codec, replaced(record, R"("key":")" + kAccount.value, R"("key":")" + kOtherAccount.value));
  }
  SUBCASE("an owner without a key") {
    auto other =
        replaced(record, R"("name":{"key":")" + kAccount.value, R"("name":{"key":")" + kOtherAccount.value);
    refused(bench.codec, other);
  }
  SUBCASE("changed bytes") {
    const auto name = sealed_text(record, "name");
    auto changed = name;
    char& last = changed[changed.size() - 6];
    last = last == 'A' ? 'B' : 'A';
    refused(bench.codec, replaced(record, name, changed));
  }
  SUBCASE("no box at all") {
    const auto name = sealed_text(record, "name");
    refused(bench.codec, replaced(record, name, R"("Street Scenes Inc.")"));
    refused(bench.codec, replaced(record, name, "{}"));
    refused(bench.codec, replaced(record, name, R"({"key":"k","nonce":"","box":""})"));
    refused(bench.codec, replaced(record, name, R"({"key":"k","nonce":"*","box":"*"})"));
  }
}

TEST_CASE("the place of a sealed value cannot be spelt in two ways") {
  using codec::associated_data;
  CHECK(associated_data({"j", "s", 1}, "f") == R"(["j","s",1,"f"])");
  CHECK(associated_data({"j", "s\",1", 1}, "f") != associated_data({"j", "s", 1}, "1,\"f"));
}

TEST_CASE("boxes") {
  DataKey key{}, other{};
  other[0] = 1;
  const std::string nonce(codec::kNonceBytes, 'n');
  const auto box = codec::seal_box(key, nonce, "place", "secret");
  CHECK(codec::open_box(key, nonce, "place", box) == "secret");
  CHECK_FALSE(codec::open_box(other, nonce, "place", box));
  CHECK_FALSE(codec::open_box(key, nonce, "elsewhere", box));
  CHECK_FALSE(codec::open_box(key, std::string(codec::kNonceBytes, 'm'), "place", box));
  CHECK_FALSE(codec::open_box(key, "short", "place", box));
  CHECK_FALSE(codec::open_box(key, nonce, "place", "short"));
  CHECK(codec::open_box(key, nonce, "", codec::seal_box(key, nonce, "", "")) == "");
  CHECK_THROWS_AS(codec::seal_box(key, "short", "", ""), std::invalid_argument);
}

}  // namespace
}  // namespace groundtruth::journal::test
