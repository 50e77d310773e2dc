// Which surface and which route answer a request.
#include "api/http/router.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "api/http/response_head.hpp"
#include "api/http/target.hpp"

namespace groundtruth::http {
namespace {

Async<Response> nothing(Request&) {
  co_return Response{};
}

Route route(Method method, std::string_view pattern, std::string_view operation) {
  return Route{method, pattern, operation, nothing};
}

Surface surface(std::string name, std::vector<std::string> hosts, std::string prefix,
                std::vector<Route> routes) {
  Surface made;
  made.name = std::move(name);
  made.hosts = std::move(hosts);
  made.routes = std::move(routes);
  made.claims = [prefix](const Request& request) {
    return !prefix.empty() && request.path.starts_with(prefix);
  };
  return made;
}

Router example() {
  std::vector<Surface> surfaces;
  surfaces.push_back(
      surface("workflows", {"api.verified.test"}, "/v1/",
              {route(Method::post, "/v1/tasks", "createTask"), route(Method::get, "/status", "status")}));
  surfaces.push_back(surface(
      "groundtruth", {"gt.test"}, "/api/v1/",
      {route(Method::get, "/api/v1/tasks", "listTasks"), route(Method::post, "/api/v1/tasks", "createTask"),
       route(Method::get, "/api/v1/tasks/{id}", "getTask"), route(Method::get, "/api/v1/tasks/feed", "feed"),
       route(Method::post, "/api/v1/tasks/{task}/cancel", "cancelTask"),
       route(Method::get, "/api/v1/tasks/{id}/proofs/{proof}", "getProof"),
       route(Method::del, "/api/v1/only-delete", "remove"), route(Method::get, "/status", "status")}));
  surfaces.push_back(surface("media", {}, "/media/", {route(Method::get, "/media/{name}", "download")}));
  surfaces.back().on_every_host = true;
  surfaces.push_back(surface("engagements", {}, "", {route(Method::get, "/", "home")}));
  return Router(std::move(surfaces));
}

Request request(Method method, std::string target, std::string host = "localhost:8080") {
  Request made;
  made.method = method;
  made.target = std::move(target);
  made.headers.add("Host", host);
  REQUIRE(parse_target(made));
  return made;
}

TEST_CASE("a request finds its operation") {
  const Router router = example();
  struct Row {
    Method method;
    std::string target, host, surface, operation, allow;
  };
  const Row rows[] = {
      {Method::get, "/api/v1/tasks", "localhost", "groundtruth", "listTasks", ""},
      {Method::get, "/api/v1/tasks?status=open", "localhost", "groundtruth", "listTasks", ""},
      {Method::head, "/api/v1/tasks", "localhost", "groundtruth", "listTasks", ""},
      {Method::get, "/api/v1/tasks/42", "localhost", "groundtruth", "getTask", ""},
      {Method::get, "/api/v1/tasks/feed", "localhost", "groundtruth", "feed", ""},
      {Method::post, "/api/v1/tasks/feed/cancel", "localhost", "groundtruth", "cancelTask", ""},
      {Method::get, "/api/v1/tasks/a%2Fb", "localhost", "groundtruth", "getTask", ""},
      {Method::get, "/api%2Fv1/tasks", "localhost", "groundtruth", "", ""},
      {Method::get, "/api/v1/tasks/", "localhost", "groundtruth", "", ""},
      {Method::get, "/api/v1//tasks", "localhost", "groundtruth", "", ""},
      {Method::get, "/api/v1/tasks/../tasks", "localhost", "groundtruth", "", ""},
      {Method::put, "/api/v1/tasks", "localhost", "groundtruth", "", "GET, HEAD, POST, OPTIONS"},
      {Method::options, "/api/v1/tasks", "localhost", "groundtruth", "", "GET, HEAD, POST, OPTIONS"},
      {Method::get, "/api/v1/only-delete", "localhost", "groundtruth", "", "DELETE, OPTIONS"},
      {Method::post, "/v1/tasks", "localhost", "workflows", "createTask", ""},
      {Method::get, "/nowhere", "localhost", "engagements", "", ""},
      {Method::get, "/", "localhost", "engagements", "home", ""},
      {Method::get, "/status", "API.verified.test:443", "workflows", "status", ""},
      {Method::get, "/status", "gt.test", "groundtruth", "status", ""},
      {Method::get, "/api/v1/tasks", "api.verified.test", "workflows", "", ""},
      {Method::get, "/media/a", "localhost", "media", "download", ""},
      {Method::get, "/media/a", "gt.test", "media", "download", ""},
      {Method::get, "/", "gt.test", "groundtruth", "", ""},
      {Method::get, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", "localhost", "engagements", "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target);
    CAPTURE(row.host);
    Request asked = request(row.method, row.target, row.host);
    const Match match = router.match(asked);
    CHECK(match.surface->name == row.surface);
    CHECK((match.route ? match.route->operation : "") == row.operation);
    CHECK(join(match.allowed) == row.allow);
  }
}

TEST_CASE("path parameters are whole segments, decoded") {
  const Router router = example();
  Request asked = request(Method::get, "/api/v1/tasks/t%20%2F1/proofs/p%C3%A9");
  REQUIRE(router.match(asked).route);
  CHECK(asked.param("id") == "t /1");
  CHECK(asked.param("proof") == "p\xC3\xA9");
  CHECK(asked.param("task").empty());
}

TEST_CASE("a wrong routes table is an error at the start") {
  for (const auto& [first, second] : {std::pair{"/a/{x}", "/a/{y}"}, {"/a", "b"}, {"/a", "/a/{x}:go"}}) {
    CAPTURE(second);
    std::vector<Surface> surfaces;
    surfaces.push_back(
        surface("s", {}, "", {route(Method::get, first, "a"), route(Method::get, second, "b")}));
    CHECK_THROWS_AS(Router{std::move(surfaces)}, std::invalid_argument);
  }
  CHECK_THROWS_AS(Router{std::vector<Surface>{}}, std::invalid_argument);
}

TEST_CASE("targets are decoded strictly") {
  struct Row {
    std::string target;
    bool good;
    std::string path;
    std::vector<std::pair<std::string, std::string>> query;
  };
  using namespace std::string_literals;
  const Row rows[] = {
      {"/a%20b?x=1&x=2&y", true, "/a b", {{"x", "1"}, {"x", "2"}, {"y", ""}}},
      {"/?q=a+b%2B%26&&", true, "/", {{"q", "a b+&"}}},
      {"/a+b", true, "/a+b", {}},
      {"http://localhost/x?y=1", true, "/x", {{"y", "1"}}},
      {"HTTP://LOCALHOST", true, "/", {}},
      {"http://localhost?y=1", true, "/", {{"y", "1"}}},
      {"http://elsewhere/x", false, "", {}},
      {"ftp://localhost/x", false, "", {}},
      {"localhost:80", false, "", {}},
      {"*", false, "", {}},
      {"/a#b", false, "", {}},
      {"/%00", false, "", {}},
      {"/%", false, "", {}},
      {"/%2", false, "", {}},
      {"/%zz", false, "", {}},
      {"/?a=%00", false, "", {}},
      {"/?a=%f", false, "", {}},
      {"/%ff", false, "", {}},
      {"/%c0%af", false, "", {}},        // an overlong slash
      {"/%ed%a0%80", false, "", {}},     // a surrogate
      {"/%f4%90%80%80", false, "", {}},  // past U+10FFFF
      {"/%e2%82", false, "", {}},
      {"/%f0%9f%98%80", true, "/\xF0\x9F\x98\x80", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target);
    Request made;
    made.target = row.target;
    made.headers.add("Host", "localhost");
    REQUIRE(parse_target(made) == row.good);
    if (!row.good) continue;
    CHECK(made.path == row.path);
    CHECK(made.query == row.query);
  }
}

TEST_CASE("headers compare without case, and spare fields are never seen") {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("ACCEPT", "b");
  headers.add("Host", "h");
  CHECK(headers.count("accept") == 2);
  CHECK(headers.find("aCCept") == "a");
  headers.set("accept", "c");
  CHECK(headers.count("accept") == 1);
  CHECK(headers.find("Accept") == "c");
  headers.clear();
  headers.add("X", "y");
  CHECK(headers.size() == 1);
  CHECK(!headers.find("Host"));
  headers.set("Host", "other");
  CHECK(headers.find("Host") == "other");
  CHECK(headers.size() == 2);
}

}  // namespace
}  // namespace groundtruth::http
