// Who is believed about where a request comes from.
#include "api/http/client_address.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/unit/http/house.hpp"
#include "tests/unit/http/raw_client.hpp"

namespace groundtruth::http {
namespace {

TEST_CASE("proxies are addresses and networks") {
  const TrustedProxies proxies({"10.0.0.0/8", "192.0.2.7", "fd00::/16", "2001:db8::1"});
  struct Row {
    const char* address;
    bool is_one;
  };
  for (const Row row : {Row{"10.255.0.1", true},
                        {"11.0.0.1", false},
                        {"192.0.2.7", true},
                        {"192.0.2.8", false},
                        {"fd00:1::1", true},
                        {"fe00::1", false},
                        {"2001:db8::1", true},
                        {"2001:db8::2", false},
                        {"::ffff:10.1.2.3", true},
                        {"::ffff:11.1.2.3", false}}) {
    CAPTURE(row.address);
    CHECK(proxies.contain(boost::asio::ip::make_address(row.address)) == row.is_one);
  }
  CHECK_FALSE(TrustedProxies({}).contain(boost::asio::ip::make_address("127.0.0.1")));
  for (const char* wrong :
       {"", "proxy.test", "10.0.0.0/33", "10.0.0/8", "10.0.0.1:80", "[::1]", "/8", "::ffff:10.0.0.0/104"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(TrustedProxies({wrong}), std::invalid_argument);
  }
}

TEST_CASE("the client is the last address that no proxy of ours is") {
  const TrustedProxies proxies({"10.0.0.0/8"});
  struct Row {
    std::vector<const char*> headers;
    const char* client;
  };
  const Row rows[] = {
      {{}, "10.0.0.1"},
      {{""}, "10.0.0.1"},
      {{"203.0.113.9"}, "203.0.113.9"},
      {{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},  // the first one is what the client says of itself
      {{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
      {{"203.0.113.9,10.0.0.2 , 10.0.0.3"}, "203.0.113.9"},
      {{"10.0.0.2, 10.0.0.3"}, "10.0.0.2"},
      {{"203.0.113.9, nonsense"}, "10.0.0.1"},
      {{"203.0.113.9, nonsense, 10.0.0.2"}, "10.0.0.2"},
      {{"203.0.113.9, "}, "10.0.0.1"},
      {{"203.0.113.9:80"}, "10.0.0.1"},
      {{"::ffff:203.0.113.9"}, "203.0.113.9"},
      {{"2001:DB8::0:1"}, "2001:db8::1"},
  };
  for (const Row& row : rows) {
    Headers headers;
    headers.add("Host", "localhost");
    for (const char* value : row.headers) headers.add("x-forwarded-for", value);
    CAPTURE(row.headers.size());
    CHECK(proxies.client_of(headers, "10.0.0.1") == row.client);
  }
}

TEST_CASE("only a proxy of the configuration is believed, and has no cap of its own") {
  for (const bool is_trusted : {false, true}) {
    CAPTURE(is_trusted);
    ServerOptions options;
    options.max_connections_per_address = 1;
    if (is_trusted) options.trusted_proxies = {"127.0.0.1"};
    House house(std::move(options));
    RawClient first(house.port());
    CHECK(first.ask(get("/address", "X-Forwarded-For: 203.0.113.9\r\n")).body ==
          (is_trusted ? "203.0.113.9" : "127.0.0.1"));
    CHECK(first.ask(get("/address")).body == "127.0.0.1");
    RawClient second(house.port());
    if (is_trusted)
      CHECK(second.ask(get("/address", "X-Forwarded-For: 203.0.113.9\r\n")).status == 200);
    else
      CHECK(second.receive().status == 503);
  }
}

}  // namespace
}  // namespace groundtruth::http
