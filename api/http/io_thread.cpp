// See io_thread.hpp.
#include "api/http/io_thread.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "api/http/session.hpp"

namespace groundtruth::http {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kRoomShare = ConnectionLimits::kRoomShare;
constexpr std::size_t kMaxClosedAtOnce = 16;

milliseconds shortest(const ServerOptions& options) {
  return std::min({options.header_timeout, options.idle_timeout, options.body_timeout,
                   options.handler_timeout, options.write_timeout});
}

std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

ServerContext::ServerContext(ServerOptions server_options, Router server_router,
                             std::function<void(const AccessEntry&)> access, ErrorLog error)
    : options(std::move(server_options)),
      router(std::move(server_router)),
      access_log(std::move(access)),
      error_log(std::move(error)),
      head_writer(options),
      proxies(options.trusted_proxies, options.client_address_header),
      handler_grace(std::clamp(options.handler_timeout / 10, milliseconds(50), milliseconds(2000))),
      sweep_interval(std::clamp(shortest(options) / 8, milliseconds(5), milliseconds(100))),
      limits(options.max_connections, options.max_connections_per_address),
      memory(options.memory),
      aside(options.aside) {}

IoThread::IoThread(ServerContext& context) : context_(context) {
  std::random_device entropy;
  for (auto& word : id_state_) word = (std::uint64_t{entropy()} << 32U) | entropy();
  work_.emplace(loop_.get_executor());
  timer_.emplace(loop_);
}

IoThread::~IoThread() {
  loop_.stop();
  join();
}

void IoThread::start() {
  thread_ = std::thread([this] {
    loop_.run();
    const std::lock_guard lock(ended_mutex_);
    ended_ = true;
    ended_signal_.notify_all();
  });
}

void IoThread::keep_to(int processor) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(processor, &only);
  pthread_setaffinity_np(thread_.native_handle(), sizeof only, &only);
}

void IoThread::join() {
  if (thread_.joinable()) thread_.join();
}

bool IoThread::wait_until(Clock::time_point deadline) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(ended_mutex_);
  return ended_signal_.wait_until(lock, deadline, [this] { return ended_; });
}

void IoThread::adopt(Socket socket, const boost::asio::ip::address& address, ConnectionLimits::Place place) {
  auto begin = [this, socket = std::move(socket), address, place = std::move(place)]() mutable {
    if (draining_) return;
    auto session = std::make_shared<Session>(context_, *this, std::move(socket), address, std::move(place));
    boost::asio::co_spawn(loop_, Session::run(std::move(session)), boost::asio::detached);
  };
  boost::asio::post(loop_, std::move(begin));
}

void IoThread::drain() {
  boost::asio::post(loop_, [this] {
    draining_ = true;
    for (Session* session : sessions_) session->drain();
    if (sessions_.empty()) finish_drain();
  });
}

void IoThread::make_room() {
  if (!room_is_wanted_.exchange(true)) boost::asio::post(loop_, [this] { close_longest_idle(); });
}

// Closed without a word: an answer to half a head would hold its place until the client has read it.
// An idle connection costs its client a new one, a refused one its request. Slow heads go as idle ones do; a
// request that is under way is never cut.
void IoThread::close_longest_idle() {
  room_is_wanted_ = false;
  std::vector<std::pair<Clock::time_point, Session*>> waiting;
  for (Session* session : sessions_)
    if (const auto since = session->waits_since()) waiting.emplace_back(*since, session);
  const std::size_t share = context_.limits.max() / kRoomShare / kRoomShare;
  const auto count = std::min(std::clamp<std::size_t>(share, 1, kMaxClosedAtOnce), waiting.size());
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(waiting.begin(), end, waiting.end());
  std::for_each(waiting.begin(), end, [](const auto& entry) { entry.second->close(); });
}

void IoThread::finish_drain() {
  work_.reset();
  timer_->cancel();
}

void IoThread::cut() {
  for (Session* session : sessions_) session->close();
}

void IoThread::enlist(Session& session) {
  session.place_in_thread = sessions_.size();
  sessions_.push_back(&session);
  if (!armed_) arm();
}

void IoThread::dismiss(Session& session) {
  sessions_.back()->place_in_thread = session.place_in_thread;
  sessions_[session.place_in_thread] = sessions_.back();
  sessions_.pop_back();
  if (draining_ && sessions_.empty() && !loop_.stopped()) finish_drain();
}

void IoThread::append_request_id(std::string& out) {
  for (auto& state : id_state_) append_hex(out, 12, state);
}

void IoThread::append_traceparent(std::string& out) {
  out += "00-";
  for (auto& state : id_state_) append_hex(out, 16, state);
  out += '-';
  append_hex(out, 16, id_state_[0]);
  out += "-00";
}

// At most 16 digits, which are not all zero.
void IoThread::append_hex(std::string& out, int digits, std::uint64_t& state) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t word = splitmix(state) | 1U;
  for (int i = 0; i < digits; ++i, word >>= 4U) out.push_back(kDigits[word & 15U]);
}

// Armed only while there are connections: an idle server sleeps.
void IoThread::arm() {
  armed_ = true;
  timer_->expires_after(context_.sweep_interval);
  timer_->async_wait([this](const boost::system::error_code& error) {
    armed_ = false;
    if (error) return;
    sweep();
    if (!sessions_.empty()) arm();
  });
}

void IoThread::sweep() {
  const auto now = Clock::now();
  for (Session* session : sessions_) {
    if (session->deadline() <= now)
      session->expire();
    else
      session->look_for_client();
  }
}

}  // namespace groundtruth::http
