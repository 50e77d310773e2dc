// Deadlines, caps and stopping. Short limits are the server's options; nothing here sleeps.
#include <doctest/doctest.h>

#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "tests/unit/http/house.hpp"
#include "tests/unit/http/raw_client.hpp"

namespace groundtruth::http {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a header that does not come is answered by 408") {
  ServerOptions options;
  options.header_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  const Answer answer = client.ask("GET /hello/x HTTP/1.1\r\nHost:");
  CHECK(answer.status == 408);
  CHECK(answer.header("connection") == "close");
  RawClient other(house.port());
  CHECK(other.ask("G").status == 408);
}

TEST_CASE("dripping does not prolong a header") {
  ServerOptions options;
  options.header_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  client.send("GET /hello/x HTTP/1.1\r\nHost: h\r\nX: ");
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < begin + milliseconds(5000) && client.send("x")) {
    if (house.stage->notes().size() > 0) break;
    std::this_thread::yield();
  }
  CHECK(std::chrono::steady_clock::now() < begin + milliseconds(4000));
}

TEST_CASE("a body that does not come is answered by 408") {
  ServerOptions options;
  options.body_timeout = milliseconds(50);
  House house(options);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
  for (const char* rest : {"Content-Length: 5\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"}) {
    RawClient client(house.port());
    const Answer answer = client.ask(head + rest);
    CHECK(answer.status == 408);
    CHECK(answer.header("connection") == "close");
  }
}

TEST_CASE("an idle connection is closed in silence") {
  ServerOptions options;
  options.idle_timeout = milliseconds(50);
  House house(options);
  RawClient fresh(house.port()), used(house.port());
  CHECK(used.ask(get("/hello/x")).status == 200);
  CHECK(used.ends());
  CHECK(fresh.ends());
}

TEST_CASE("a reader that is too slow is cut") {
  ServerOptions options;
  options.write_timeout = milliseconds(100);
  House house(options);
  for (const char* target : {"/big", "/flood"}) {
    RawClient client(house.port(), 4096);
    client.send(get(target));
    CHECK(house.stage->wait_for_note("GET " + std::string(target) + " " + (target + 1) + " 200"));
    CHECK(!client.receive().complete);
  }
}

TEST_CASE("the server answers for a handler that does not") {
  ServerOptions options;
  options.handler_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  const Answer answer = client.ask(get("/wait") + get("/hello/x"));
  CHECK(answer.status == 503);
  CHECK(answer.header("retry-after") == "1");
  CHECK(answer.header("connection") == "close");
  CHECK(house.stage->wait_for_note("error: the handler did not answer in time"));
  client.shut_down_sending();
  CHECK(client.ends());
  house.stage->take()("too late");  // the handler runs on, with its request still there
  CHECK(house.stage->wait_for_note("woken"));
  CHECK(RawClient(house.port()).ask(get("/hello/x")).status == 200);
}

TEST_CASE("a client that leaves does not take its handler's request away") {
  House house;
  {
    RawClient client(house.port());
    client.send(get("/wait"));
    const auto callback = house.stage->take();
    REQUIRE(callback);
    house.stage->park(callback);
  }
  house.stage->take()("nobody listens");
  CHECK(house.stage->wait_for_note("woken"));
}

TEST_CASE("connections past the cap are answered by 503 and closed") {
  for (const bool by_address : {false, true}) {
    CAPTURE(by_address);
    ServerOptions options;
    (by_address ? options.max_connections_per_address : options.max_connections) = 2;
    House house(options);
    RawClient second(house.port());
    {
      RawClient first(house.port());
      CHECK(first.ask(get("/hello/x")).status == 200);
      CHECK(second.ask(get("/hello/x")).status == 200);
      RawClient third(house.port());
      const Answer answer = third.receive();
      CHECK(answer.status == 503);
      CHECK(answer.header("retry-after") == "1");
      CHECK(answer.header("x-request-id").size() > 10);
      CHECK(answer.header("x-content-type-options") == "nosniff");
      CHECK(answer.header("connection") == "close");
      CHECK(answer.body == R"({"error":"too many connections"})");
      CHECK(third.ends());
      CHECK(house.server->counters().connections_open == 2);
      CHECK(house.server->counters().connections_refused == 1);
      CHECK(house.server->counters().connections_total == 3);
    }
    int status = 0;
    for (int attempt = 0; attempt < 1000 && status != 200;
         ++attempt) {  // the server notices the first one's end
      RawClient again(house.port());
      status = again.ask(get("/hello/x")).status;
    }
    CHECK(status == 200);
  }
}

