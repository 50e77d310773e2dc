// Who a client is by its address, and where proxies stand in front, by what they say of it.
//
// Immutable, so callable from every thread. Everybody may send X-Forwarded-For; only what the proxies of the
// configuration have added to it is believed.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/message.hpp"

namespace groundtruth::http {

// IPv4 as IPv4, also where a socket for both kinds shows it as IPv6.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

class TrustedProxies {
 public:
  // Each an address ("10.0.0.7", "fd00::7") or a network ("10.0.0.0/8"), IPv4 as IPv4. Throws
  // std::invalid_argument that names the one that is neither.
  explicit TrustedProxies(const std::vector<std::string>& networks);

  bool contain(const boost::asio::ip::address& address) const;

  // The client of a request that came from such a proxy: of X-Forwarded-For, read from its end, the first
  // that is none of them itself. Reading ends before what is no address; then it is the last that was read,
  // and `proxy` where there is none.
  std::string client_of(const Headers& headers, std::string_view proxy) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;  // canonical, as are those below
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace groundtruth::http
