// Who is believed about where a request comes from.
#include "api/http/client_address.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <utility>
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
      {{"203.0.113.9, nonsense"}, "unknown by 10.0.0.1"},
      {{"203.0.113.9, nonsense, 10.0.0.2"}, "unknown by 10.0.0.2"},
      {{"unknown"}, "unknown by 10.0.0.1"},
      {{"203.0.113.9, ,", ""}, "203.0.113.9"},
      {{"203.0.113.9:80, 10.0.0.2:4711"}, "203.0.113.9"},
      {{"203.0.113.9", "[fd00::1%eth0]:4711"}, "fd00::1"},
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

// What products write of a client; docs/proxies.md has the same table for people.
TEST_CASE("an address is read in each form that products write") {
  struct Row {
    const char* text;
    const char* address;  // "": it cannot be read
  };
  for (const Row row : {
           Row{"203.0.113.9", "203.0.113.9"},                      // nginx, HAProxy, Envoy, Apache, ALB
           {" \t203.0.113.9\t", "203.0.113.9"},                    // lists with space around commas
           {"203.0.113.9:4711", "203.0.113.9"},                    // Azure Application Gateway, IIS/ARR
           {"203.0.113.9:0", "203.0.113.9"},                       //
           {"2001:db8::1", "2001:db8::1"},                         // nginx, ALB, Cloudflare
           {"2001:DB8:0:0::0001", "2001:db8::1"},                  //
           {"[2001:db8::1]", "2001:db8::1"},                       // Traefik, Go's ReverseProxy variants
           {"[2001:db8::1]:4711", "2001:db8::1"},                  // IIS/ARR, ALB with client ports
           {"\"[2001:db8::1]:4711\"", "2001:db8::1"},              // quoted as in Forwarded
           {"\"203.0.113.9\"", "203.0.113.9"},                     //
           {"2001:db8:1:2:3:4:5:6:4711", "2001:db8:1:2:3:4:5:6"},  // a port that cannot be a group:
           {"2001:db8::1:54321", "2001:db8::1"},                   //   by its length
           {"2001:db8::1:4711", "2001:db8::1:4711"},               //   one that can be is one
           {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},                 //
           {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},                 //
           {"::ffff:203.0.113.9", "203.0.113.9"},                  // Node, Go and Java on dual-stack sockets
           {"::ffff:cb00:7109", "203.0.113.9"},                    //
           {"::FFFF:203.0.113.9:4711", "203.0.113.9"},             //
           {"[::ffff:203.0.113.9]:4711", "203.0.113.9"},           //
           {"fe80::1%eth0", "fe80::1"},                            // a link-local client
           {"fe80::1%25eth0", "fe80::1"},                          //
           {"fe80::1%eth0:4711", "fe80::1"},                       //
           {"[fe80::1%3]:4711", "fe80::1"},                        // IIS
           {"203.0.113.9:_p1", "203.0.113.9"},                     // RFC 7239, a hidden port
           {"unknown", ""},                                        // Squid, RFC 7239
           {"_hidden", ""},                                        // RFC 7239
           {"_gazonk:4711", ""},                                   //
           {"unix:", ""},                                          // nginx on a socket of the file system
           {"", ""},
           {":4711", ""},
           {"203.0.113.9:", ""},
           {"203.0.113.9:65536", ""},
           {"203.0.113.9:4711:1", ""},
           {"203.0.113.9:http", ""},
           {"203.0.113", ""},
           {"203.0.113.256", ""},
           {"0203.0.113.9", ""},
           {"3405803785", ""},
           {"[2001:db8::1", ""},
           {"[2001:db8::1]x", ""},
           {"[2001:db8::1]4711", ""},
           {"[2001:db8::1]:", ""},
           {"2001:db8::1::2", ""},
           {"fe80::1%", ""},
           {"fe80::1%a b", ""},
           {"\"203.0.113.9", ""},
           {"client.test", ""},
           {"203.0.113.9 198.51.100.1", ""},
           {"203.0.113.9/24", ""},
       }) {
    CAPTURE(row.text);
    const auto address = parse_forwarded_address(row.text);
    CHECK((address ? address->to_string() : "") == row.address);
  }
  CHECK_FALSE(parse_forwarded_address(std::string(100'000, '1')));
}

TEST_CASE("Forwarded is read as RFC 7239 has it, and as products write it") {
  struct Row {
    const char* line;
    std::vector<std::string> clients;
  };
  const Row good[] = {
      {"for=203.0.113.9", {"203.0.113.9"}},
      {"For=\"[2001:db8::1]:4711\"", {"[2001:db8::1]:4711"}},
      {"for=192.0.2.60;proto=http;by=203.0.113.43", {"192.0.2.60"}},
      {"proto=http ; for=192.0.2.60 ;host=\"a,b;for=1.1.1.1\"", {"192.0.2.60"}},
      {"for=192.0.2.43, for=198.51.100.17", {"192.0.2.43", "198.51.100.17"}},
      {"for=\"_gazonk\", for=unknown", {"_gazonk", "unknown"}},
      {"for=[2001:db8::1]:4711;proto=https",
       {"[2001:db8::1]:4711"}},  // without the quotes that it should have
      {"for=2001:db8::1", {"2001:db8::1"}},
      {"for=\"\\1.2.3\\.4\"", {"1.2.3.4"}},
      {"proto=https", {""}},
      {"", {}},
      {" , for=192.0.2.43,, ;", {"192.0.2.43"}},
      {"for=", {""}},
  };
  for (const Row& row : good) {
    CAPTURE(row.line);
    const auto clients = parse_forwarded(row.line);
    REQUIRE(clients);
    CHECK(*clients == row.clients);
  }
  for (const char* bad : {"192.0.2.43", "for=192.0.2.43;for=192.0.2.44", "for=\"192.0.2.43",
                          "for=\"192.0.2.43\"x", "for=a\"b", "=192.0.2.43", "f r=192.0.2.43", "for=\"a\\",
                          "for=9.9.9.9;x=\", for=\"[2001:db8::1]\"", "for=9.9.9.9;x=\", for=192.0.2.43"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_forwarded(bad));
  }
}

TEST_CASE("what a client writes itself moves it nowhere") {
  struct Row {
    std::vector<std::pair<const char*, const char*>> headers;
    const char* header;  // of the configuration
    const char* client;
  };
  const Row rows[] = {
      {{{"Forwarded", "for=198.51.100.1, for=\"203.0.113.9:4711\""}}, "", "203.0.113.9"},
      {{{"Forwarded", "for=203.0.113.9;by=10.0.0.2, for=10.0.0.2"}}, "", "203.0.113.9"},
      {{{"Forwarded", "for=203.0.113.9, for=_k3"}}, "", "unknown by 10.0.0.1"},
      {{{"Forwarded", "for=203.0.113.9, proto=https"}}, "", "unknown by 10.0.0.1"},
      {{{"Forwarded", "for=198.51.100.1;x=\""}, {"Forwarded", "for=203.0.113.9"}}, "", "203.0.113.9"},
      {{{"Forwarded", "for=203.0.113.9;x=\""}, {"Forwarded", "for=10.0.0.2"}}, "", "unknown by 10.0.0.2"},
      // The two agree, or one of them was only passed on: which one, nobody here knows.
      {{{"Forwarded", "for=203.0.113.9"}, {"X-Forwarded-For", "203.0.113.9:80"}}, "", "203.0.113.9"},
      {{{"Forwarded", "for=198.51.100.1"}, {"X-Forwarded-For", "203.0.113.9"}}, "", "unknown by 10.0.0.1"},
      {{{"Forwarded", "nonsense"}, {"X-Forwarded-For", "203.0.113.9"}}, "", "unknown by 10.0.0.1"},
      {{{"Forwarded", ""}, {"X-Forwarded-For", "203.0.113.9"}}, "", "203.0.113.9"},
      {{{"Forwarded", "for=203.0.113.9"}, {"X-Forwarded-For", " "}}, "", "203.0.113.9"},
      // The configuration knows.
      {{{"Forwarded", "for=198.51.100.1"}, {"X-Forwarded-For", "203.0.113.9"}},
       "x-forwarded-for",
       "203.0.113.9"},
      {{{"Forwarded", "for=203.0.113.9"}, {"X-Forwarded-For", "198.51.100.1"}}, "forwarded", "203.0.113.9"},
      {{{"X-Real-IP", "203.0.113.9"}, {"X-Forwarded-For", "198.51.100.1"}}, "X-Real-IP", "203.0.113.9"},
      {{{"X-Forwarded-For", "198.51.100.1"}}, "CF-Connecting-IP", "10.0.0.1"},
  };
  for (const Row& row : rows) {
    Headers headers;
    for (const auto& [name, value] : row.headers) headers.add(name, value);
    CAPTURE(row.client);
    CAPTURE(row.header);
    CHECK(TrustedProxies({"10.0.0.0/8"}, row.header).client_of(headers, "10.0.0.1") == row.client);
  }
  CHECK_THROWS_AS(TrustedProxies({}, "X Real"), std::invalid_argument);
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
