// See address.hpp.
#include "app/address.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace groundtruth::app {
namespace {

bool is_ip(int family, const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port_text = text.substr(colon + 1);
  unsigned port = 0;
  const auto end = port_text.data() + port_text.size();
  const auto [stop, error] = std::from_chars(port_text.data(), end, port);
  if (error != std::errc{} || stop != end || port > 65'535) return std::nullopt;

  Address address;
  address.port = static_cast<std::uint16_t>(port);
  const auto host = text.substr(0, colon);
  if (host.empty()) {
    address.host = "0.0.0.0";
  } else if (host == "localhost") {
    address.host = "127.0.0.1";
  } else if (host.front() == '[') {
    if (host.back() != ']') return std::nullopt;
    address.host = std::string(host.substr(1, host.size() - 2));
    if (!is_ip(AF_INET6, address.host)) return std::nullopt;
  } else {
    address.host = std::string(host);
    if (!is_ip(AF_INET, address.host)) return std::nullopt;
  }
  return address;
}

std::string to_string(const Address& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Address reachable(Address address) {
  if (is_every_interface(address)) address.host = address.host == "::" ? "::1" : "127.0.0.1";
  return address;
}

bool is_every_interface(const Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

bool is_loopback(const Address& address) {
  return address.host.starts_with("127.") || address.host == "::1";
}

}  // namespace groundtruth::app
