// Keys, idempotency, cursors, tags, query parameters, HTML: the small grammars that surfaces share.
#include <doctest/doctest.h>

#include <set>

#include "api/common/api_key_format.hpp"
#include "api/common/cursor.hpp"
#include "api/common/etag.hpp"
#include "api/common/fields.hpp"
#include "api/common/form.hpp"
#include "api/common/header_lists.hpp"
#include "api/common/html.hpp"
#include "api/common/idempotency.hpp"
#include "domain/task.hpp"
#include "tests/unit/api/support.hpp"

using namespace groundtruth;
using api::testing::master_key;
using api::testing::SeededRandomness;

TEST_CASE("a minted key can be taken apart and holds 256 random bits") {
  SeededRandomness randomness;
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) {
    const auto minted = api::mint_api_key({1'781'792'000'000}, domain::Bucket{77}, randomness);
    CHECK(minted.key.size() == 6 + 26 + 43);
    CHECK(minted.key == "gt_sk_" + minted.id.value.substr(4) + minted.secret);
    CHECK(minted.key.starts_with(minted.display));
    CHECK(minted.display.size() == 6 + 16);
    CHECK(domain::bucket_of(minted.id.value) == domain::Bucket{77});
    const auto parsed = api::parse_api_key(minted.key);
    REQUIRE(parsed);
    CHECK(parsed->id == minted.id);
    CHECK(parsed->secret == minted.secret);
    secrets.insert(minted.secret);
  }
  CHECK(secrets.size() == 100);
}

TEST_CASE("what is no key is not looked up") {
  SeededRandomness randomness;
  const std::string good = api::mint_api_key({1}, domain::Bucket{1}, randomness).key;
  std::string upper = good, dashed = good, foreign = good;
  upper[6] = 'U';
  dashed.back() = '-';
  foreign.replace(0, 2, "hp");
  for (const std::string& bad :
       {std::string(), std::string("gt_sk_"), good.substr(1), good + "0", good.substr(0, good.size() - 1),
        upper, dashed, foreign, std::string(75, 'a')})
    CHECK_FALSE(api::parse_api_key(bad));
}

TEST_CASE("the grammar of Idempotency-Key") {
  const std::string longest(255, 'x');
  const std::vector<std::pair<std::string, std::optional<std::string>>> cases = {
      {"a", "a"},
      {"a b", "a b"},
      {"\"a\"", "a"},
      {"\" a \"", " a "},
      {"0f-_.:;/?=&%$#@(){}[]<>|^`'*+,", "0f-_.:;/?=&%$#@(){}[]<>|^`'*+,"},
      {longest, longest},
      {'"' + longest + '"', longest},
      {"", {}},
      {"\"\"", {}},
      {"\"", {}},
      {longest + "x", {}},
      {'"' + longest + "x\"", {}},
      {" a", {}},
      {"a ", {}},
      {"a\"b", {}},
      {"\"a\"b\"", {}},
      {"\"a", {}},
      {"a\tb", {}},
      {"a\x7f", {}},
      {"\xc3\xa9", {}},
  };
  for (const auto& [header, expected] : cases) {
    CAPTURE(header);
    CHECK(api::parse_idempotency_key(header) == expected);
  }
}

TEST_CASE("a request is itself by method, target and raw body") {
  const api::RequestHasher hasher(master_key());
  http::Request request;
  request.method = http::Method::post;
  request.target = request.path = "/api/v1/tasks";
  request.body = "{}";
  request.headers.add("Idempotency-Key", "\"k 1\"");
  const auto read = api::read_idempotency(request, hasher);
  REQUIRE(read.keyed);
  CHECK_FALSE(read.malformed);
  CHECK(read.keyed->key == "k 1");
  CHECK(read.keyed->scope == "POST /api/v1/tasks");
  CHECK(read.keyed->request_hash.size() == 32);
  CHECK(read.keyed->request_hash == hasher.hash(request));

  http::Request other = request;
  other.body = "{ }";
  CHECK(hasher.hash(other) != hasher.hash(request));
  other = request;
  other.target += "?x=1";
  CHECK(hasher.hash(other) != hasher.hash(request));
  other = request;
  other.target = "/api/v1/task";  // a byte moved from one part to the next
  other.body = "s{}";
  CHECK(hasher.hash(other) != hasher.hash(request));
  CHECK(api::RequestHasher(master_key(2)).hash(request) != hasher.hash(request));

  request.headers.add("Idempotency-Key", "again");
  CHECK(api::read_idempotency(request, hasher).malformed);
}

