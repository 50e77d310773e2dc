// How many connections there are, in all and by client address. One instance a server, called from every I/O
// thread, but only when a connection opens or closes.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace groundtruth::http {

class ConnectionLimits {
 public:
  // IPv4 by address; IPv6 by /64, which is what one client has.
  using Key = std::array<unsigned char, 8>;
  static Key key_of(const boost::asio::ip::address& address);

  // A place for one connection, given back on destruction.
  class Place {
   public:
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class ConnectionLimits;
    Place(ConnectionLimits& limits, Key key) : limits_(&limits), key_(key) {}
    ConnectionLimits* limits_;
    Key key_;
  };

  ConnectionLimits(std::size_t max, std::size_t max_per_address)
      : max_(max), max_per_address_(max_per_address) {}

  // A proxy brings the connections of many: only the cap on all of them holds for it.
  std::optional<Place> take(const boost::asio::ip::address& address, bool is_proxy);

  // Fewer than one in kRoomShare of all places are left: idle connections should make room.
  static constexpr std::size_t kRoomShare = 8;
  bool is_nearly_full() const { return open() + max_ / kRoomShare > max_; }
  std::size_t max() const { return max_; }

  std::uint64_t open() const { return open_.load(std::memory_order_relaxed); }
  std::uint64_t total() const { return total_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  void give_back(const Key& key);

  const std::size_t max_;
  const std::size_t max_per_address_;
  std::mutex mutex_;
  std::map<Key, std::size_t> by_address_;
  std::atomic<std::uint64_t> open_{0}, total_{0}, refused_{0};
};

}  // namespace groundtruth::http
