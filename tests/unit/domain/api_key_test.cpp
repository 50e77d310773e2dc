// API keys: made, used, revoked.
#include <doctest/doctest.h>

#include "tests/unit/domain/business.hpp"

namespace groundtruth::domain::test {
namespace {

CreateApiKey new_key(std::optional<Timestamp> expires_at = std::nullopt) {
  return {kKey, kAcme, "ci", {Scope::write}, "gt_sk_01j9zq", "$2b$10$hash", expires_at};
}

TEST_CASE("each scope contains the ones before it") {
  using enum Scope;
  struct Row {
    std::vector<Scope> has;
    bool reads, writes, administers;
  };
  for (const auto& [has, reads, writes, administers] :
       {Row{{}, false, false, false}, Row{{read}, true, false, false}, Row{{write}, true, true, false},
        Row{{admin}, true, true, true}, Row{{read, admin}, true, true, true}}) {
    CHECK(allows(has, read) == reads);
    CHECK(allows(has, write) == writes);
    CHECK(allows(has, admin) == administers);
  }
}

TEST_CASE("a key is made once") {
  Business business;
  business.has_account();
  CHECK(business.ask(new_key()) == "");
  CHECK(business.key().secret_hash == "$2b$10$hash");
  CHECK(business.key().created_at == kNow);
  CHECK(business.ask(new_key()) == "api_key_exists");
}

TEST_CASE("a key cannot be made expired") {
  struct Row {
    Timestamp expires_at;
    std::string answer;
  };
  for (const auto& [expires_at, answer] :
       {Row{{kNow.ms - 1}, "key_expiry_in_past"}, Row{kNow, "key_expiry_in_past"}, Row{{kNow.ms + 1}, ""}}) {
    Business business;
    business.has_account();
    CHECK(business.ask(new_key(expires_at)) == answer);
  }
}

TEST_CASE("use is noted at most once a minute, and never backwards") {
  Business business;
  business.has_account();
  CHECK(business.ask(UseApiKey{kKey, kNow}) == "api_key_not_found");
  business.ask(new_key());
  struct Row {
    std::int64_t seconds_later;
    std::size_t events;
  };
  for (const auto& [seconds_later, events] :
       {Row{5, 1}, Row{5, 0}, Row{59, 0}, Row{60, 1}, Row{10, 0}, Row{119, 0}, Row{3'600, 1}}) {
    CAPTURE(seconds_later);
    CHECK(business.ask(UseApiKey{kKey, {kNow.ms + seconds_later * 1'000}}) == "");
    CHECK(business.last().size() == events);
  }
  CHECK(business.key().last_used_at == Timestamp{kNow.ms + 3'600'000});
}

TEST_CASE("only its owner revokes a key, and only once") {
  Business business;
  business.has_account();
  CHECK(business.ask(RevokeApiKey{kKey, kAcme}) == "api_key_not_found");
  business.ask(new_key());
  CHECK(business.ask(RevokeApiKey{kKey, kOther}) == "api_key_not_found");
  CHECK(business.ask(RevokeApiKey{kKey, kAcme}) == "");
  CHECK(business.key().revoked_at == kNow);
  CHECK(business.ask(RevokeApiKey{kKey, kAcme}) == "api_key_not_found");
  CHECK(business.ask(UseApiKey{kKey, kNow}) == "api_key_not_found");
}

}  // namespace
}  // namespace groundtruth::domain::test
