// See server.hpp: listening, handing connections to the I/O threads, stopping.
#include "api/http/server.hpp"

#include <sched.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <mutex>
#include <system_error>
#include <vector>

#include "api/http/io_thread.hpp"
#include "api/http/refusal.hpp"

namespace groundtruth::http {

namespace {

using boost::asio::redirect_error;
using boost::asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptPause{50};  // when the process has no file descriptor left

// The processors that this process may use.
std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> all;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return all;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &set)) all.push_back(i);
  return all;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions options, Router router, std::function<void(const AccessEntry&)> access_log,
       ErrorLog error_log)
      : context(std::move(options), std::move(router), std::move(access_log), std::move(error_log)) {
    for (unsigned i = 0; i < std::max(1U, context.options.io_threads); ++i) {
      threads.push_back(std::make_unique<IoThread>(context));
    }
    try {
      listen();
    } catch (const boost::system::system_error& error) {
      throw std::system_error(error.code(), "cannot listen on " + context.options.address + " port " +
                                                std::to_string(context.options.port));
    }
    port = acceptor->local_endpoint().port();
  }

  void listen() {
    const tcp::endpoint endpoint(boost::asio::ip::make_address(context.options.address),
                                 context.options.port);
    acceptor.emplace(threads.front()->loop());
    acceptor->open(endpoint.protocol());
    acceptor->set_option(tcp::acceptor::reuse_address(true));
    acceptor->bind(endpoint);
    acceptor->listen(tcp::acceptor::max_listen_connections);
  }

  // Best effort: the request is never read, so nobody knows whose it is, and a client that is still sending
  // may see a reset instead. On the thread that accepts.
  void turn_away(Socket& socket) {
    std::string answer;
    try {
      IoThread& thread = *threads.front();
      Request unread;
      thread.append_request_id(unread.request_id);
      const Response response = refusal_of(context.router.surface_for(unread), Refusal::unavailable, unread,
                                           "too many connections");
      HeadWriter::Exchange exchange;
      exchange.keep_alive = false;
      context.head_writer.append(answer, unread, response, exchange, thread.date());
      answer += response.body;
    } catch (const std::exception& failure) {
      if (context.error_log) context.error_log("-", "-", failure.what());
    }
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(answer), ignored);
    socket.shutdown(Socket::shutdown_send, ignored);
    socket.close(ignored);
  }

  static Async<void> accept(Impl& self) {
    boost::asio::steady_timer pause(self.threads.front()->loop());
    for (std::size_t next = 0; self.acceptor->is_open(); next = (next + 1) % self.threads.size()) {
      IoThread& thread = *self.threads[next];
      boost::system::error_code error;
      tcp::endpoint peer;
      Socket socket = co_await self.acceptor->async_accept(thread.loop().get_executor(), peer,
                                                           redirect_error(use_awaitable, error));
      if (!self.acceptor->is_open()) co_return;
      if (!error) {
        const auto address = unmapped(peer.address());
        if (self.context.limits.is_nearly_full()) thread.make_room();
        if (auto place = self.context.limits.take(address, self.context.proxies.contain(address))) {
          thread.adopt(std::move(socket), address, std::move(*place));
        } else {
          self.turn_away(socket);
        }
      } else if (error != boost::asio::error::connection_aborted) {
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(redirect_error(use_awaitable, error));
      }
    }
  }

  void stop() {
    const std::lock_guard lock(stopping);
    if (stopped) return;
    stopped = true;
    if (!started) {
      acceptor->close();
      return;
    }
    const auto deadline = Clock::now() + context.options.drain_timeout;
    boost::asio::post(threads.front()->loop(), [this] {
      boost::system::error_code ignored;
      acceptor->close(ignored);
      for (auto& thread : threads) thread->drain();
    });
    for (auto& thread : threads) {
      if (!thread->wait_until(deadline)) thread->loop().stop();
    }
    for (auto& thread : threads) thread->join();
    for (auto& thread : threads) thread->cut();
  }

  ServerContext context;
  std::vector<std::unique_ptr<IoThread>> threads;
  std::optional<tcp::acceptor> acceptor;
  std::uint16_t port = 0;
  std::mutex stopping;
  bool started = false, stopped = false;
};

Server::Server(ServerOptions options, Router router, std::function<void(const AccessEntry&)> access_log,
               ErrorLog error_log)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(router), std::move(access_log),
                                   std::move(error_log))) {}

Server::~Server() {
  stop();
}

void Server::start() {
  impl_->started = true;
  boost::asio::co_spawn(impl_->threads.front()->loop(), Impl::accept(*impl_), boost::asio::detached);
  for (auto& thread : impl_->threads) thread->start();
  // One for each processor: then each keeps to its own. Left to itself a kernel wakes both on the processor
  // of whoever wakes them, where one waits for the other while the second processor idles.
  const auto own = processors();
  if (own.size() != impl_->threads.size()) return;
  for (std::size_t i = 0; i < own.size(); ++i) impl_->threads[i]->keep_to(own[i]);
}

void Server::stop() {
  impl_->stop();
}

std::uint16_t Server::port() const {
  return impl_->port;
}

Server::Counters Server::counters() const {
  const auto& limits = impl_->context.limits;
  Counters counters{limits.open(), limits.total(), limits.refused(), 0};
  for (const auto& thread : impl_->threads) counters.requests_total += thread->requests();
  return counters;
}

}  // namespace groundtruth::http
