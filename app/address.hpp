// A TCP address as it is given on the command line and in configuration: "127.0.0.1:8080", "[::1]:8080",
// ":8080".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::app {

struct Address {
  std::string host =
      "127.0.0.1";         // an IP address; names are not resolved, so that a server binds what was written
  std::uint16_t port = 0;  // 0: the system picks one
  friend bool operator==(const Address&, const Address&) = default;
};

// nullopt: not an IPv4 or a bracketed IPv6 address with a port of 0–65535. An empty host means every IPv4
// interface, "localhost" means 127.0.0.1.
std::optional<Address> parse_address(std::string_view text);

std::string to_string(const Address& address);  // parses back

// Where a client on this machine reaches a listener: every-interface addresses become loopback.
Address reachable(Address address);

bool is_loopback(const Address& address);
bool is_every_interface(const Address& address);

}  // namespace groundtruth::app