TEST_CASE("a retry gets the same bits the same day, and only then") {
  const api::RequestHasher hasher(master_key());
  const journal::KeyedRequest keyed{"k", "POST /api/v1/tasks", "00"};
  constexpr std::int64_t day_ms = 86'400'000;
  const auto bits = hasher.stable_bits("org_a", keyed, {day_ms * 20'000});
  CHECK(hasher.stable_bits("org_a", keyed, {day_ms * 20'001 - 1}) == bits);
  CHECK(hasher.stable_bits("org_a", keyed, {day_ms * 20'001}) != bits);
  CHECK(hasher.stable_bits("org_b", keyed, {day_ms * 20'000}) != bits);
  CHECK(hasher.stable_bits("org_a", {"l", keyed.scope, "00"}, {day_ms * 20'000}) != bits);
  CHECK(hasher.stable_bits("org_a", {"k", keyed.scope, "01"}, {day_ms * 20'000}) != bits);
}

TEST_CASE("a cursor comes back as it was, and nothing else is one") {
  const api::CursorCodec codec(master_key());
  const domain::AccountId account{"org_a"};
  const api::Cursor cursor{"tsk_01hx4nvzgw5q9k3m7c2e8r4t6v", 7};
  const std::string text = codec.encode("tasks", account, cursor);
  CHECK(text.starts_with("cur_"));
  CHECK(text.size() <= 254);
  CHECK(codec.decode("tasks", account, text) == cursor);
  CHECK_FALSE(codec.decode("api-keys", account, text));
  CHECK_FALSE(codec.decode("tasks", {"org_b"}, text));
  CHECK_FALSE(api::CursorCodec(master_key(2)).decode("tasks", account, text));
  for (std::size_t i = 4; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(codec.decode("tasks", account, changed));
  }
  for (const std::string& bad :
       {std::string(), std::string("cur_"), std::string("cur_x"), std::string("cur_!!!!"), std::string("1"),
        text + "A", text + "=", text.substr(0, text.size() - 1), text.substr(4),
        "cur_" + std::string(4000, 'A')})
    CHECK_FALSE(codec.decode("tasks", account, bad));
}

TEST_CASE("entity tags") {
  CHECK(api::etag_of(3) == "\"3\"");
  for (const char* hit : {"\"3\"", "*", "W/\"3\"", "\"9\", \"3\"", " \"3\" ,x", "\"9\",W/\"3\""})
    CHECK_MESSAGE(api::none_match_hits(hit, 3), hit);
  for (const char* miss : {"", "3", "\"33\"", "\"9\"", "**", ",", "\"3"})
    CHECK_MESSAGE(!api::none_match_hits(miss, 3), miss);

  CHECK(api::parse_if_match(" * ").is_any);
  using Versions = std::vector<std::uint32_t>;
  struct Row {
    const char* header;
    Versions versions;
  };
  for (const Row& row : {Row{"\"7\"", {7}},
                         {"\"7\", \"8\"", {7, 8}},
                         {" \"9\" ,\t\"7\",, ", {9, 7}},
                         {"\"a,b\", \"7\"", {7}},  // another's tag may hold a comma
                         {"W/\"7\", \"8\"", {8}},  // weak tags never match here
                         {"W/\"7\"", {}},
                         {"\"07\", \"+7\", \" 7\", \"x\", \"\"", {}},
                         {"\"-1\", \"4294967296\", \"999999999999999\"", {}},
                         {"", {}},
                         {"7", {}},
                         {"\"7", {}},
                         {"*, \"7\"", {}},
                         {"\"7\" \"8\"", {}},
                         {"\"7\", 8", {}}}) {
    CAPTURE(row.header);
    const auto wanted = api::parse_if_match(row.header);
    CHECK_FALSE(wanted.is_any);
    CHECK(wanted.versions == row.versions);
  }
  CHECK(api::demanded_version({true, {}}, 3) == std::nullopt);
  CHECK(api::demanded_version({false, {}}, 3) == 0);
  CHECK(api::demanded_version({false, {2, 3}}, 3) == 3);
  CHECK(api::demanded_version({false, {2, 4}}, 3) == 2);
}

TEST_CASE("a caller gets another type only where it would rather have it") {
  struct Row {
    std::vector<const char*> accept;
    bool is_preferred;
  };
  for (const Row& row : {Row{{}, false},
                         {{""}, false},
                         {{"application/x-ndjson"}, true},
                         {{"Application/X-NDJSON; charset=utf-8"}, true},
                         {{"application/x-ndjson;q=0"}, false},
                         {{"application/x-ndjson; q=0.0, */*"}, false},
                         {{"application/x-ndjson, */*;q=0.1"}, true},
                         {{"application/x-ndjson, */*"}, true},
                         {{"application/x-ndjson;q=0.5, */*"}, false},
                         {{"application/x-ndjson;q=0.5, application/*;q=0.4"}, true},
                         {{"application/json, application/x-ndjson"}, false},  // all that a client can read
                         {{"application/json;q=0.9, application/x-ndjson"}, true},
                         {{"application/json;q=0.9", "application/x-ndjson"}, true},
                         {{"application/json, application/x-ndjson;q=0.999"}, false},
                         {{"application/json;q=0, */*"}, true},
                         {{"*/*"}, false},
                         {{"application/*"}, false},
                         {{"text/html, application/xhtml+xml"}, false},
                         {{"application/x-ndjson;q=2"}, false},
                         {{"application/x-ndjson;q=0.1234"}, false},
                         {{"application/x-ndjson;q="}, false},
                         {{"application/x-ndjson;version=2"}, false},
                         {{"text/x;note=\"application/x-ndjson, application/x-ndjson\""}, false},
                         {{"application/x-ndjsonx"}, false}}) {
    http::Headers headers;
    for (const char* line : row.accept) headers.add("accept", line);
    CAPTURE(row.accept.size());
    if (!row.accept.empty()) CAPTURE(std::string(row.accept.front()));
    CHECK(api::prefers(headers, "application/x-ndjson", "application/json") == row.is_preferred);
  }
}

TEST_CASE("query parameters are read strictly and all faults are named") {
  using Query = std::vector<std::pair<std::string, std::string>>;
  const auto faults = [](Query query) {
    http::Request request;
    request.query = std::move(query);
    api::QueryReader reader(request);
    reader.integer("limit", 1, 100);
    reader.one_of<domain::TaskStatus>("status");
    reader.time("created_after");
    std::string found;
    for (const auto& error : reader.finish()) found += error.path + ":" + error.code + " ";
    return found;
  };
  CHECK(faults({}) == "");
  CHECK(faults({{"limit", "100"}, {"status", "open"}, {"created_after", "2026-01-01T00:00:00Z"}}) == "");
  CHECK(faults({{"limit", "0"}}) == "limit:out_of_range ");
  CHECK(faults({{"limit", "101"}}) == "limit:out_of_range ");
  CHECK(faults({{"limit", "-1"}}) == "limit:out_of_range ");
  CHECK(faults({{"limit", "99999999999999999999"}}) == "limit:out_of_range ");
  CHECK(faults({{"limit", ""}}) == "limit:invalid_type ");
  CHECK(faults({{"limit", "1.5"}}) == "limit:invalid_type ");
  CHECK(faults({{"limit", "-"}}) == "limit:invalid_type ");
  CHECK(faults({{"status", "none"}}) == "status:invalid_value ");
  CHECK(faults({{"status", "OPEN"}}) == "status:invalid_value ");
  CHECK(faults({{"created_after", "yesterday"}}) == "created_after:invalid_value ");
  CHECK(faults({{"limit", "1"}, {"limit", "2"}}) == "limit:duplicate_field ");
  CHECK(faults({{"x", "1"}, {"x", "2"}, {"limit", "0"}}) == "limit:out_of_range x:unknown_field ");
}

TEST_CASE("text becomes HTML that shows it") {
  CHECK(api::escape_html("<script>alert('1')</script> & \"x\"") ==
        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
  CHECK(api::escape_html("日本語 {{7*7}}") == "日本語 {{7*7}}");
  CHECK(api::dollars({0}) == "$0.00");
  CHECK(api::dollars({5}) == "$0.05");
  CHECK(api::dollars({123'456}) == "$1234.56");
  CHECK(api::dollars({-250}) == "-$2.50");
}

TEST_CASE("forms") {
  using api::only_value;
  CHECK(only_value("action=pay", "action") == "pay");
  CHECK(only_value("x=1&action=pa%79&&y", "action") == "pay");
  CHECK(only_value("action=a+b%41", "action") == "a bA");
  CHECK_FALSE(only_value("", "action"));
  CHECK_FALSE(only_value("action=pay&action=cancel", "action"));
  CHECK_FALSE(only_value("action=%zz", "action"));
  CHECK_FALSE(only_value("action=%4", "action"));
}
