// Bodies in pieces, in both directions, seen from the wire and from the handler.
#include <doctest/doctest.h>

#include <future>

#include "tests/unit/http/house.hpp"
#include "tests/unit/http/raw_client.hpp"

namespace groundtruth::http {
namespace {

using std::chrono::milliseconds;

const std::string kHello = "GET /hello/x HTTP/1.1\r\nHost: h\r\n\r\n";

std::string head(const std::string& path, const std::string& fields) {
  return "PUT " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

std::string sized_head(const std::string& path, std::size_t bytes, const std::string& extra = "") {
  return head(path, "Content-Length: " + std::to_string(bytes) + "\r\n" + extra);
}

std::string chunked_head(const std::string& path, const std::string& extra = "") {
  return head(path, "Transfer-Encoding: chunked\r\n" + extra);
}

std::string chunk(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

// Bytes of which no two stretches are alike.
std::string content(std::size_t bytes) {
  std::string text;
  text.reserve(bytes + 10);
  for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * 2654435761U) + ",";
  text.resize(bytes);
  return text;
}

std::string in_chunks(const std::string& body, std::size_t chunk_bytes) {
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += chunk_bytes) out += chunk(body.substr(at, chunk_bytes));
  return out + "0\r\n\r\n";
}

// What a handler must never see.
void check_manners(const House& house) {
  for (const auto& note : house.stage->notes()) {
    CHECK(note != "an empty piece");
    CHECK(note != "a piece too large");
    CHECK(note != "the deadline stood still");
    CHECK(note != "another end");
  }
}

bool was_read(const House& house) {
  for (const auto& note : house.stage->notes()) {
    if (note.starts_with("body ") || note == "first piece") return true;
  }
  return false;
}

TEST_CASE("a streamed body comes whole, and the next request after it") {
  House house;
  constexpr std::size_t piece = BodyReader::kPieceBytes;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, piece - 1, piece, piece + 1, 3 * piece + 7,
                                  std::size_t{1024 * 1024}}) {
    CAPTURE(bytes);
    const std::string body = content(bytes);
    RawClient client(house.port());
    std::vector<std::string> requests = {sized_head("/upload", bytes) + body};
    for (const std::size_t chunk_bytes : {std::size_t{100}, std::size_t{70'000}, std::size_t{2'000'000}})
      requests.push_back(chunked_head("/upload") + in_chunks(body, chunk_bytes));
    for (const auto& request : requests) {
      auto sending = std::async(std::launch::async, [&] { return client.send(request + kHello); });
      const Answer answer = client.receive();
      CHECK(answer.status == 200);
      CHECK(answer.body == body);
      CHECK(client.receive().body == "hello x");
      CHECK(sending.get());
    }
  }
  check_manners(house);
}

TEST_CASE("a streamed body past its limit is refused, before it is read where its length is said") {
  House house;
  {
    RawClient client(house.port());
    CHECK(client.ask(sized_head("/upload", 1024 * 1024 + 1)).status == 413);
    CHECK_FALSE(was_read(house));
  }
  RawClient client(house.port());
  client.send(chunked_head("/upload") + in_chunks(content(1024 * 1024 + 1), 65'536));
  const Answer answer = client.receive();
  CHECK(answer.status == 413);
  CHECK(answer.header("connection") == "close");
  CHECK(house.stage->wait_for_note("body refused"));
  check_manners(house);
}

TEST_CASE("a streamed body in broken chunks is refused") {
  House house;
  RawClient client(house.port());
  CHECK(client.ask(chunked_head("/upload") + chunk("good") + "not hex\r\n").status == 400);
  CHECK(house.stage->wait_for_note("body refused"));
}

TEST_CASE("a client that goes away in the middle ends its handler") {
  for (const bool chunked : {false, true}) {
    for (const bool all_of_it : {false, true}) {
      House house;
      const std::string begin =
          chunked ? chunked_head("/upload") + chunk("some") : sized_head("/upload", 9) + "some";
      auto client = std::make_unique<RawClient>(house.port());
      client->send(begin);
      if (all_of_it) {
        client.reset();
      } else {
        client->shut_down_sending();
        CHECK(client->receive().status == 400);
        CHECK(client->ends());
      }
      CHECK(house.stage->wait_for_note("body cut off"));
      check_manners(house);
    }
  }
}

TEST_CASE("a streamed body that stops coming is answered by 408") {
  ServerOptions options;
  options.body_timeout = milliseconds(50);
  for (const std::string& request : {sized_head("/upload", 500'000) + content(200'000),
                                     chunked_head("/upload") + chunk(content(200'000))}) {
    House house(options);
    RawClient client(house.port());
    const Answer answer = client.ask(request);
    CHECK(answer.status == 408);
    CHECK(answer.header("connection") == "close");
    CHECK(house.stage->wait_for_note("body timed out"));
    check_manners(house);
  }
}

TEST_CASE("what comes late in a body is not taken for a request, also when the handler throws") {
  ServerOptions options;
  options.body_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  client.send(sized_head("/throws", 10) + "some");
  const Answer answer = client.receive();
  CHECK(answer.status == 500);
  CHECK(answer.header("connection") == "close");
  client.send(kHello);
  client.shut_down_sending();
  CHECK(client.ends());
}

TEST_CASE("dripping does not prolong the time for a piece") {
  ServerOptions options;
  options.body_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  client.send(sized_head("/upload", 1024 * 1024));
  int dripped = 0;
  while (!was_read(house) && client.send("x") && dripped < 100'000) ++dripped;
  CHECK(house.stage->wait_for_note("body timed out"));
}

TEST_CASE("a body that makes progress may take longer than the time for one piece") {
  ServerOptions options;
  options.body_timeout = options.handler_timeout = milliseconds(250);
  House house(options);
  const std::string piece = content(BodyReader::kPieceBytes);
  bool done = false;
  for (int attempt = 0; attempt < 20 && !done; ++attempt) {  // a busy machine may stall a client for so long
    RawClient client(house.port());
    const auto begin = std::chrono::steady_clock::now();
    client.send(sized_head("/upload", 8 * piece.size()));
    for (int i = 1; i <= 8; ++i) {
      while (std::chrono::steady_clock::now() < begin + i * milliseconds(40)) std::this_thread::yield();
      client.send(piece);
    }
    done = client.receive().status == 200;
  }
  CHECK(done);
}

TEST_CASE("the client is told to go on once the handler wants the body, and not before") {
  House house;
  const std::string expect = "Expect: 100-continue\r\n";
  {
    RawClient client(house.port());
    const Answer answer = client.ask(sized_head("/look-away", 4, expect));
    CHECK(answer.status == 409);
    CHECK(answer.header("connection") == "close");
    client.shut_down_sending();
    CHECK(client.ends());
  }
  RawClient client(house.port());
  for (const std::string& head : {sized_head("/held", 4, expect), chunked_head("/held", expect)}) {
    client.send(head);
    const auto callback = house.stage->take();
    REQUIRE(callback);
    callback("go on");
    CHECK(client.receive().status == 100);
    client.send(head.find("chunked") == std::string::npos ? "body" : in_chunks("body", 4));
    CHECK(client.receive().body == "body");
  }
}

TEST_CASE("a handler may stop reading") {
  House house;
  for (const std::string path : {"/one-piece", "/look-away", "/throws"}) {
    CAPTURE(path);
    const std::string body = content(900'000);
    {
      RawClient client(house.port());
      client.send(sized_head(path, body.size()) + body);
      const Answer answer = client.receive();
      CHECK(answer.complete);
      CHECK(answer.header("connection") == "close");
      client.shut_down_sending();
      CHECK(client.ends());
    }
    {
      RawClient client(house.port());
      client.send(chunked_head(path) + in_chunks(body, 50'000));
      CHECK(client.receive().complete);
    }
    RawClient client(house.port());  // what is left is little: it is read away, and the connection kept
    client.send(sized_head(path, 50'000) + content(50'000) + kHello);
    CHECK(client.receive().complete);
    CHECK(client.receive().body == "hello x");
    client.send(sized_head(path, BodyReader::kPieceBytes + 10) + content(BodyReader::kPieceBytes + 10) +
                kHello);
    CHECK(client.receive().complete);
    if (path != "/look-away") CHECK(client.receive().body == "hello x");
  }
}

TEST_CASE("stop lets an upload finish") {
  House house;
  RawClient client(house.port());
  const std::string body = content(600'000);
  client.send(sized_head("/upload", body.size()) + body.substr(0, 300'000));
  REQUIRE(house.stage->wait_for_note("first piece"));
  RawClient idle(house.port());
  CHECK(idle.ask(kHello).status == 200);
  auto stopping = std::async(std::launch::async, [&] { house.server->stop(); });
  CHECK(idle.ends());  // it drains
  client.send(body.substr(300'000));
  const Answer answer = client.receive();
  CHECK(answer.body == body);
  CHECK(answer.header("connection") == "close");
  CHECK(client.ends());
  stopping.get();
}

TEST_CASE("stop does not wait for an upload for ever") {
  ServerOptions options;
  options.drain_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  client.send(sized_head("/upload", 600'000) + content(300'000));
  REQUIRE(house.stage->wait_for_note("first piece"));
  house.server->stop();
  CHECK_FALSE(client.receive().complete);
}

TEST_CASE("a handler that the server has answered for reads no more") {
  ServerOptions options;
  options.handler_timeout = milliseconds(50);
  House house(options);
  RawClient client(house.port());
  client.send(sized_head("/held", 4) + "body" + kHello);
  const auto callback = house.stage->take();
  REQUIRE(callback);
  CHECK(client.receive().status == 503);
  callback("too late");
  CHECK(house.stage->wait_for_note("body cut off"));
  client.shut_down_sending();
  CHECK(client.ends());
}

TEST_CASE("a streamed response whose length is known") {
  House house;
  RawClient client(house.port());
  for (const char* version : {"HTTP/1.1", "HTTP/1.0"}) {
    CAPTURE(version);
    const std::string fields = std::string(" ") + version + "\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
    const Answer whole = client.ask("GET /sized" + fields);
    CHECK(whole.header("content-length") == "100000");
    CHECK(whole.header("transfer-encoding").empty());
    CHECK(whole.body == std::string(100'000, 'x'));
    client.send("HEAD /sized" + fields);
    CHECK(client.receive(true).header("content-length") == "100000");
    const Answer empty = client.ask("GET /sized-empty" + fields);
    CHECK(empty.header("content-length") == "0");
    CHECK(empty.complete);
  }
  CHECK(client.ask(kHello).status == 200);
}

TEST_CASE("a streamed response that is not as long as it was said to be is cut") {
  House house;
  for (const char* target : {"/sized-short", "/sized-long"}) {
    RawClient client(house.port());
    const Answer answer = client.ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n" + kHello);
    CHECK(answer.status == 200);
    CHECK_FALSE(answer.complete);
    CHECK(answer.body.size() < 100'000);
  }
  CHECK(house.stage->wait_for_note("error: a streamed body is shorter than it was said to be"));
  CHECK(house.stage->wait_for_note("error: a streamed body is longer than it was said to be"));
}

}  // namespace
}  // namespace groundtruth::http
