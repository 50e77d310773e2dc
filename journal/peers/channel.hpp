// A connection between two processes of one system: lines of text, both ways, over TLS 1.3 with a key that
// both have before (RFC 8446, 2.2) and no certificates. Whoever does not have the key, or has another
// journal, gets no connection.
//
// A side that was not heard for kSilence is gone, whatever its socket says: each sends an empty line, which
// is never handed on, when it has had nothing else to say for kHeartbeat.
//
// Threads: `send` and `close` may be called from any thread; all else runs on the channel's event loop, which
// one thread runs.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "journal/key_store.hpp"

namespace groundtruth::journal::peers {

inline constexpr std::chrono::milliseconds kHeartbeat{500};
inline constexpr std::chrono::milliseconds kSilence{2'000};
inline constexpr std::size_t kMaxLineBytes = 1024 * 1024;  // a command is less than half of it
inline constexpr std::size_t kMaxUnsentBytes = 16 * 1024 * 1024;

namespace asio = boost::asio;
using Socket = asio::ip::tcp::socket;

// Both sides' part in a handshake.
class ChannelSecret {
 public:
  // `identity` names the journal.
  ChannelSecret(std::string identity, const DataKey& key);
  asio::ssl::context& of_server() { return server_; }
  asio::ssl::context& of_client() { return client_; }

  const std::string& identity() const { return identity_; }
  const DataKey& key() const { return key_; }

 private:
  const std::string identity_;
  const DataKey key_;
  asio::ssl::context server_, client_;
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  enum class Side : std::uint8_t { server, client };
  Channel(Socket socket, ChannelSecret& secret, Side side);

  // Shakes hands, then hands on each line without its end; returns once the channel is closed, with the
  // reason in words. `opened` is called in between. Never throws.
  asio::awaitable<std::string> run(std::function<void()> opened, std::function<void(std::string_view)> take);

  // False: there is no room, or it is closed; nothing was sent. `line` has no line break.
  bool send(std::string_view line);
  void close(std::string why);  // what was sent may be lost

 private:
  void flush();
  asio::awaitable<void> read_lines(const std::function<void(std::string_view)>& take);
  asio::awaitable<void> watch();

  asio::any_io_executor loop_;
  asio::ssl::stream<Socket> stream_;
  const Side side_;
  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point heard_, said_;
  bool open_ = false, writing_ = false;
  std::string being_sent_;

  std::mutex mutex_;
  std::string unsent_;
  bool flush_posted_ = false;
  bool closed_ = false;
  std::string why_closed_;
};

}  // namespace groundtruth::journal::peers
