// See client_address.hpp.
#include "api/http/client_address.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace groundtruth::http {

namespace ip = boost::asio::ip;

namespace {

constexpr std::string_view kForwardedFor = "X-Forwarded-For";
constexpr std::string_view kForwarded = "Forwarded";
constexpr std::size_t kMaxPort = 65'535;
constexpr std::size_t kPortDigits = 5;
constexpr std::size_t kMaxAddressBytes = 128;  // with brackets, zone and port

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_token_char(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

// A number, or a hidden port of RFC 7239.
bool is_port(std::string_view text) {
  if (text.starts_with('_')) return is_token(text);
  if (text.empty() || text.size() > kPortDigits || !std::all_of(text.begin(), text.end(), is_digit))
    return false;
  std::size_t number = 0;
  for (const char c : text) number = number * 10 + static_cast<std::size_t>(c - '0');
  return number <= kMaxPort;
}

// Without quotes around it, or all of it.
std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
  return text;
}

std::optional<ip::address> plain_address(std::string_view text) {
  boost::system::error_code not_one;
  const ip::address address = ip::make_address(std::string(text), not_one);
  if (not_one) return std::nullopt;
  return unmapped(address);
}

}  // namespace

ip::address unmapped(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::optional<ip::address> parse_forwarded_address(std::string_view text) {
  text = trim(unquoted(trim(text)));
  if (text.size() > kMaxAddressBytes) return std::nullopt;
  std::string_view behind;  // ":4711"
  bool is_delimited = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    behind = text.substr(end + 1);
    text = text.substr(1, end - 1);
    is_delimited = true;
  }
  // A zone says which of the proxy's networks a local address is in; here it would mean another network.
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    const auto zone_end = is_delimited ? text.size() : std::min(text.find(':', percent), text.size());
    if (!is_token(text.substr(percent + 1, zone_end - percent - 1))) return std::nullopt;
    if (!is_delimited) behind = text.substr(zone_end);
    text = text.substr(0, percent);
    is_delimited = true;
  }
  auto address = plain_address(text);
  if (const auto colon = text.rfind(':'); !address && !is_delimited && colon != std::string_view::npos) {
    address = plain_address(text.substr(0, colon));
    behind = text.substr(colon);
  }
  if (!behind.empty() && (behind.front() != ':' || !is_port(behind.substr(1)))) return std::nullopt;
  return address;
}

std::optional<std::vector<std::string>> parse_forwarded(std::string_view line) {
  std::vector<std::string> clients;
  std::optional<std::string> client;  // of the element at hand
  bool has_pairs = false;
  std::size_t at = 0;
  const auto skip_space = [&] {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  };
  for (;;) {
    skip_space();
    if (at < line.size() && line[at] != ',' && line[at] != ';') {
      const auto equals = line.find('=', at);
      if (equals == std::string_view::npos) return std::nullopt;
      const std::string_view name = trim(line.substr(at, equals - at));
      if (!is_token(name)) return std::nullopt;
      at = equals + 1;
      skip_space();
      std::string value;
      if (at < line.size() && line[at] == '"') {
        for (++at; at < line.size() && line[at] != '"'; ++at) {
          if (line[at] == '\\' && ++at == line.size()) return std::nullopt;
          value += line[at];
        }
        if (at++ >= line.size()) return std::nullopt;  // the quotes do not close
        skip_space();
        if (at < line.size() && line[at] != ',' && line[at] != ';') return std::nullopt;
      } else {
        const auto end = std::min(line.find_first_of(",;", at), line.size());
        value = trim(line.substr(at, end - at));
        if (value.find('"') != std::string::npos) return std::nullopt;
        at = end;
      }
      has_pairs = true;
      if (equals_ignoring_case(name, "for")) {
        if (client) return std::nullopt;  // RFC 7239 (4): once in an element
        client = std::move(value);
      }
    }
    const bool is_end = at >= line.size();
    if (is_end || line[at] == ',') {
      if (has_pairs) clients.push_back(client ? std::move(*client) : std::string());
      client.reset();
      has_pairs = false;
      if (is_end) return clients;
    }
    ++at;
  }
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks, std::string header)
    : header_(std::move(header)) {
  if (!header_.empty() && !is_token(header_))
    throw std::invalid_argument(header_ + " cannot be the name of a header");
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

namespace {

std::string unknown_by(std::string_view proxy) {
  return std::string("unknown by ").append(proxy);
}

// The items of one line, in order; those of a list may be empty, which RFC 9110 (5.6.1) asks to pass over.
std::vector<std::string> items_of(std::string_view line) {
  std::vector<std::string> items;
  while (!line.empty()) {
    const auto comma = std::min(line.find(','), line.size());
    if (const auto item = trim(line.substr(0, comma)); !item.empty()) items.emplace_back(item);
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  return items;
}

}  // namespace

// Each line is read for itself, from the last one on: what a client left open in a line of its own does not
// reach into the one that a proxy has added.
std::optional<std::string> TrustedProxies::client_in(const Headers& headers, std::string_view name,
                                                     std::string_view proxy) const {
  const bool is_rfc7239 = equals_ignoring_case(name, kForwarded);
  std::vector<std::string_view> lines;
  for (const auto& [field, value] : headers)
    if (equals_ignoring_case(field, name)) lines.emplace_back(value);
  std::optional<std::string> client;
  for (; !lines.empty(); lines.pop_back()) {
    auto items = is_rfc7239 ? parse_forwarded(lines.back()) : items_of(lines.back());
    if (!items) return unknown_by(client ? *client : proxy);
    for (; !items->empty(); items->pop_back()) {
      const auto address = parse_forwarded_address(items->back());
      if (!address) return unknown_by(client ? *client : proxy);
      client = address->to_string();
      if (!contain(*address)) return client;
    }
  }
  return client;
}

std::string TrustedProxies::client_of(const Headers& headers, std::string_view proxy) const {
  if (!header_.empty()) return client_in(headers, header_, proxy).value_or(std::string(proxy));
  auto client = client_in(headers, kForwardedFor, proxy);
  if (const auto other = client_in(headers, kForwarded, proxy)) {
    if (client && *client != *other) return unknown_by(proxy);
    client = other;
  }
  return client.value_or(std::string(proxy));
}

}  // namespace groundtruth::http
