// What exists only with --dev, and the public pages.
#include <doctest/doctest.h>

#include "tests/unit/api/house.hpp"

using namespace groundtruth;
using namespace groundtruth::api::testing;
using http::Method;

namespace {

const std::string kTasks = "/api/v1/tasks";
const std::string kBody =
    R"({"title":"A <b>street</b>","instructions":"Steady hand.","modalities":["video"],"reward_cents":250,"target_submissions":100})";

}  // namespace

TEST_CASE("the local checkout shows a task, takes its payment once, and lets go of it") {
  House house;
  const auto org = house.organization();
  const std::string paid = text_of(house.call(Method::post, kTasks, org.key, kBody), "id");
  const std::string left = text_of(house.call(Method::post, kTasks, org.key, kBody), "id");
  const std::string page = "/dev/checkout/" + paid;

  const auto shown = house.call(Method::get, page, {});
  CHECK(shown.status == 200);
  CHECK(shown.content_type.starts_with("text/html"));
  CHECK(shown.body.find("A &lt;b&gt;street") != std::string::npos);
  CHECK(header(shown, "Content-Security-Policy")->find("default-src 'none'") != std::string::npos);
  for (const char* form : {"", "action=", "action=steal", "action=pay&action=cancel"})
    CHECK(house.call(Method::post, page, {}, form).status == 400);
  CHECK(text_of(house.call(Method::get, kTasks + "/" + paid, org.key), "status") == "funding");

  const auto answer = house.call(Method::post, page, {}, "action=pay");
  CHECK(answer.status == 303);
  CHECK(header(answer, "Location") == page);
  CHECK(text_of(house.call(Method::get, kTasks + "/" + paid, org.key), "status") == "open");
  CHECK(house.call(Method::get, page, {}).body.find("<form") == std::string::npos);
  CHECK(house.call(Method::post, page, {}, "action=pay").status == 303);     // as it was
  CHECK(house.call(Method::post, page, {}, "action=cancel").status == 409);  // paid: only its owner may

  CHECK(house.call(Method::post, "/dev/checkout/" + left, {}, "action=cancel").status == 303);
  CHECK(text_of(house.call(Method::get, kTasks + "/" + left, org.key), "status") == "cancelled");
  for (const char* wrong :
       {"/dev/checkout/x", "/dev/checkout/tsk_00000000000000000000000000", "/dev/checkout/"}) {
    CHECK(house.call(Method::get, wrong, {}).status == 404);
    CHECK(house.call(Method::post, wrong, {}, "action=pay").status == 404);
  }
}

TEST_CASE("the echo reads and writes as the real routes do") {
  House house;
  CHECK(house.call(Method::post, "/dev/echo", {}, kBody).body ==
        kBody.substr(0, kBody.size() - 1) + R"(,"deadline":null})");
  CHECK(house.call(Method::post, "/dev/echo", {}, R"( {"a": [1, "b"]} )").body == R"({"a":[1,"b"]})");
  CHECK(house.call(Method::post, "/dev/echo", {}, "{").status == 400);
  CHECK(house.call(Method::post, "/dev/echo", {}, "[]").status == 400);
  CHECK(house.call(Method::post, "/dev/echo", {}, R"({"title":""})").status == 400);
  CHECK(house.call(Method::post, "/dev/echo", {}, R"({"a":1,"a":2})").status == 400);
}

TEST_CASE("public pages need nobody's key and load nothing from elsewhere") {
  House house;
  for (const char* path :
       {"/", "/docs/groundtruth", "/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js",
        "/docs/assets/groundtruth-init.js", "/docs/assets/index.css", "/openapi/groundtruth.json"}) {
    const auto page = house.call(Method::get, path, {});
    CHECK_MESSAGE(page.status == 200, path);
    CHECK_FALSE(page.content().empty());
    CHECK(page.content().find("//") == std::string::npos);
    CHECK(house.call(Method::get, path, {}, {}, {{"If-None-Match", *header(page, "ETag")}}).status == 304);
  }
  CHECK(house.call(Method::get, "/openapi/groundtruth.json", {}).content() == "groundtruth.json");
  for (const char* path : {"/docs/nothing", "/docs/assets/nothing", "/openapi/nothing.json", "/nothing"})
    CHECK(house.call(Method::get, path, {}).status == 404);
  CHECK(house.call(Method::get, "/", house.organization().key).status ==
        404);  // an API client that lost its way
}
