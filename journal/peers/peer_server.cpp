// See peer_server.hpp.
#include "journal/peers/peer_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <system_error>
#include <utility>

#include "journal/peers/handed.hpp"

namespace groundtruth::journal::peers {
namespace {

// More than any system has nodes; what connects without the key is gone after kSilence.
constexpr std::size_t kMaxChannels = 256;
constexpr std::chrono::milliseconds kAcceptPause{100};  // where the process has no descriptors left

// Where it does not fit, all that the channel still owes is for the journal to say.
void reply(const std::shared_ptr<Channel>& channel, const std::string& line) {
  if (!channel->send(line)) channel->close("too many answers are queued to be sent");
}

asio::ip::tcp::acceptor listen(asio::io_context& loop, const std::string& host, std::uint16_t port) try {
  using Resolver = asio::ip::tcp::resolver;
  const auto found =
      Resolver(loop).resolve(host, std::to_string(port), Resolver::passive | Resolver::numeric_service);
  return {loop, found.begin()->endpoint(), true};
} catch (const boost::system::system_error& failure) {
  throw std::system_error(failure.code());
}

}  // namespace

PeerServer::PeerServer(asio::io_context& loop, Node& node, Clock& clock, ChannelSecret& secret,
                       const std::string& host, std::uint16_t port)
    : loop_(loop), node_(node), clock_(clock), secret_(secret), acceptor_(listen(loop, host, port)) {}

void PeerServer::start() {
  asio::co_spawn(loop_, [self = shared_from_this()] { return self->accept(); }, asio::detached);
}

asio::awaitable<void> PeerServer::accept() {
  while (acceptor_.is_open()) {
    boost::system::error_code failed;
    Socket socket(loop_);
    co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, failed));
    if (failed) {
      asio::steady_timer pause(loop_, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
      continue;
    }
    if (channels_.size() >= kMaxChannels) continue;
    auto channel = std::make_shared<Channel>(std::move(socket), secret_, Channel::Side::server);
    channels_.insert(channel);
    asio::co_spawn(
        loop_, [self = shared_from_this(), channel] { return self->serve(channel); }, asio::detached);
  }
}

asio::awaitable<void> PeerServer::serve(std::shared_ptr<Channel> channel) {
  const auto opened = [] {};
  const auto taken = [this, channel](std::string_view line) { take(channel, line); };
  co_await channel->run(opened, taken);
  channels_.erase(channel);
}

void PeerServer::take(const std::shared_ptr<Channel>& channel, std::string_view line) {
  auto handed = decode_submission(line, clock_.steady());
  if (!handed) return channel->close("the peer sent something that is not a command");
  ++taken_;
  if (!handed->submission) {
    ++declined_;
    reply(channel, encode_declined(handed->number));
    return;
  }
  // Who does not get its answer asks the journal.
  handed->submission->done = [channel, number = handed->number,
                              server = weak_from_this()](const Answer& answer) {
    if (const auto self = server.lock(); self && answer.elsewhere) ++self->declined_;
    reply(channel, encode_answer(number, answer));
  };
  node_.submit_here(std::move(*handed->submission));
}

void PeerServer::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& channel : channels_) channel->close("shutting down");
}

}  // namespace groundtruth::journal::peers
