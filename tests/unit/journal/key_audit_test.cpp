// The journal says whose keys there must be; the key store is held against it, and neither vouches for
// itself.
#include "journal/key_audit.hpp"

#include <doctest/doctest.h>

#include "codec_support.hpp"

namespace groundtruth::journal {
namespace {

using State = KeyStore::State;
using Rows = std::map<std::string, State>;

AllKeys all_of(const Rows& rows) {
  return [&rows](const KeyStore::Row& row) {
    for (const auto& [owner, state] : rows) row(owner, state);
  };
}

std::string record_of(std::vector<CommittedEvent> events, KeyStore& keys) {
  const CommitCodec codec("journal", std::shared_ptr<KeyStore>(&keys, [](KeyStore*) {}), system_randomness());
  Commit commit;
  commit.seq = 1;
  commit.at = {1};
  commit.actor = {ActorKind::system, "test", ""};
  commit.command = {{"cmd_1"}, "test", std::nullopt};
  commit.events = std::move(events);
  return *codec.encode(commit);
}

CommittedEvent created(const std::string& id) {
  return {id, 1,
          domain::AccountCreated{{id}, domain::Surface::groundtruth, {"eml_1"}, {"Ann"}, {"a@b.example"}}};
}
CommittedEvent erased(const std::string& id) {
  return {id, 2, domain::AccountErased{{id}}};
}
CommittedEvent boastful() {  // holds the words and means nothing
  return {"cmd_1", 1,
          domain::SubmissionRejected{{}, {}, {}, {}, {}, R"(account.erased "box":" worker.erased)"}};
}

}  // namespace

TEST_CASE("key audit: a record names whom it seals for and whom it erases, without any key") {
  const auto keys = make_memory_key_store(system_randomness());
  SealedOwners owners;
  owners.look(record_of({created("org_b"), created("org_a")}, *keys));
  owners.look(record_of({boastful()}, *keys));
  owners.look(record_of({erased("org_b")}, *keys));
  owners.look(record_of({created("org_a")}, *keys));  // again
  const std::vector<std::pair<std::string, bool>> expected{{"org_a", false}, {"org_b", true}};
  CHECK(owners.all() == expected);
  CHECK(owners.is_erased("org_b"));
  CHECK_FALSE(owners.is_erased("org_a"));
  CHECK_FALSE(owners.is_erased("org_c"));
}

TEST_CASE("key audit: each way in which keys and journal may differ") {
  SealedOwners owners;
  for (const char* name : {"b live", "d lost", "f damaged", "h destroyed"}) owners.add(name, false);
  for (const char* name : {"j erased", "l revived", "n unmarked", "p damaged and erased"})
    owners.add(name, true);
  const Rows rows{{"a of no record", State::live},
                  {"b live", State::live},
                  {"c tombstone of no record", State::destroyed},
                  {"f damaged", State::damaged},
                  {"h destroyed", State::destroyed},
                  {"j erased", State::destroyed},
                  {"jwt:2026-11", State::live},
                  {"l revived", State::live},
                  {"p damaged and erased", State::damaged},
                  {"z damaged, of no record", State::damaged}};
  const auto found = compare(owners, all_of(rows));
  using Names = std::vector<std::string>;
  CHECK(found.lost == Names{"d lost"});
  CHECK(found.damaged == Names{"f damaged", "z damaged, of no record"});
  CHECK(found.destroyed == Names{"h destroyed"});
  CHECK(found.revived == Names{"l revived", "p damaged and erased"});
  CHECK(found.unmarked == Names{"n unmarked"});
  CHECK(found.is_loss());
  const auto said = describe_loss(found, "keys.db");
  for (const char* part : {"keys.db", "d lost", "f damaged", "h destroyed", "Restore"})
    CHECK(said.find(part) != std::string::npos);
}

TEST_CASE("key audit: what mends itself is no loss") {
  SealedOwners owners;
  owners.add("live", false);
  owners.add("revived", true);
  owners.add("unmarked", true);
  const auto found = compare(owners, all_of({{"live", State::live}, {"revived", State::live}}));
  CHECK_FALSE(found.is_loss());
  CHECK(describe_loss(found, "keys.db").empty());
}

TEST_CASE("key audit: what an operator gave up is lost no more") {
  SealedOwners owners;
  owners.add("lost", false);
  owners.add("other", false);
  const std::string mark(kGivenUp);
  const Rows given_up{{mark + "lost", State::destroyed}, {"lost", State::destroyed}, {"other", State::live}};
  CHECK_FALSE(compare(owners, all_of(given_up)).is_loss());
  const Rows half_done{{mark + "lost", State::destroyed}, {"other", State::live}};
  CHECK(compare(owners, all_of(half_done)).lost == std::vector<std::string>{"lost"});
}

TEST_CASE("key audit: many owners are each counted once, and five are named") {
  SealedOwners owners;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 10'000; ++i) owners.add("org_" + std::to_string(i), round == 1 && i % 2 == 0);
  CHECK(owners.all().size() == 10'000);
  const auto found = compare(owners, all_of({}));
  CHECK(found.lost.size() == 5'000);
  CHECK(found.unmarked.size() == 5'000);
  const auto said = describe_loss(found, "keys.db");
  CHECK(said.find("5000 missing (org_1, org_1001, org_1003, org_1005, org_1007, …)") != std::string::npos);
}

}  // namespace groundtruth::journal
