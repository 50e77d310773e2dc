// Takes commands from other processes of the system, has this node's own writers decide them, and answers.
// Private to preferred_writers.cpp.
//
// Threads: the event loop's, but for answers, which come on the node's executor.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "journal/node.hpp"
#include "journal/peers/channel.hpp"

namespace groundtruth::journal::peers {

class PeerServer : public std::enable_shared_from_this<PeerServer> {
 public:
  // Listens at once; throws std::system_error where the address cannot be had.
  PeerServer(asio::io_context& loop, Node& node, Clock& clock, ChannelSecret& secret, const std::string& host,
             std::uint16_t port);

  void start();
  void stop();  // on the loop: closes the listener and every channel
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t declined() const { return declined_; }

 private:
  asio::awaitable<void> accept();
  asio::awaitable<void> serve(std::shared_ptr<Channel> channel);
  void take(const std::shared_ptr<Channel>& channel, std::string_view line);

  asio::io_context& loop_;
  Node& node_;
  Clock& clock_;
  ChannelSecret& secret_;
  asio::ip::tcp::acceptor acceptor_;
  std::set<std::shared_ptr<Channel>> channels_;
  std::atomic<std::uint64_t> taken_{0}, declined_{0};
};

}  // namespace groundtruth::journal::peers
