// The groundtruth surface from route to answer, in the words of its contract.
#include <doctest/doctest.h>

#include <functional>
#include <future>
#include <map>
#include <thread>

#include "tests/unit/api/house.hpp"

using namespace groundtruth;
using namespace groundtruth::api::testing;
using http::Method;

namespace {

const std::string kTasks = "/api/v1/tasks";
const std::string kKeys = "/api/v1/api-keys";
const std::string kBody =
    R"({"title":"Record a busy street scene","instructions":"Steady hand.","modalities":["video"],)"
    R"("reward_cents":250,"target_submissions":100})";
const House::Headers kKeyed = {{"Idempotency-Key", "one"}};

}  // namespace

TEST_CASE("a task is made, read, listed and cancelled") {
  House house;
  const auto org = house.organization();
  const auto made = house.call(Method::post, kTasks, org.key, kBody);
  REQUIRE(made.status == 201);
  CHECK(made.body.starts_with(R"({"id":"tsk_)"));
  CHECK(header(made, "Journal-Position")->starts_with("tasks."));
  CHECK_FALSE(header(made, "Idempotent-Replayed"));
  CHECK(header(made, "X-RateLimit-Limit") == "600");
  CHECK(header(made, "X-RateLimit-Remaining") == "599");
  REQUIRE(house.payments.requests.size() == 1);
  CHECK(house.payments.requests[0].amount_cents == domain::Cents{25'000});

  const std::string path = kTasks + "/" + text_of(made, "id");
  const auto read =
      house.call(Method::get, path, org.key, {}, {{"Journal-Position", *header(made, "Journal-Position")}});
  CHECK(read.status == 200);
  CHECK(read.body == made.body);
  CHECK(header(read, "ETag") == header(made, "ETag"));
  const auto same = house.call(Method::get, path, org.key, {}, {{"If-None-Match", *header(read, "ETag")}});
  CHECK(same.status == 304);
  CHECK(same.body.empty());

  const auto list = house.call(Method::get, kTasks + "?status=funding&limit=1", org.key);
  CHECK(list.body == R"({"data":[)" + made.body +
                         R"(],"pagination":{"total":1,"page":1,"per_page":1,"next_cursor":null}})");

  CHECK(house.call(Method::post, path + "/cancel", org.key, {}, {{"If-Match", "\"9\""}}).status == 412);
  CHECK(house.call(Method::post, path + "/cancel", org.key, {}, {{"If-Match", "9"}}).status == 412);
  CHECK(house.call(Method::post, path + "/cancel", org.key, R"({"why":1})").status == 400);
  const auto cancelled =
      house.call(Method::post, path + "/cancel", org.key, "{}", {{"If-Match", *header(read, "ETag")}});
  CHECK(cancelled.status == 200);
  CHECK(text_of(cancelled, "status") == "cancelled");
  const auto again = house.call(Method::post, path + "/cancel", org.key);
  CHECK(again.status == 409);
  CHECK(again.body.find(R"("details":{"status":"cancelled"})") != std::string::npos);
}

TEST_CASE("a retry gets the first answer, and asks for the same checkout") {
  House house;
  const auto org = house.organization();
  const auto first = house.call(Method::post, kTasks, org.key, kBody, kKeyed);
  const auto again = house.call(Method::post, kTasks, org.key, kBody, {{"Idempotency-Key", "\"one\""}});
  CHECK(first.status == 201);
  CHECK(again.status == 201);
  CHECK(again.body == first.body);
  CHECK(header(again, "Idempotent-Replayed") == "true");
  CHECK(header(again, "Journal-Position") == header(first, "Journal-Position"));
  REQUIRE(house.payments.requests.size() == 2);
  CHECK(house.payments.requests[0].checkout == house.payments.requests[1].checkout);

  CHECK(house.call(Method::post, kTasks, org.key, kBody + " ", kKeyed).status == 409);
  CHECK(house.call(Method::post, kTasks, org.key, kBody, {{"Idempotency-Key", ""}}).status == 400);

  const std::string cancel = kTasks + "/" + text_of(first, "id") + "/cancel";
  CHECK(house.call(Method::post, cancel, org.key).status == 200);
  const auto refused = house.call(Method::post, cancel, org.key, {}, kKeyed);
  const auto refused_again = house.call(Method::post, cancel, org.key, {}, kKeyed);
  CHECK(refused.status == 409);
  CHECK(refused_again.body == refused.body);
  CHECK(header(refused_again, "Idempotent-Replayed") == "true");
}

TEST_CASE("shape is refused before anything is done outside") {
  House house;
  const auto org = house.organization();
  CHECK(house.call(Method::post, kTasks, org.key, "{").status == 400);
  CHECK(house.call(Method::post, kTasks, org.key, "").status == 400);
  CHECK(house.call(Method::post, kTasks + "?x=1", org.key, kBody).status == 400);
  std::string small = kBody;
  small.replace(small.find("100}"), 4, "1}");
  const auto poor = house.call(Method::post, kTasks, org.key, small);
  CHECK(poor.status == 400);
  CHECK(poor.body.find(R"("details":{"budget_cents":250,"required_cents":2500})") != std::string::npos);
  CHECK(house.payments.requests.empty());

  house.payments.is_down = true;
  const auto down = house.call(Method::post, kTasks, org.key, kBody);
  CHECK(down.status == 503);
  CHECK(header(down, "Retry-After"));
  CHECK(down.body.find("payments.provider") != std::string::npos);
}

TEST_CASE("a foreign resource answers in the bytes of one that does not exist") {
  House house;
  const auto org = house.organization(), stranger = house.organization();
  const auto task = house.call(Method::post, kTasks, org.key, kBody);
  const std::string real = kTasks + "/" + text_of(task, "id"),
                    none = kTasks + "/tsk_00000000000000000000000000";
  CHECK(house.call(Method::get, real, stranger.key).body == house.call(Method::get, none, stranger.key).body);
  for (const auto& path : {real, none, kTasks + "/x"}) {
    CHECK(house.call(Method::get, path, stranger.key).status == 404);
    CHECK(house.call(Method::post, path + "/cancel", stranger.key).status == 404);
    CHECK(house.call(Method::post, path + "/cancel", stranger.key, {}, {{"If-Match", "\"9\""}}).status ==
          404);
  }
  CHECK(house.call(Method::del, kKeys + "/" + org.key_id.value, stranger.key).status == 404);
  CHECK(house.call(Method::get, real, org.key).status == 200);
}

TEST_CASE("who may come in") {
  House house;
  const auto org = house.organization();
  const std::string reader = house.add_key(org, {domain::Scope::read});
  const std::string writer = house.add_key(org, {domain::Scope::write});
  std::string wrong = org.key;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  for (const auto& key : {std::string(), std::string("x"), wrong}) {
    const auto refused = house.call(Method::get, kTasks, key);
    CHECK(refused.status == 401);
    CHECK(header(refused, "WWW-Authenticate") == "Bearer");
    CHECK_FALSE(header(refused, "X-RateLimit-Limit"));
  }
  CHECK(house.call(Method::get, kTasks, reader).status == 200);
  CHECK(house.call(Method::post, kTasks, reader, "{").status == 403);
  CHECK(house.call(Method::post, kTasks, writer, kBody).status == 201);
  CHECK(house.call(Method::get, kKeys, writer).status == 403);
  CHECK(house.call(Method::get, kKeys, org.key).status == 200);
}

TEST_CASE("keys are made, shown once, listed, used and revoked") {
  House house;
  const auto org = house.organization();
  const std::string body = R"({"name":"dashboard","scopes":["read"]})";
  const auto made = house.call(Method::post, kKeys, org.key, body, kKeyed);
  REQUIRE(made.status == 201);
  const std::string secret = text_of(made, "secret"), id = text_of(made, "id");
  const auto replay = house.call(Method::post, kKeys, org.key, body, kKeyed);
  CHECK(replay.status == 201);
  CHECK(replay.body + R"(,"secret":")" ==
        made.body.substr(0, made.body.find(R"(,"secret")")) + "}" + R"(,"secret":")");

  CHECK(house.call(Method::get, kTasks, secret).status == 200);
  bool used = false;
  for (int i = 0; i < 300 && !used; ++i) {
    const auto list = house.call(Method::get, kKeys + "?limit=1", org.key);
    CHECK(list.body.find(secret) == std::string::npos);
    used = list.body.find(R"(:00Z","expires_at":null}],"pagination":{"total":2)") != std::string::npos;
    if (!used) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(used);

  const auto revoked = house.call(Method::del, kKeys + "/" + id, org.key);
  CHECK(revoked.status == 200);
  CHECK(house.call(Method::get, kTasks, secret).status == 401);
  CHECK(house.call(Method::del, kKeys + "/" + id, org.key).status == 404);
  const auto list = house.call(Method::get, kKeys, org.key);
  CHECK(list.body.find(id) == std::string::npos);
  CHECK(list.body.find(R"("total":1,)") != std::string::npos);
}

TEST_CASE("a list is walked by cursors of its own") {
  House house;
  const auto org = house.organization();
  for (int i = 0; i < 5; ++i) REQUIRE(house.call(Method::post, kTasks, org.key, kBody).status == 201);
  std::string target = kTasks + "?limit=2";
  int seen = 0;
  for (int page = 1; page <= 3; ++page) {
    const auto list = house.call(Method::get, target, org.key);
    REQUIRE(list.status == 200);
    CHECK(list.body.find("\"page\":" + std::to_string(page) + ",") != std::string::npos);
    for (std::size_t at = 0; (at = list.body.find(R"("id":"tsk_)", at)) != std::string::npos; ++at) ++seen;
    if (page < 3) target = kTasks + "?limit=2&cursor=" + text_of(list, "next_cursor");
  }
  CHECK(seen == 5);
  CHECK(house.call(Method::get, kTasks + "?cursor=cur_x", org.key).status == 400);

  for (int i = 0; i < 3; ++i) house.add_key(org, {domain::Scope::read});
  const auto keys = house.call(Method::get, kKeys + "?limit=3", org.key);
  const std::string cursor = text_of(keys, "next_cursor");
  const auto rest = house.call(Method::get, kKeys + "?limit=3&cursor=" + cursor, org.key);
  CHECK(rest.body.find(org.key_id.value) != std::string::npos);
  CHECK(rest.body.find(R"("total":4,"page":2,"per_page":3,"next_cursor":null)") != std::string::npos);
  CHECK(house.call(Method::get, kTasks + "?cursor=" + cursor, org.key).status == 400);
}

TEST_CASE("limits of keys, accounts and addresses") {
  api::groundtruth::Options options;
  options.key_limit.requests = 3;
  options.account_limit.requests = 5;
  options.address_limit.requests = 2;
  House house(options);
  const auto org = house.organization();
  const std::string second = house.add_key(org, {domain::Scope::read});
  const std::string unseen = house.add_key(org, {domain::Scope::read});
  for (int i = 0; i < 3; ++i) CHECK(house.call(Method::get, kTasks, org.key).status == 200);
  const auto refused = house.call(Method::get, kTasks, org.key);
  CHECK(refused.status == 429);
  CHECK(header(refused, "Retry-After"));
  CHECK(header(refused, "X-RateLimit-Remaining") == "0");
  for (int i = 0; i < 2; ++i) CHECK(house.call(Method::get, kTasks, second).status == 200);
  const auto together = house.call(Method::get, kTasks, second);
  CHECK(together.status == 429);
  CHECK(header(together, "X-RateLimit-Limit") == "5");

  for (int i = 0; i < 2; ++i) CHECK(house.call(Method::get, kTasks, "x").status == 401);
  CHECK(house.call(Method::get, kTasks, "x").status == 429);
  CHECK(house.call(Method::get, kTasks, unseen).status == 429);  // not known to be good yet
}

TEST_CASE("of many wrong keys at once no more are checked than the limit leaves, and the same one is one") {
  api::groundtruth::Options options;
  options.address_limit.requests = 5;
  House house(options);
  const auto org = house.organization();
  const auto ask_at_once = [&](const std::function<std::string(int)>& key_of) {
    std::vector<std::future<int>> answers;
    for (int i = 0; i < 40; ++i)
      answers.push_back(std::async(std::launch::async,
                                   [&, i] { return house.call(Method::get, kTasks, key_of(i)).status; }));
    std::map<int, int> counts;
    for (auto& answer : answers) ++counts[answer.get()];
    return counts;
  };
  const auto with_secret = [&](const std::string& end) {
    return org.key.substr(0, org.key.size() - end.size()) + end;
  };
  using Counts = std::map<int, int>;
  SUBCASE("each another") {
    CHECK(ask_at_once([&](int i) { return with_secret("00000000000" + std::to_string(10 + i)); }) ==
          Counts{{401, 5}, {429, 35}});
  }
  SUBCASE("all the same") {
    CHECK(ask_at_once([&](int) { return with_secret("0000000000000"); }) == Counts{{401, 5}, {429, 35}});
  }
  SUBCASE("of no id that there is") {
    CHECK(ask_at_once([&](int) { return std::string(org.key).replace(6, 26, 26, '0'); }) ==
          Counts{{401, 5}, {429, 35}});
  }
  SUBCASE("no key") {
    CHECK(ask_at_once([](int) { return std::string(); }) == Counts{{401, 5}, {429, 35}});
  }
}

TEST_CASE("a good key that is not known yet takes nothing of its address's limit") {
  api::groundtruth::Options options;
  options.address_limit.requests = 1;
  House house(options);
  const auto org = house.organization();
  for (int i = 0; i < 5; ++i)
    CHECK(house.call(Method::get, kTasks, house.add_key(org, {domain::Scope::read})).status == 200);
  CHECK(house.call(Method::get, kTasks, "x").status == 401);
  CHECK(house.call(Method::get, kTasks, "x").status == 429);
}

TEST_CASE("what became of a command, for its own account alone") {
  House house;
  const auto org = house.organization(), stranger = house.organization();
  const auto bucket = *domain::bucket_of(org.account.value);
  const auto made = house.call(Method::post, kTasks, org.key, kBody);
  domain::CancelTask foreign{{text_of(made, "id")}, org.account, domain::CancelReason::by_customer};
  const auto by_system = house.submit(bucket, foreign);
  REQUIRE(by_system.commit);
  const std::string commands = "/api/v1/commands/";
  CHECK(house.call(Method::get, commands + by_system.command.value, org.key).status == 404);
  CHECK(house.call(Method::get, commands + by_system.command.value, stranger.key).status == 404);
  CHECK(house.call(Method::get, commands + "cmd_00000000000000000000000000", org.key).status == 404);
  CHECK(house.call(Method::get, commands + "x", org.key).status == 404);
}

TEST_CASE("a position that is malformed, and one that is there") {
  House house;
  const auto org = house.organization();
  for (const char* bad : {"", "x", "tasks.1", "tasks.99.1", "tasks.1.1.1", "tasks.01.1"})
    CHECK(house.call(Method::get, kTasks, org.key, {}, {{"Journal-Position", bad}}).status == 400);
  api::groundtruth::Options hasty;
  hasty.position_wait = std::chrono::milliseconds(20);
  House other(hasty);
  const auto late =
      other.call(Method::get, kTasks, other.organization().key, {}, {{"Journal-Position", "tasks.1.999999"}});
  CHECK(late.status == 503);
  CHECK(header(late, "Retry-After"));
}
