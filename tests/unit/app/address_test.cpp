// Addresses as people write them.
#include "app/address.hpp"

#include <doctest/doctest.h>

using namespace groundtruth::app;

TEST_CASE("an address is an IP and a port") {
  CHECK(parse_address("127.0.0.1:8080") == Address{"127.0.0.1", 8080});
  CHECK(parse_address("0.0.0.0:0") == Address{"0.0.0.0", 0});
  CHECK(parse_address("[::1]:65535") == Address{"::1", 65535});
  CHECK(parse_address(":8080") == Address{"0.0.0.0", 8080});
  CHECK(parse_address("localhost:80") == Address{"127.0.0.1", 80});
}

TEST_CASE("everything else is refused") {
  for (const char* text : {"", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1: 1", "::1:80", "[::1]", "[::1:80", "[]:80",
                           "[127.0.0.1]:80", "example.com:80", "1.2.3:80", "256.0.0.1:80", "127.0.0.1:80 "})
    CHECK_MESSAGE(!parse_address(text), text);
}

TEST_CASE("what is printed parses back") {
  for (const Address& address : {Address{"10.0.0.1", 1}, Address{"::", 8080}, Address{"fe80::1", 65535}})
    CHECK(parse_address(to_string(address)) == address);
}

TEST_CASE("a client reaches an every-interface listener by loopback") {
  CHECK(reachable({"0.0.0.0", 8080}) == Address{"127.0.0.1", 8080});
  CHECK(reachable({"::", 8080}) == Address{"::1", 8080});
  CHECK(reachable({"10.0.0.1", 8080}) == Address{"10.0.0.1", 8080});
}
