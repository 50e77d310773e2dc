// What messages on their way may take: the budget and its shares, and the server that keeps to it.
#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <vector>

#include "api/http/memory_budget.hpp"
#include "tests/unit/http/house.hpp"
#include "tests/unit/http/raw_client.hpp"

namespace groundtruth::http {
namespace {

using Payer = MemoryBudget::Payer;
constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

TEST_CASE("a hold grows as far as the budget and both shares go, and gives back what it had") {
  MemoryBudget budget({4 * kMiB, 2 * kMiB, kMiB});
  const Payer alice{"192.0.2.1", "wrk_alice"};
  MemoryBudget::Hold first(&budget);
  CHECK(first.resize(MemoryBudget::kFreeBytes, alice));
  CHECK(budget.counters().used_bytes == 0);  // what every connection has is not counted
  CHECK(first.resize(600 * kKiB, alice));
  CHECK(budget.counters().used_bytes == 600 * kKiB);

  MemoryBudget::Hold of_address(&budget);
  CHECK_FALSE(of_address.resize(600 * kKiB, {"192.0.2.1", "wrk_eve"}));
  CHECK(budget.counters().refused_address == 1);
  CHECK(of_address.resize(400 * kKiB, {"192.0.2.1", "wrk_eve"}));

  MemoryBudget::Hold elsewhere(&budget), too_much(&budget);
  CHECK(elsewhere.resize(kMiB, {"192.0.2.2", "wrk_alice"}));
  CHECK_FALSE(too_much.resize(600 * kKiB, {"192.0.2.3", "wrk_alice"}));
  CHECK(budget.counters().refused_account == 1);
  CHECK(budget.counters().used_bytes == 1'000 * kKiB + kMiB);  // what was refused left nothing behind

  CHECK(first.resize(100 * kKiB, alice));
  CHECK(too_much.resize(600 * kKiB, {"192.0.2.3", "wrk_alice"}));
  for (auto* hold : {&first, &of_address, &elsewhere, &too_much}) CHECK(hold->resize(0, {}));
  CHECK(budget.counters().used_bytes == 0);
}

TEST_CASE("large holds leave room for small ones") {
  MemoryBudget budget({4 * kMiB, 4 * kMiB, 4 * kMiB});
  MemoryBudget::Hold large(&budget), another(&budget), small(&budget);
  CHECK(large.resize(3 * kMiB, {"a", ""}));
  CHECK_FALSE(another.resize(kMiB / 2, {"b", ""}));
  CHECK(budget.counters().refused_total == 1);
  CHECK(small.resize(MemoryBudget::kSmallBytes, {"b", ""}));
}

TEST_CASE("a network of IPv6 has one share, and who pays stays who it was while anything is held") {
  MemoryBudget budget({4 * kMiB, 4 * kMiB, kMiB});
  MemoryBudget::Hold one(&budget), other(&budget), neighbour(&budget);
  CHECK(one.resize(kMiB, {"2001:db8:1:2::1", ""}));
  CHECK_FALSE(other.resize(100 * kKiB, {"2001:db8:1:2:ffff::9", ""}));
  CHECK(neighbour.resize(kMiB, {"2001:db8:1:3::1", ""}));
  CHECK(one.resize(kMiB / 2, {"2001:db8:1:9::1", "wrk_x"}));
  CHECK(other.resize(kMiB / 2, {"2001:db8:1:2:ffff::9", ""}));
}

// A server with a small budget.
class Hall {
 public:
  explicit Hall(MemoryLimits limits, ServerOptions options = {})
      : memory(std::make_shared<MemoryBudget>(limits)) {
    Surface surface;
    surface.name = "test";
    surface.routes = {
        {Method::put, "/raw", "raw", [](Request& request) { return length(request); }, BodyKind::raw,
         8 * kMiB},
        {Method::post, "/json", "json", [this](Request& request) { return gated(request); }, BodyKind::json,
         8 * kMiB},
        {Method::put, "/streamed", "streamed", [](Request& request) { return streamed(request); },
         BodyKind::streamed, 64 * kMiB},
        {Method::get, "/fresh", "fresh", [](Request& request) { return fresh(request); }},
        {Method::get, "/shared", "shared", [this](Request&) { return give_shared(); }},
        {Method::get, "/flood", "flood", [](Request&) { return flood(); }},
        {Method::get, "/wait", "wait", [this](Request& request) { return wait(request); }},
    };
    Route admitted{Method::put,   "/admitted", "admitted", [](Request& request) { return length(request); },
                   BodyKind::raw, 8 * kMiB};
    admitted.admit = [](Request& request) { return admit(request); };
    surface.routes.push_back(std::move(admitted));
    surface.refuse = [](Refusal refusal, const Request&, std::string_view detail) {
      Response response;
      response.status = refusal == Refusal::unavailable ? 503 : 400;
      response.body = detail;
      return response;
    };
    options.port = 0;
    options.io_threads = 1;
    options.memory = memory;
    std::vector<Surface> surfaces;
    surfaces.push_back(std::move(surface));
    server = std::make_unique<Server>(std::move(options), Router(std::move(surfaces)), nullptr, nullptr);
    server->start();
  }
  ~Hall() { server->stop(); }

  std::uint16_t port() const { return server->port(); }
  // The server notices by itself; nothing says when.
  bool settles_at(std::size_t bytes) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (memory->counters().used_bytes != bytes && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    return memory->counters().used_bytes == bytes;
  }

  std::shared_ptr<MemoryBudget> memory;
  std::shared_ptr<Stage> stage = std::make_shared<Stage>();
  std::promise<void> begun, gate;
  std::stop_token abandoned;
  std::unique_ptr<Server> server;

 private:
  static Async<Response> length(Request& request) {
    Response response;
    response.body = std::to_string(request.body.size());
    co_return response;
  }
  // Blocks its thread until the test opens the gate.
  Async<Response> gated(Request& request) {
    if (request.query_value("wait")) {
      begun.set_value();
      gate.get_future().wait();
    }
    Response response;
    response.body = std::to_string(request.body.size());
    co_return response;
  }
  static Async<Response> streamed(Request& request) {
    std::string piece;
    std::size_t total = 0;
    for (;;) {
      const auto outcome = co_await request.streamed_body->next(piece);
      if (outcome != BodyReader::Outcome::piece) break;
      total += piece.size();
    }
    Response response;
    response.body = std::to_string(total);
    co_return response;
  }
  static Async<Response> fresh(Request& request) {
    Response response;
    response.body.assign(std::stoul(std::string(request.query_value("bytes").value_or("0"))), 'x');
    co_return response;
  }
  Async<Response> give_shared() {
    Response response;
    response.shared_body = shared_;
    co_return response;
  }
  static Async<Response> flood() {
    Response response;
    response.next_chunk = [](std::string& chunk) {
      chunk.append(64 * kKiB, 'x');
      return true;
    };
    co_return response;
  }
  Async<Response> wait(Request& request) {
    abandoned = request.abandoned;
    auto begin = [this](auto done) { stage->park(done); };
    Response response;
    response.body = co_await await_callback<std::string>(begin);
    co_return response;
  }
  static Async<std::optional<Response>> admit(Request& request) {
    if (request.headers.find("Authorization")) co_return std::nullopt;
    std::optional<Response> refused(std::in_place);
    refused->status = 403;
    co_return refused;
  }

  const std::shared_ptr<const std::string> shared_ = std::make_shared<const std::string>(16 * kMiB, 's');
};

std::string put(const std::string& target, std::size_t length, const std::string& extra = "") {
  return "PUT " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         extra + "\r\n";
}

TEST_CASE("what was announced and does not come takes nothing from those who send") {
  Hall hall({2 * kMiB, 2 * kMiB, 2 * kMiB});
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 30; ++i) {
    silent.push_back(std::make_unique<RawClient>(hall.port()));
    silent.back()->send(put("/raw", 8 * kMiB));
  }
  RawClient client(hall.port());
  const Answer answer = client.ask(put("/raw", kMiB) + std::string(kMiB, 'x'));
  CHECK(answer.status == 200);
  CHECK(answer.body == std::to_string(kMiB));
}

TEST_CASE("bodies that drip are held as they come, and refused where there is no room for more") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Hall hall({8 * kMiB, 8 * kMiB, kMiB});
    const std::string head =
        chunked ? "PUT /raw HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n80000\r\n"
                : put("/raw", 8 * kMiB);
    {
      RawClient dripping(hall.port());
      dripping.send(head + std::string(512 * kKiB, 'x'));
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (hall.memory->counters().used_bytes < 512 * kKiB && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
      CHECK(hall.memory->counters().used_bytes >= 512 * kKiB);
      RawClient second(hall.port());
      second.send(put("/raw", 8 * kMiB) + std::string(900 * kKiB, 'x'));
      const Answer refused = second.receive();
      CHECK(refused.status == 503);
      CHECK(refused.header("retry-after") == "1");
      CHECK(refused.header("connection") == "close");
      CHECK(hall.memory->counters().refused_address >= 1);
      CHECK(RawClient(hall.port()).ask(put("/raw", 10) + "0123456789").status == 200);
    }
    CHECK(hall.settles_at(0));
    CHECK(RawClient(hall.port()).ask(put("/raw", 700 * kKiB) + std::string(700 * kKiB, 'x')).status == 200);
  }
}

TEST_CASE("a streamed body holds a piece, whatever its size") {
  Hall hall({2 * kMiB, kMiB, kMiB});
  RawClient client(hall.port());
  CHECK(client.ask(put("/streamed", 8 * kMiB) + std::string(8 * kMiB, 'x')).body == std::to_string(8 * kMiB));
  CHECK(hall.settles_at(0));
}

TEST_CASE("answers that nobody reads are held, those that all share are not, and the rest get 503") {
  Hall hall({64 * kMiB, 64 * kMiB, 16 * kMiB});
  std::vector<std::unique_ptr<RawClient>> unread;
  for (int i = 0; i < 20; ++i) {
    unread.push_back(std::make_unique<RawClient>(hall.port(), 4096));
    unread.back()->send(get("/shared"));
  }
  CHECK(unread.back()->receive().body.size() == 16 * kMiB);
  CHECK(hall.memory->counters().used_bytes == 0);
  RawClient first(hall.port(), 4096);
  first.send(get("/fresh?bytes=12000000"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (hall.memory->counters().used_bytes < 12'000'000 && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  const Answer refused = RawClient(hall.port()).ask(get("/fresh?bytes=12000000"));
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "1");
  CHECK(RawClient(hall.port()).ask(get("/fresh?bytes=10000")).status == 200);
  CHECK(first.receive().body.size() == 12'000'000);
  CHECK(hall.settles_at(0));
}

TEST_CASE("a stream holds what is of it in memory") {
  constexpr std::size_t each = 256 * kKiB + 4 * kKiB;  // and the room for requests
  Hall hall({64 * kMiB, 64 * kMiB, 2 * each});
  RawClient first(hall.port(), 4096), second(hall.port(), 4096);
  for (RawClient* client : {&first, &second}) client->send(get("/flood"));
  CHECK(hall.settles_at(2 * each));
  CHECK(RawClient(hall.port()).ask(get("/flood")).status == 503);
}

TEST_CASE("who handles a large body holds up nobody else of the same thread") {
  Hall hall({64 * kMiB, 64 * kMiB, 64 * kMiB});
  const std::string json = "Content-Type: application/json\r\n";
  RawClient large(hall.port());
  large.send("POST /json?wait=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n" + json + "\r\n" +
             std::string(1'000'000, '1'));
  hall.begun.get_future().wait();
  CHECK(hall.memory->counters().used_bytes >= 4'000'000);  // the body, and what decoding it takes
  CHECK(RawClient(hall.port()).ask(put("/raw", 3) + "abc").body == "3");
  hall.gate.set_value();
  const Answer answer = large.receive();
  CHECK(answer.status == 200);
  CHECK(answer.body == "1000000");
  CHECK(large.ask(put("/raw", 3) + "abc").body == "3");  // and the connection goes on
}

TEST_CASE("decoding that there is no memory for is refused before it begins") {
  Hall hall({64 * kMiB, 64 * kMiB, 2 * kMiB});
  RawClient client(hall.port());
  const Answer answer = client.ask(
      "POST /json HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n" +
      std::string(1'000'000, '1'));
  CHECK(answer.status == 503);
  CHECK(hall.settles_at(0));
}

TEST_CASE("what is not permitted is refused before its body is read") {
  Hall hall({64 * kMiB, 64 * kMiB, 64 * kMiB});
  RawClient stranger(hall.port());
  stranger.send(put("/admitted", 8 * kMiB));
  const Answer refused = stranger.receive();
  CHECK(refused.status == 403);
  CHECK(refused.header("connection") == "close");
  RawClient waiting(hall.port());
  waiting.send(put("/admitted", 8 * kMiB, "Expect: 100-continue\r\n"));
  CHECK(waiting.receive().status == 403);
  CHECK(RawClient(hall.port())
            .ask(put("/admitted", kMiB, "Authorization: me\r\n") + std::string(kMiB, 'x'))
            .body == std::to_string(kMiB));
}

TEST_CASE("work is told when its client has gone, or its time is over") {
  ServerOptions options;
  SUBCASE("gone") {
    Hall hall({}, options);
    auto client = std::make_unique<RawClient>(hall.port());
    client->send(get("/wait"));
    const auto callback = hall.stage->take();
    REQUIRE(callback);
    const auto abandoned = hall.abandoned;
    CHECK_FALSE(abandoned.stop_requested());
    client.reset();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!abandoned.stop_requested() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    CHECK(abandoned.stop_requested());
    callback("nobody reads this");
  }
  SUBCASE("too late") {
    options.handler_timeout = std::chrono::milliseconds(50);
    Hall hall({}, options);
    RawClient client(hall.port());
    CHECK(client.ask(get("/wait")).status == 503);
    CHECK(hall.abandoned.stop_requested());
    hall.stage->take()("too late");
  }
}

}  // namespace
}  // namespace groundtruth::http
