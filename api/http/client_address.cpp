// See client_address.hpp.
#include "api/http/client_address.hpp"

#include <algorithm>
#include <stdexcept>

namespace groundtruth::http {

namespace ip = boost::asio::ip;

ip::address unmapped(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    const bool is_network = text.find('/') != std::string::npos;
    boost::system::error_code not_v4, not_v6;
    const auto v4 = ip::make_network_v4(is_network ? text : text + "/32", not_v4);
    const auto v6 = ip::make_network_v6(is_network ? text : text + "/128", not_v6);
    if (!not_v4)
      v4_.push_back(v4.canonical());
    else if (!not_v6 && !v6.address().is_v4_mapped())
      v6_.push_back(v6.canonical());
    else
      throw std::invalid_argument(text + " is neither an IP address nor a network such as 10.0.0.0/8");
  }
}

bool TrustedProxies::contain(const ip::address& address) const {
  const ip::address plain = unmapped(address);
  if (plain.is_v4())
    return std::any_of(v4_.begin(), v4_.end(), [&](const ip::network_v4& network) {
      return ip::network_v4(plain.to_v4(), network.prefix_length()).canonical() == network;
    });
  return std::any_of(v6_.begin(), v6_.end(), [&](const ip::network_v6& network) {
    return ip::network_v6(plain.to_v6(), network.prefix_length()).canonical() == network;
  });
}

std::string TrustedProxies::client_of(const Headers& headers, std::string_view proxy) const {
  std::string way;
  for (const auto& [name, value] : headers)
    if (equals_ignoring_case(name, "X-Forwarded-For")) way.append(way.empty() ? "" : ",").append(value);
  std::string client(proxy);
  for (std::string_view left = way; !left.empty();) {
    const auto comma = left.rfind(',');
    const auto last = comma == std::string_view::npos ? left : left.substr(comma + 1);
    left = comma == std::string_view::npos ? std::string_view{} : left.substr(0, comma);
    boost::system::error_code not_one;
    const ip::address address = ip::make_address(trim(last), not_one);
    if (not_one) break;
    client = unmapped(address).to_string();
    if (!contain(address)) break;
  }
  return client;
}

}  // namespace groundtruth::http
