// POST /api/v1/tasks at a given rate, whatever the answers take: what wrk cannot do. One thread, as many
// connections as asked for; `scripts/bench kafka` compares its p99 with that of the bare loop.
//
//   paced_posts HOST:PORT PATH KEY RATE SECONDS CONNECTIONS RUN IDS
//
// A request whose time has come while every connection waits for an answer waits for one of them, and that
// wait is part of its latency. Ids of 2xx answers are appended to IDS.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <deque>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "latencies.hpp"

namespace {

using bench::SteadyClock;

constexpr std::chrono::seconds kLastOnes{30};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {
    if (number_ < 0) fail("open");
  }
  ~Descriptor() { close(number_); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

struct Connection {
  Descriptor socket;
  std::string received;
  SteadyClock::time_point since{};  // when its request was due
  bool waits = false;
};

struct Answer {
  int status = 0;
  std::size_t size = 0;  // of head and body
  std::string_view body;
};

// False: not all of it is there yet.
bool parse(std::string_view received, Answer& answer) {
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return false;
  const auto head = received.substr(0, head_end);
  const auto number_after = [&](std::size_t at) {
    std::size_t value = 0;
    std::from_chars(head.data() + at, head.data() + head.size(), value);
    return value;
  };
  constexpr std::string_view kVersion = "HTTP/1.1 ", kLength = "\r\nContent-Length: ";
  const auto length = head.find(kLength);
  if (!head.starts_with(kVersion) || length == std::string_view::npos)
    throw std::runtime_error("an answer that this client does not understand: " + std::string(head));
  const auto body_size = number_after(length + kLength.size());
  answer.size = head_end + 4 + body_size;
  if (received.size() < answer.size) return false;
  answer.status = static_cast<int>(number_after(kVersion.size()));
  answer.body = received.substr(head_end + 4, body_size);
  return true;
}

struct Plan {
  std::string host, path, key, run;
  std::uint16_t port = 0;
  double rate = 0, seconds = 0;
  std::size_t connections = 0;
};

class Client {
 public:
  Client(Plan plan, std::ofstream ids)
      : plan_(std::move(plan)), ids_(std::move(ids)), events_(epoll_create1(0)), timer_(make_timer()) {
    watch(timer_.get(), kTimer);
    connections_.reserve(plan_.connections);
    for (std::size_t i = 0; i < plan_.connections; ++i) {
      connections_.push_back({connect_one(), {}, {}, false});
      watch(connections_.back().socket.get(), i);
      idle_.push_back(i);
    }
  }

  void run() {
    const auto start = SteadyClock::now();
    const auto count = static_cast<std::size_t>(plan_.rate * plan_.seconds);
    const auto deadline = bench::due(start, plan_.rate, count) + kLastOnes;
    std::array<epoll_event, 256> events{};
    while (finished_ + errors_ < count && SteadyClock::now() < deadline) {
      while (due_ < count && bench::due(start, plan_.rate, due_) <= SteadyClock::now())
        late_.push_back(bench::due(start, plan_.rate, due_++));
      while (!late_.empty() && !idle_.empty()) send_next();
      arm(due_ < count ? bench::due(start, plan_.rate, due_) : deadline);
      const int ready = epoll_wait(events_.get(), events.data(), static_cast<int>(events.size()), 1'000);
      if (ready < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < ready; ++i) {
        const auto which = events[static_cast<std::size_t>(i)].data.u64;
        if (which != kTimer) receive(which);
      }
    }
    bench::print_result(std::move(waits_ms_), bench::ms_between(start, SteadyClock::now()) / 1e3,
                        count - finished_ - errors_, errors_);
  }

 private:
  static constexpr std::uint64_t kTimer = ~std::uint64_t{0};

  static int make_timer() { return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); }

  Descriptor connect_one() const {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    if (inet_pton(AF_INET, plan_.host.c_str(), &address.sin_addr) != 1) fail("address");
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      fail("connect");
    const int yes = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return socket;
  }

  void watch(int descriptor, std::uint64_t which) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = which;
    if (epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
  }

  // steady_clock is CLOCK_MONOTONIC here. Setting it anew takes away that it had gone off.
  void arm(SteadyClock::time_point when) const {
    const auto ns = std::chrono::nanoseconds(when.time_since_epoch()).count();
    itimerspec time{};
    time.it_value.tv_sec = ns / 1'000'000'000;
    time.it_value.tv_nsec = ns % 1'000'000'000;
    if (timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time, nullptr) != 0) fail("timerfd_settime");
  }

  void send_next() {
    auto& connection = connections_[idle_.front()];
    idle_.pop_front();
    connection.since = late_.front();
    connection.waits = true;
    late_.pop_front();
    // The same request as load.lua's.
    const std::string body = "{\"title\":\"Street scene " + plan_.run + "-" + std::to_string(sent_++) +
                             "\",\"instructions\":\"Walk any public street for 30 s. Steady hand, no "
                             "filters.\",\"modalities\":[\"video\"],\"reward_cents\":250,"
                             "\"target_submissions\":100}";
    const std::string request =
        "POST " + plan_.path + " HTTP/1.1\r\nHost: " + plan_.host + "\r\nAuthorization: Bearer " + plan_.key +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    // A request is far smaller than the socket's buffer, which is empty: it goes as a whole.
    if (send(connection.socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
      fail("send");
  }

  void receive(std::size_t which) {
    auto& connection = connections_[which];
    std::array<char, 16'384> buffer{};
    const auto got = recv(connection.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) throw std::runtime_error("the service closed a connection");
    connection.received.append(buffer.data(), static_cast<std::size_t>(got));
    Answer answer;
    if (!parse(connection.received, answer)) return;
    if (!connection.waits) throw std::runtime_error("an answer to nothing");
    if (answer.status >= 200 && answer.status < 300) {
      ++finished_;
      waits_ms_.push_back(bench::ms_between(connection.since, SteadyClock::now()));
      keep_id(answer.body);
    } else {
      ++errors_;
    }
    connection.received.erase(0, answer.size);
    connection.waits = false;
    idle_.push_back(which);
  }

  void keep_id(std::string_view body) {
    const auto at = body.find("\"tsk_");
    if (at == std::string_view::npos) return;
    ids_ << body.substr(at + 1, body.find('"', at + 1) - at - 1) << '\n';
  }

  const Plan plan_;
  std::ofstream ids_;
  Descriptor events_, timer_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;
  std::deque<SteadyClock::time_point> late_;  // due, and not sent yet
  std::vector<double> waits_ms_;
  std::size_t due_ = 0, sent_ = 0, finished_ = 0, errors_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 9) {
    std::fputs("usage: paced_posts HOST:PORT PATH KEY RATE SECONDS CONNECTIONS RUN IDS\n", stderr);
    return 2;
  }
  try {
    Plan plan;
    const std::string address = arguments[1];
    const auto colon = address.rfind(':');
    plan.host = address.substr(0, colon);
    plan.port = static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)));
    plan.path = arguments[2];
    plan.key = arguments[3];
    plan.rate = std::stod(arguments[4]);
    plan.seconds = std::stod(arguments[5]);
    plan.connections = std::stoul(arguments[6]);
    plan.run = arguments[7];
    std::ofstream ids(arguments[8], std::ios::app);
    if (!ids) throw std::runtime_error("the file for ids cannot be opened");
    Client(std::move(plan), std::move(ids)).run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "paced_posts: %s\n", error.what());
    return 1;
  }
}
