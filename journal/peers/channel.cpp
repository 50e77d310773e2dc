// See channel.hpp.
#include "journal/peers/channel.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace groundtruth::journal::peers {
namespace {

using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 64 * 1024;

// The context's "app data" is Asio's own.
int secret_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const ChannelSecret& secret_of(SSL* ssl) {
  return *static_cast<const ChannelSecret*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), secret_index()));
}

unsigned put_key(const ChannelSecret& secret, unsigned char* out, unsigned room) {
  if (secret.key().size() > room) return 0;
  std::memcpy(out, secret.key().data(), secret.key().size());
  return static_cast<unsigned>(secret.key().size());
}

unsigned client_key(SSL* ssl, const char*, char* identity, unsigned identity_room, unsigned char* out,
                    unsigned room) {
  const auto& secret = secret_of(ssl);
  if (secret.identity().size() >= identity_room) return 0;
  std::memcpy(identity, secret.identity().c_str(), secret.identity().size() + 1);
  return put_key(secret, out, room);
}

unsigned server_key(SSL* ssl, const char* identity, unsigned char* out, unsigned room) {
  const auto& secret = secret_of(ssl);
  return secret.identity() == identity ? put_key(secret, out, room) : 0;
}

// Neither side has a certificate, so a handshake without the common key cannot end well.
void prepare(asio::ssl::context& context, ChannelSecret& secret) {
  SSL_CTX* const native = context.native_handle();
  if (SSL_CTX_set_ex_data(native, secret_index(), &secret) != 1 ||
      SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION) != 1)
    throw std::runtime_error("OpenSSL has no TLS 1.3");
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  context.set_verify_mode(asio::ssl::verify_peer);
}

}  // namespace

ChannelSecret::ChannelSecret(std::string identity, const DataKey& key)
    : identity_(std::move(identity)),
      key_(key),
      server_(asio::ssl::context::tls_server),
      client_(asio::ssl::context::tls_client) {
  prepare(server_, *this);
  prepare(client_, *this);
  // To OpenSSL a key known before is a session: a server that verifies must say whose.
  static constexpr unsigned char kContext[] = "groundtruth";
  SSL_CTX_set_session_id_context(server_.native_handle(), kContext, sizeof kContext - 1);
  SSL_CTX_set_psk_server_callback(server_.native_handle(), server_key);
  SSL_CTX_set_psk_client_callback(client_.native_handle(), client_key);
}

Channel::Channel(Socket socket, ChannelSecret& secret, Side side)
    : loop_(socket.get_executor()),
      stream_(std::move(socket), side == Side::server ? secret.of_server() : secret.of_client()),
      side_(side),
      timer_(loop_),
      heard_(SteadyClock::now()),
      said_(heard_) {}

asio::awaitable<std::string> Channel::run(std::function<void()> opened,
                                          std::function<void(std::string_view)> take) {
  error_code failed;
  stream_.lowest_layer().set_option(asio::ip::tcp::no_delay(true), failed);
  asio::co_spawn(loop_, [self = shared_from_this()] { return self->watch(); }, asio::detached);
  const auto type = side_ == Side::server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client;
  co_await stream_.async_handshake(type, asio::redirect_error(asio::use_awaitable, failed));
  if (failed) {
    close("the handshake failed: " + failed.message());
  } else {
    heard_ = SteadyClock::now();
    open_ = true;
    opened();
    flush();
    co_await read_lines(take);
  }
  const std::lock_guard lock(mutex_);
  co_return why_closed_;
}

asio::awaitable<void> Channel::read_lines(const std::function<void(std::string_view)>& take) {
  std::string received;
  std::size_t searched = 0;
  for (;;) {
    const auto have = received.size();
    received.resize(have + kReadBytes);
    error_code failed;
    const auto more = co_await stream_.async_read_some(asio::buffer(received.data() + have, kReadBytes),
                                                       asio::redirect_error(asio::use_awaitable, failed));
    received.resize(have + more);
    if (failed) co_return close(failed.message());
    // After a stop of this process too: the other side has long given up what it had handed over.
    const auto now = SteadyClock::now();
    if (now - heard_ > kSilence) co_return close("nothing was heard");
    heard_ = now;
    std::size_t begin = 0;
    for (auto end = received.find('\n', searched); end != std::string::npos;
         end = received.find('\n', begin)) {
      if (end > begin) take(std::string_view(received).substr(begin, end - begin));
      begin = end + 1;
    }
    received.erase(0, begin);
    searched = received.size();
    if (received.size() > kMaxLineBytes) co_return close("a line is too long");
  }
}

// Ends a channel whose other side fell silent, also in the handshake.
asio::awaitable<void> Channel::watch() {
  for (;;) {
    timer_.expires_after(kHeartbeat);
    error_code cancelled;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    {
      const std::lock_guard lock(mutex_);
      if (closed_) co_return;
    }
    const auto now = SteadyClock::now();
    if (now - heard_ > kSilence) co_return close("nothing was heard");
    if (open_ && now - said_ >= kHeartbeat) send({});
  }
}

bool Channel::send(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (closed_ || unsent_.size() + line.size() >= kMaxUnsentBytes) return false;
  unsent_.append(line).push_back('\n');
  if (std::exchange(flush_posted_, true)) return true;
  asio::post(loop_, [self = shared_from_this()] { self->flush(); });
  return true;
}

void Channel::flush() {
  if (!open_ || writing_) return;
  {
    const std::lock_guard lock(mutex_);
    flush_posted_ = false;
    if (closed_ || unsent_.empty()) return;
    being_sent_.swap(unsent_);
  }
  said_ = SteadyClock::now();
  writing_ = true;
  asio::async_write(stream_, asio::buffer(being_sent_),
                    [self = shared_from_this()](error_code failed, std::size_t) {
                      self->writing_ = false;
                      self->being_sent_.clear();
                      if (failed) return self->close(failed.message());
                      self->flush();
                    });
}

void Channel::close(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    why_closed_ = std::move(why);
  }
  asio::post(loop_, [self = shared_from_this()] {
    error_code ignored;
    self->open_ = false;
    self->timer_.cancel();
    self->stream_.lowest_layer().close(ignored);
  });
}

}  // namespace groundtruth::journal::peers