TEST_CASE("connections that are idle make room for new ones") {
  for (const bool has_begun : {false, true}) {
    CAPTURE(has_begun);
    ServerOptions options;
    options.max_connections = 64;
    House house(options);
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 200; ++i) {  // each new one is answered, however many stay
      auto client = std::make_unique<RawClient>(house.port());
      if (has_begun && i % 2 == 0)
        client->send("GET /hello/x HTTP/1.1\r\nHost: h\r\n");
      else
        REQUIRE(client->ask(get("/hello/x")).status == 200);
      idle.push_back(std::move(client));
    }
    CHECK(house.server->counters().connections_refused == 0);
    CHECK(house.server->counters().connections_open <= 64);
    CHECK(idle.front()->ends());
  }
}

TEST_CASE("a request that is under way is never cut for a new connection") {
  ServerOptions options;
  options.max_connections = 8;
  House house(options);
  std::vector<std::unique_ptr<RawClient>> waiting;
  std::vector<std::function<void(std::string)>> callbacks;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<RawClient>(house.port()));
    waiting.back()->send(get("/wait"));
    callbacks.push_back(house.stage->take());
    REQUIRE(callbacks.back());
  }
  RawClient late(house.port());
  CHECK(late.receive().status == 503);
  for (const auto& callback : callbacks) callback("done");
  for (const auto& client : waiting) CHECK(client->receive().status == 200);
}

TEST_CASE("stop finishes what is in flight and closes what is idle") {
  House house;
  RawClient idle(house.port()), busy(house.port()), streaming(house.port());
  CHECK(idle.ask(get("/hello/x")).status == 200);
  busy.send(get("/wait") + get("/hello/never"));
  streaming.send(get("/endless"));
  const auto callback = house.stage->take();
  REQUIRE(callback);
  auto stopping = std::async(std::launch::async, [&] { house.server->stop(); });
  CHECK(idle.ends());
  CHECK(!streaming.receive().complete);
  callback("done");
  const Answer answer = busy.receive();
  CHECK(answer.body == "done");
  CHECK(answer.header("connection") == "close");
  busy.shut_down_sending();
  CHECK(busy.ends());
  stopping.get();
  CHECK(!RawClient(house.port()).connected());
  CHECK(house.server->counters().connections_open == 0);
  house.server->stop();  // again
}

TEST_CASE("stop does not wait for a handler for ever, whose callback comes after the server is gone") {
  ServerOptions options;
  options.drain_timeout = milliseconds(50);
  std::function<void(std::string)> called, dropped;
  {
    House house(options);
    RawClient first(house.port()), second(house.port());
    first.send(get("/wait"));
    called = house.stage->take();
    second.send(get("/wait"));
    dropped = house.stage->take();
    REQUIRE(dropped);
    house.server->stop();
    CHECK(first.ends());
    CHECK(second.ends());
    house.server.reset();
    house.server =
        std::make_unique<Server>(ServerOptions{.port = 0}, Router(std::vector<Surface>(1)), nullptr, nullptr);
  }
  called("nobody is there");
  dropped = nullptr;
}

TEST_CASE("callbacks that race with the end of the server") {
  for (int round = 0; round < 30; ++round) {
    ServerOptions options;
    options.drain_timeout = milliseconds(1);
    options.handler_timeout = milliseconds(5);
    auto house = std::make_unique<House>(options);
    std::vector<std::unique_ptr<RawClient>> clients;
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<RawClient>(house->port()));
      clients.back()->send(get("/wait"));
      callers.emplace_back([callback = house->stage->take()] { callback("race"); });
    }
    clients[0].reset();
    house.reset();
    for (auto& caller : callers) caller.join();
  }
}

TEST_CASE("a server that was never started stops, and a taken port is an error") {
  const auto make = [](std::uint16_t port) {
    return Server(ServerOptions{.port = port}, Router(std::vector<Surface>(1)), nullptr, nullptr);
  };
  Server server = make(0);
  CHECK(server.port() != 0);
  CHECK_THROWS_AS(make(server.port()), std::system_error);
}

}  // namespace
}  // namespace groundtruth::http
