// Who a client is by its address, and where proxies stand in front, by what they say of it.
//
// Immutable, so callable from every thread. Everybody may send X-Forwarded-For or Forwarded; only what the
// proxies of the configuration have added is believed. docs/proxies.md has the forms by product.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"

namespace groundtruth::http {

// IPv4 as IPv4, also where a socket for both kinds shows it as IPv6.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

// The address in what a proxy writes of its client: bare ("203.0.113.9", "2001:db8::1"), in brackets or
// double quotes, with a port behind it ("203.0.113.9:4711", "[2001:db8::1]:4711"; without brackets where the
// port cannot be a part of the address), with a zone ("fe80::1%eth0", which is left out), as IPv4 mapped to
// IPv6. nullopt: anything else, such as "unknown" and the hidden names ("_k3") of RFC 7239.
std::optional<boost::asio::ip::address> parse_forwarded_address(std::string_view text);

// What one line of a Forwarded header says of clients: the `for` of each element, in order, without quotes;
// "" where an element has none. nullopt: the line does not follow the grammar of RFC 7239, where values that
// should stand in quotes may do without.
std::optional<std::vector<std::string>> parse_forwarded(std::string_view line);

class TrustedProxies {
 public:
  // Each an address ("10.0.0.7", "fd00::7") or a network ("10.0.0.0/8"), IPv4 as IPv4. `header` names the one
  // header that these proxies write; "" is X-Forwarded-For or Forwarded, whichever is there. Throws
  // std::invalid_argument that names what is wrong.
  explicit TrustedProxies(const std::vector<std::string>& networks, std::string header = {});

  bool contain(const boost::asio::ip::address& address) const;

  // The client of a request that came from such a proxy: in the header, read from its end, the first address
  // that is none of them itself; the last one that was read where all are; `proxy` where nothing is said.
  // Where the reading meets what is no address, the client is nobody that can be told apart: all such clients
  // of a proxy are one ("unknown by 10.0.0.1"), which neither is the proxy nor can be chosen by what a client
  // writes. So it is, too, where both headers are there and name different clients, for one of them the proxy
  // only passed on.
  std::string client_of(const Headers& headers, std::string_view proxy) const;

 private:
  // nullopt: no such header, or nothing in it.
  std::optional<std::string> client_in(const Headers& headers, std::string_view name,
                                       std::string_view proxy) const;

  std::vector<boost::asio::ip::network_v4> v4_;  // canonical, as are those below
  std::vector<boost::asio::ip::network_v6> v6_;
  std::string header_;
};

}  // namespace groundtruth::http
