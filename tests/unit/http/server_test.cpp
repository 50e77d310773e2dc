// What the server answers, seen from the wire.
#include <doctest/doctest.h>

#include "tests/unit/http/house.hpp"
#include "tests/unit/http/raw_client.hpp"

namespace groundtruth::http {
namespace {

std::string post(const std::string& target, const std::string& body, const std::string& extra = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + extra + "\r\n" + body;
}

TEST_CASE("statuses of single requests") {
  House house;
  const std::string chunked = " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
  const std::string json = "Content-Type: application/json\r\n";
  struct Row {
    std::string what, bytes;
    int status;
    bool kept;
  };
  const Row rows[] = {
      {"a GET", get("/hello/you"), 200, true},
      {"a POST", post("/echo", "{}"), 200, true},
      {"an empty POST", "POST /echo HTTP/1.1\r\nHost: h\r\n\r\n", 200, true},
      {"no content", "POST /empty HTTP/1.1\r\nHost: h\r\n\r\n", 204, true},
      {"chunks", "POST /echo" + chunked + json + "\r\n2\r\n{}\r\n0\r\n\r\n", 200, true},
      {"empty chunks need no type", "POST /echo" + chunked + "\r\n0\r\n\r\n", 200, true},
      {"empty chunks where no body is", "POST /empty" + chunked + "\r\n0\r\n\r\n", 204, true},
      {"chunks where no body is", "POST /empty" + chunked + "\r\n2\r\n{}\r\n0\r\n\r\n", 400, false},
      {"a body where none is", post("/empty", "{}"), 400, true},
      {"a GET with a body", "GET /hello/x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 400, true},
      {"no such path", get("/nowhere"), 404, true},
      {"no such path, with a body", post("/nowhere", "{}"), 404, true},
      {"wrong method", "DELETE /echo HTTP/1.1\r\nHost: h\r\n\r\n", 405, true},
      {"unknown method", "BREW /echo HTTP/1.1\r\nHost: h\r\n\r\n", 405, true},
      {"unknown method and path", "BREW /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404, true},
      {"TRACE", "TRACE /echo HTTP/1.1\r\nHost: h\r\n\r\n", 405, true},
      {"no type", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 415, true},
      {"chunks without type", "POST /echo" + chunked + "\r\n2\r\n{}\r\n0\r\n\r\n", 415, true},
      {"a form", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
       415, true},
      {"any type where raw is taken",
       "PUT /raw HTTP/1.1\r\nHost: h\r\nContent-Type: video/mp4\r\nContent-Length: 2\r\n\r\n{}", 200, true},
      {"gzip", post("/echo", "{}", "Content-Encoding: gzip\r\n"), 415, true},
      {"identity", post("/echo", "{}", "Content-Encoding: Identity\r\n"), 200, true},
      {"a body at the limit", post("/echo", std::string(1024, ' ')), 200, true},
      {"a body past it", post("/echo", std::string(1025, ' ')), 413, true},
      {"a body far past it", post("/echo", std::string(100'000, ' ')), 413, false},
      {"chunks past the limit",
       "POST /echo" + chunked + json + "\r\n401\r\n" + std::string(1025, ' ') + "\r\n0\r\n\r\n", 413, false},
      {"a body announced and not sent",
       "POST /echo HTTP/1.1\r\nHost: h\r\n" + json + "Content-Length: 99999999\r\n\r\n", 413, false},
      {"a header too large", get("/hello/x", "X: " + std::string(20'000, 'x') + "\r\n"), 431, false},
      {"both lengths", "POST /echo" + chunked + "Content-Length: 3\r\n\r\n0\r\n\r\n", 400, false},
      {"no host", "GET /hello/x HTTP/1.1\r\n\r\n", 400, false},
      {"a bad escape", get("/hello/%zz"), 400, false},
      {"nonsense", "nonsense\r\n\r\n", 400, false},
      {"close", get("/hello/x", "Connection: close\r\n"), 200, false},
      {"HTTP/1.0", "GET /hello/x HTTP/1.0\r\n\r\n", 200, false},
      {"HTTP/1.0 kept alive", "GET /hello/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, true},
      {"not allowed by the guard", post("/guarded", "{}"), 401, true},
      {"the guard is before the type", "POST /guarded HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
       401, true},
      {"allowed by the guard", post("/guarded", "{}", "Authorization: x\r\n"), 200, true},
      {"a throwing guard", get("/hello/x", "X-Throw: 1\r\n"), 500, true},
      {"a throwing handler", get("/broken"), 500, true},
      {"a handler that throws a number", get("/oddly-broken"), 500, true},
      {"a dropped callback", get("/dropped"), 500, true},
      {"an operation that cannot begin", get("/throwing-start"), 500, true},
      {"a callback at once", get("/at-once"), 200, true},
      {"a callback from a thread", get("/thread"), 200, true},
      {"an absolute target", get("http://h/hello/x"), 200, true},
      {"an empty line first", "\r\n" + get("/hello/x"), 200, true},
      {"everything has options", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 204, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    RawClient client(house.port());
    client.send(row.bytes);
    const Answer answer = client.receive();
    CHECK(answer.status == row.status);
    CHECK(answer.complete);
    CHECK(answer.header("x-request-id").size() == 24);
    CHECK(answer.header("date").size() == 29);
    CHECK(answer.header("x-finished") == "yes");
    if (row.kept) {
      CHECK(answer.header("connection") != "close");
      const Answer next = client.ask(get("/hello/again"));
      CHECK(next.status == 200);
      CHECK(next.body == "hello again");
    } else {
      CHECK(answer.header("connection") == "close");
      client.shut_down_sending();
      CHECK(client.ends());
    }
  }
}

TEST_CASE("pipelined requests are answered in order, also behind one that waits") {
  House house;
  RawClient client(house.port());
  client.send(get("/wait") + post("/echo", "{\"n\":1}") + post("/nowhere", "{}") + get("/hello/you"));
  house.stage->take()("late");
  CHECK(client.receive().body == "late");
  CHECK(client.receive().body == "{\"n\":1}");
  CHECK(client.receive().status == 404);
  CHECK(client.receive().body == "hello you");

  std::string many;
  for (int i = 0; i < 2000; ++i) many += get("/hello/" + std::to_string(i));
  client.send(many);
  for (int i = 0; i < 2000; ++i) REQUIRE(client.receive().body == "hello " + std::to_string(i));
}

TEST_CASE("what follows a closing request is not run") {
  House house;
  RawClient client(house.port());
  client.send(get("/hello/one", "Connection: close\r\n") + get("/hello/two"));
  CHECK(client.receive().body == "hello one");
  client.shut_down_sending();
  CHECK(client.ends());
  for (const auto& note : house.stage->notes()) CHECK(note.find("/hello/two") == std::string::npos);
}

TEST_CASE("a request byte by byte, and a large body") {
  House house;
  RawClient client(house.port());
  for (const char c : post("/echo", "{\"slow\":true}")) REQUIRE(client.send(std::string_view(&c, 1)));
  CHECK(client.receive().body == "{\"slow\":true}");
  const std::string large(1024 * 1024, 'y');
  client.send("PUT /raw HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n" +
              large);
  CHECK(client.receive().body == large);
}

TEST_CASE("a client that has finished sending still gets its answer") {
  House house;
  RawClient client(house.port());
  client.send(get("/hello/you"));
  client.shut_down_sending();
  CHECK(client.receive().body == "hello you");
  CHECK(client.ends());
}

TEST_CASE("Expect: 100-continue") {
  House house;
  const std::string expect =
      "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  SUBCASE("comes before the body") {
    RawClient client(house.port());
    CHECK(client.ask("POST /echo HTTP/1.1\r\nHost: h\r\n" + expect).status == 100);
    const Answer answer = client.ask("{}");
    CHECK(answer.status == 200);
    CHECK(answer.body == "{}");
    CHECK(client.ask(get("/hello/x")).status == 200);
  }
  SUBCASE("is left out when the body is there") {
    RawClient client(house.port());
    CHECK(client.ask("POST /echo HTTP/1.1\r\nHost: h\r\n" + expect + "{}").status == 200);
  }
  SUBCASE("is refused by the guard") {
    RawClient client(house.port());
    const Answer answer = client.ask("POST /guarded HTTP/1.1\r\nHost: h\r\n" + expect);
    CHECK(answer.status == 401);
    CHECK(answer.header("connection") == "close");
  }
}

TEST_CASE("HEAD is GET without body") {
  House house;
  RawClient client(house.port());
  client.send("HEAD /hello/you HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer head = client.receive(true);
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == "9");
  client.send("HEAD /numbers HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.receive(true).header("transfer-encoding") == "chunked");
  client.send("HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.receive(true).status == 404);
  CHECK(client.ask(get("/hello/you")).body == "hello you");
}

TEST_CASE("OPTIONS and CORS") {
  const std::string preflight =
      "OPTIONS /echo HTTP/1.1\r\nHost: h\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: "
      "POST\r\n"
      "Access-Control-Request-Headers: authorization, content-type\r\n\r\n";
  SUBCASE("unconfigured") {
    House house;
    RawClient client(house.port());
    const Answer answer = client.ask(preflight);
    CHECK(answer.status == 204);
    CHECK(answer.header("allow") == "POST, OPTIONS");
    CHECK(answer.header("access-control-allow-origin").empty());
    CHECK(answer.header("access-control-allow-methods").empty());
    CHECK(client.ask("OPTIONS /nowhere HTTP/1.1\r\nHost: h\r\n\r\n").status == 404);
    CHECK(client.ask("DELETE /hello/x HTTP/1.1\r\nHost: h\r\n\r\n").header("allow") == "GET, HEAD, OPTIONS");
  }
  SUBCASE("for one origin") {
    ServerOptions options;
    options.cors_origins = {"https://app.test"};
    House house(options);
    RawClient client(house.port());
    const Answer answer = client.ask(preflight);
    CHECK(answer.status == 204);
    CHECK(answer.header("access-control-allow-origin") == "https://app.test");
    CHECK(answer.header("access-control-allow-methods") == "POST, OPTIONS");
    CHECK(answer.header("access-control-allow-headers") == "authorization, content-type");
    const Answer plain = client.ask(get("/hello/x", "Origin: https://app.test\r\n"));
    CHECK(plain.header("access-control-allow-origin") == "https://app.test");
    CHECK(plain.header("access-control-expose-headers").find("Journal-Position") != std::string::npos);
    CHECK(plain.header("vary") == "Origin");
    const Answer other = client.ask(get("/hello/x", "Origin: https://evil.test\r\n"));
    CHECK(other.status == 200);
    CHECK(other.header("access-control-allow-origin").empty());
    CHECK(other.header("vary") == "Origin");
  }
  SUBCASE("for all") {
    ServerOptions options;
    options.cors_origins = {"*"};
    House house(options);
    RawClient client(house.port());
    CHECK(client.ask(get("/hello/x", "Origin: https://any.test\r\n")).header("access-control-allow-origin") ==
          "*");
  }
}

TEST_CASE("headers of every response") {
  House house;
  RawClient client(house.port());
  const Answer plain = client.ask(get("/hello/x", "X-Request-Id: my.own-id_1\r\n"));
  CHECK(plain.header("x-request-id") == "my.own-id_1");
  CHECK(plain.header("cache-control") == "no-store");
  CHECK(plain.header("content-security-policy") == "frame-ancestors 'none'");
  CHECK(plain.header("x-content-type-options") == "nosniff");
  CHECK(plain.header("x-frame-options") == "DENY");
  CHECK(plain.header("referrer-policy") == "no-referrer");
  CHECK(plain.headers.count("strict-transport-security") == 1);
  CHECK(plain.headers.count("permissions-policy") == 1);
  CHECK(client.ask(get("/nowhere", "X-Request-Id: bad id\r\n")).header("x-request-id").size() == 24);
  CHECK(client.ask(get("/nowhere", "X-Request-Id: " + std::string(129, 'a') + "\r\n"))
            .header("x-request-id")
            .size() == 24);
  const Answer own = client.ask(get("/headers?v=1%0d%0aX-Injected:%201"));
  CHECK(own.header("cache-control") == "max-age=60");
  CHECK(own.header("content-length") == "0");
  CHECK(own.headers.count("set-cookie") == 0);
  CHECK(own.headers.count("x-injected") == 0);
  CHECK(own.header("x-frame-options") == "DENY");
  CHECK(client.ask(get("/hello/x")).status == 200);
  const Answer none = client.ask("POST /empty HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(none.headers.count("content-length") == 0);
  CHECK(none.headers.count("content-type") == 0);
}

TEST_CASE("a fault is logged, and opaque to the client") {
  House house;
  RawClient client(house.port());
  const Answer answer = client.ask(get("/broken"));
  CHECK(answer.body == "{\"error\":\"internal error\"}");
  CHECK(house.stage->wait_for_note("error: the database is on fire"));
  CHECK(house.stage->wait_for_note("GET /broken broken 500"));
}

TEST_CASE("streamed responses") {
  House house;
  std::string numbers;
  for (int i = 0; i < 1000; ++i) numbers += std::to_string(i) + "\n";
  RawClient client(house.port());
  const Answer chunked = client.ask(get("/numbers"));
  CHECK(chunked.complete);
  CHECK(chunked.body == numbers);
  CHECK(chunked.header("content-type") == "application/x-ndjson");
  CHECK(client.ask(get("/halting")).body == "partpart");
  CHECK(client.ask(get("/hello/x")).status == 200);

  const Answer broken = client.ask(get("/breaking"));
  CHECK(broken.status == 200);
  CHECK(!broken.complete);
  CHECK(house.stage->wait_for_note("error: the stream broke"));

  RawClient old(house.port());
  const Answer closed = old.ask("GET /numbers HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(closed.header("connection") == "close");
  CHECK(closed.body == numbers);
}

TEST_CASE("a stream ends when nobody listens") {
  House house;
  {
    RawClient client(house.port());
    client.send(get("/endless"));
  }
  CHECK(house.stage->wait_for_note("GET /endless endless 200"));
}

}  // namespace
}  // namespace groundtruth::http
