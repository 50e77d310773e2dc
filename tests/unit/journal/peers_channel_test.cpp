// Two ends of a channel: who gets one, what arrives, and when an end is given up.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <thread>

#include "conformance_support.hpp"
#include "journal/peers/channel.hpp"

namespace groundtruth::journal::peers::testing {
namespace {

using journal::testing::eventually;
using std::chrono::seconds;
constexpr seconds kPatience{20};

DataKey key_of(std::uint8_t byte) {
  DataKey key;
  key.fill(byte);
  return key;
}

// One end, with all that it was told.
struct End {
  End(asio::io_context& loop, Socket socket, ChannelSecret& secret, Channel::Side side)
      : channel(std::make_shared<Channel>(std::move(socket), secret, side)) {
    asio::co_spawn(
        loop,
        [this] {
          return channel->run([this] { is_open = true; },
                              [this](std::string_view line) {
                                const std::lock_guard lock(mutex);
                                lines.emplace_back(line);
                              });
        },
        [this](const std::exception_ptr&, const std::string& reason) {
          const std::lock_guard lock(mutex);
          why = reason;
          is_over = true;
        });
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return lines.size();
  }
  std::shared_ptr<Channel> channel;
  std::atomic<bool> is_open{false}, is_over{false};
  std::mutex mutex;
  std::vector<std::string> lines;
  std::string why;
};

// A server with one secret, a client with another or the same, connected over the machine's own network.
struct Pair {
  Pair(const std::string& server_journal, const DataKey& server_key, const std::string& client_journal,
       const DataKey& client_key)
      : of_server(server_journal, server_key), of_client(client_journal, client_key) {
    asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
    Socket near(loop), far(loop);
    near.connect(acceptor.local_endpoint());
    acceptor.accept(far);
    server = std::make_unique<End>(loop, std::move(far), of_server, Channel::Side::server);
    client = std::make_unique<End>(loop, std::move(near), of_client, Channel::Side::client);
    thread = std::thread([this] { loop.run(); });
  }
  ~Pair() {
    server->channel->close("the test is over");
    client->channel->close("the test is over");
    thread.join();
  }
  bool opens() {
    return eventually([&] { return (server->is_open && client->is_open) || is_over(); }, kPatience) &&
           server->is_open && client->is_open;
  }
  bool is_over() const { return server->is_over || client->is_over; }
  std::string reasons() {
    const std::scoped_lock lock(server->mutex, client->mutex);
    return server->why + "; " + client->why;
  }

  ChannelSecret of_server, of_client;
  asio::io_context loop{1};
  std::unique_ptr<End> server, client;
  std::thread thread;
};

}  // namespace

TEST_CASE("channel: lines arrive both ways, each once and in order") {
  Pair pair("journal", key_of(1), "journal", key_of(1));
  REQUIRE_MESSAGE(pair.opens(), pair.reasons());
  constexpr std::size_t kLines = 20'000;
  for (std::size_t i = 0; i < kLines; ++i) {
    REQUIRE(pair.client->channel->send("to the server " + std::to_string(i)));
    REQUIRE(pair.server->channel->send("to the client " + std::to_string(i) + std::string(i % 300, 'x')));
  }
  REQUIRE(eventually([&] { return pair.server->count() == kLines && pair.client->count() == kLines; },
                     kPatience));
  bool in_order = true;
  for (std::size_t i = 0; i < kLines; ++i) {
    in_order = in_order && pair.server->lines[i] == "to the server " + std::to_string(i);
    in_order =
        in_order && pair.client->lines[i] == "to the client " + std::to_string(i) + std::string(i % 300, 'x');
  }
  CHECK(in_order);
}

TEST_CASE("channel: a line as long as any arrives, a longer one ends the channel") {
  Pair pair("journal", key_of(1), "journal", key_of(1));
  REQUIRE_MESSAGE(pair.opens(), pair.reasons());
  const std::string longest(kMaxLineBytes - 1, 'y');
  REQUIRE(pair.client->channel->send(longest));
  REQUIRE(eventually([&] { return pair.server->count() == 1; }, kPatience));
  CHECK(pair.server->lines[0] == longest);
  REQUIRE(pair.client->channel->send(std::string(2 * kMaxLineBytes, 'z')));
  REQUIRE(eventually([&] { return pair.server->is_over && pair.client->is_over; }, kPatience));
  CHECK(pair.server->count() == 1);
  CHECK_FALSE(pair.client->channel->send("more"));
}

TEST_CASE("channel: with another key, or another journal's, nobody gets one") {
  const auto refused = [](Pair& pair) {
    CHECK_FALSE(pair.opens());
    CHECK(eventually([&] { return pair.is_over(); }, kPatience));
    CHECK_FALSE(pair.server->is_open);
    CHECK(pair.server->count() == 0);
    CHECK(pair.client->count() == 0);
  };
  SUBCASE("key") {
    Pair pair("journal", key_of(1), "journal", key_of(2));
    refused(pair);
  }
  SUBCASE("journal") {
    Pair pair("journal", key_of(1), "another", key_of(1));
    refused(pair);
  }
}

TEST_CASE("channel: an end that says nothing more is given up, and one that is idle is not") {
  Pair pair("journal", key_of(1), "journal", key_of(1));
  REQUIRE_MESSAGE(pair.opens(), pair.reasons());
  // Heartbeats keep it open for longer than silence may last.
  std::this_thread::sleep_for(kSilence + kHeartbeat);
  CHECK_FALSE(pair.is_over());
  CHECK(pair.server->count() == 0);

  // A peer that took the connection and never speaks.
  asio::io_context elsewhere{1};
  asio::ip::tcp::acceptor acceptor(elsewhere, {asio::ip::address_v4::loopback(), 0});
  Socket near(pair.loop);
  near.connect(acceptor.local_endpoint());
  Socket far(elsewhere);
  acceptor.accept(far);
  End silent(pair.loop, std::move(near), pair.of_client, Channel::Side::client);
  REQUIRE(eventually([&] { return silent.is_over.load(); }, kPatience));
  CHECK_FALSE(silent.is_open);
}

TEST_CASE("channel: what does not fit is not taken") {
  Pair pair("journal", key_of(1), "journal", key_of(1));
  REQUIRE_MESSAGE(pair.opens(), pair.reasons());
  const std::string line(kMaxLineBytes / 2, 'x');
  std::size_t taken = 0;
  asio::post(pair.loop, [&] {
    // On the loop, so that nothing is sent in between.
    while (pair.client->channel->send(line)) ++taken;
    pair.server->channel->close("enough");
  });
  REQUIRE(eventually([&] { return pair.client->is_over.load(); }, kPatience));
  CHECK(taken <= kMaxUnsentBytes / line.size());
  CHECK(taken >= kMaxUnsentBytes / line.size() - 1);
}

}  // namespace groundtruth::journal::peers::testing
