// See connection_limits.hpp.
#include "api/http/connection_limits.hpp"

#include <algorithm>
#include <utility>

namespace groundtruth::http {

ConnectionLimits::Key ConnectionLimits::key_of(const boost::asio::ip::address& address) {
  Key key{};
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), key.begin() + 4);
  } else {
    const auto bytes = address.to_v6().to_bytes();
    std::copy_n(bytes.begin(), key.size(), key.begin());
  }
  return key;
}

ConnectionLimits::Place::Place(Place&& other) noexcept
    : limits_(std::exchange(other.limits_, nullptr)), key_(other.key_) {}

ConnectionLimits::Place::~Place() {
  if (limits_) limits_->give_back(key_);
}

std::optional<ConnectionLimits::Place> ConnectionLimits::take(const boost::asio::ip::address& address,
                                                              bool is_proxy) {
  const Key key = key_of(address);
  const std::lock_guard lock(mutex_);
  total_.fetch_add(1, std::memory_order_relaxed);
  std::size_t& of_address = by_address_[key];
  if (open() >= max_ || (!is_proxy && of_address >= max_per_address_)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    if (of_address == 0) by_address_.erase(key);
    return std::nullopt;
  }
  ++of_address;
  open_.fetch_add(1, std::memory_order_relaxed);
  return Place(*this, key);
}

void ConnectionLimits::give_back(const Key& key) {
  const std::lock_guard lock(mutex_);
  open_.fetch_sub(1, std::memory_order_relaxed);
  const auto entry = by_address_.find(key);
  if (--entry->second == 0) by_address_.erase(entry);
}

}  // namespace groundtruth::http
