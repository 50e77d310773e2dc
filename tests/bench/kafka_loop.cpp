// What librdkafka and the brokers alone can do: records appended to one partition by an idempotent producer
// with acks=all, each read back by a consumer of the same process. `scripts/bench kafka` compares the service
// with it.
//
//   kafka_loop BROKERS [--bytes N] [--in-flight N] [--seconds N] [--rate N] [--requests N] [--linger-ms N]
//
//   --in-flight   records appended and not both acknowledged and read back; as many as the service's client
//                 has connections
//   --rate        records a second, whenever earlier ones come back, in place of --in-flight
//   --requests    produce requests on their way at once; 5 is the most that an idempotent producer may have
//
// It makes a topic of its own, bench-…, and removes it again.
#include <librdkafka/rdkafka.h>

#include <array>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "latencies.hpp"

namespace {

using bench::SteadyClock;

constexpr int kAdminTimeoutMs = 15'000;
constexpr int kPollMs = 100;
constexpr std::chrono::seconds kLastOnes{10};  // for what is still on its way at the end
constexpr std::size_t kSmallestRecord = sizeof(std::uint64_t);

struct Options {
  std::string brokers;
  std::map<std::string, double> numbers{{"bytes", 512}, {"in-flight", 64}, {"seconds", 5},
                                        {"rate", 0},    {"requests", 5},   {"linger-ms", 0}};
  double operator[](const std::string& name) const { return numbers.at(name); }
};

struct Release {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
  void operator()(rd_kafka_DeleteTopic_t* topic) const { rd_kafka_DeleteTopic_destroy(topic); }
};
template <class T>
using Owned = std::unique_ptr<T, Release>;

using Properties = std::map<std::string, std::string>;
using OnDelivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

Owned<rd_kafka_t> client(rd_kafka_type_t type, const Options& options, const Properties& properties,
                         OnDelivered on_delivered = nullptr, void* opaque = nullptr) {
  std::array<char, 512> error{};
  auto* const conf = rd_kafka_conf_new();
  auto all = properties;
  all["bootstrap.servers"] = options.brokers;
  all["log.connection.close"] = "false";
  for (const auto& [name, value] : all)
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(error.data());
  rd_kafka_conf_set_opaque(conf, opaque);
  if (on_delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
  Owned<rd_kafka_t> handle(rd_kafka_new(type, conf, error.data(), error.size()));
  if (!handle) throw std::runtime_error(error.data());
  return handle;
}

void check(rd_kafka_resp_err_t error, const char* what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error(std::string(what) + ": " + rd_kafka_err2str(error));
}

// A topic of one partition, as the journal's are made, for as long as this lives.
class Topic {
 public:
  explicit Topic(const Options& options)
      : admin_(client(RD_KAFKA_PRODUCER, options, {})),
        results_(rd_kafka_queue_new(admin_.get())),
        name_("bench-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count())) {
    Owned<rd_kafka_NewTopic_t> made(rd_kafka_NewTopic_new(name_.c_str(), 1, -1, nullptr, 0));
    auto* raw = made.get();
    rd_kafka_CreateTopics(admin_.get(), &raw, 1, nullptr, results_.get());
    check(answer(), "making the topic");
  }
  ~Topic() {
    Owned<rd_kafka_DeleteTopic_t> gone(rd_kafka_DeleteTopic_new(name_.c_str()));
    auto* raw = gone.get();
    rd_kafka_DeleteTopics(admin_.get(), &raw, 1, nullptr, results_.get());
    if (answer() != RD_KAFKA_RESP_ERR_NO_ERROR)
      std::fprintf(stderr, "kafka_loop: the topic %s is left behind\n", name_.c_str());
  }
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  const std::string& name() const { return name_; }

 private:
  rd_kafka_resp_err_t answer() const {
    const Owned<rd_kafka_event_t> event(rd_kafka_queue_poll(results_.get(), kAdminTimeoutMs));
    if (!event) return RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (const auto error = rd_kafka_event_error(event.get())) return error;
    std::size_t count = 0;
    const auto* const made = rd_kafka_event_CreateTopics_result(event.get());
    const auto* const gone = rd_kafka_event_DeleteTopics_result(event.get());
    const auto* const topics = made != nullptr   ? rd_kafka_CreateTopics_result_topics(made, &count)
                               : gone != nullptr ? rd_kafka_DeleteTopics_result_topics(gone, &count)
                                                 : nullptr;
    return count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__FAIL;
  }

  Owned<rd_kafka_t> admin_;
  Owned<rd_kafka_queue_t> results_;
  std::string name_;
};

class Loop {
 public:
  explicit Loop(const Options& options) : options_(options), topic_(options) {
    const auto text = [&](const char* name) {
      return std::to_string(static_cast<std::int64_t>(options_[name]));
    };
    // Nothing that costs waiting, on either side.
    producer_ = client(
        RD_KAFKA_PRODUCER, options_,
        {{"enable.idempotence", "true"},
         {"acks", "all"},
         {"max.in.flight.requests.per.connection", text("requests")},
         {"linger.ms", text("linger-ms")},
         {"socket.nagle.disable", "true"}},
        [](rd_kafka_t*, const rd_kafka_message_t* message, void* loop) {
          static_cast<Loop*>(loop)->delivered(*message);
        },
        this);
    consumer_ = client(RD_KAFKA_CONSUMER, options_,
                       {{"auto.offset.reset", "error"}, {"socket.nagle.disable", "true"}});
    to_.reset(rd_kafka_topic_new(producer_.get(), topic_.name().c_str(), nullptr));
    from_.reset(rd_kafka_topic_new(consumer_.get(), topic_.name().c_str(), nullptr));
    if (rd_kafka_consume_start(from_.get(), 0, 0) != 0) check(rd_kafka_last_error(), "consuming");
    poller_ = std::thread([this] {
      while (!stopping_) rd_kafka_poll(producer_.get(), kPollMs);
    });
    reader_ = std::thread([this] { read_back(); });
  }
  ~Loop() {
    stopping_ = true;
    poller_.join();
    reader_.join();
    rd_kafka_consume_stop(from_.get(), 0);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run() {
    // Connections, leaders and the broker's compiler are no part of it.
    append(SteadyClock::now());
    if (!wait_until([&] { return back_ == 1; }, std::chrono::seconds(30)))
      throw std::runtime_error("the first record did not come back");
    measure(std::chrono::duration<double>(1.0));
    measure(std::chrono::duration<double>(options_["seconds"]));
    bench::print_result(std::move(waits_ms_), seconds_, begun_.size() - back_, failed_);
  }

 private:
  void measure(std::chrono::duration<double> time) {
    {
      const std::lock_guard lock(mutex_);
      waits_ms_.clear();
    }
    const double rate = options_["rate"];
    const auto in_flight = static_cast<std::size_t>(options_["in-flight"]);
    const auto start = SteadyClock::now();
    const auto end = start + std::chrono::duration_cast<SteadyClock::duration>(time);
    if (rate > 0) {
      for (std::size_t number = 0; bench::due(start, rate, number) < end; ++number) {
        std::this_thread::sleep_until(bench::due(start, rate, number));
        append(bench::due(start, rate, number));
      }
    } else {
      while (SteadyClock::now() < end) {
        std::size_t room = 0;
        wait_until([&] { return (room = in_flight - (begun_.size() - std::min(back_, acknowledged_))) > 0; },
                   std::chrono::milliseconds(kPollMs));
        for (; room > 0; --room) append(SteadyClock::now());
      }
    }
    if (!wait_until([&] { return std::min(back_, acknowledged_) == begun_.size(); }, kLastOnes))
      throw std::runtime_error("not all records came back");
    seconds_ = bench::ms_between(start, SteadyClock::now()) / 1e3;
  }

  void append(SteadyClock::time_point at) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      number = begun_.size();
      begun_.push_back(at);
    }
    std::memcpy(value_.data(), &number, sizeof number);
    if (rd_kafka_produce(to_.get(), 0, RD_KAFKA_MSG_F_COPY, value_.data(), value_.size(), nullptr, 0,
                         nullptr) != 0)
      check(rd_kafka_last_error(), "appending");
  }

  void delivered(const rd_kafka_message_t& message) {
    {
      const std::lock_guard lock(mutex_);
      ++acknowledged_;
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) ++failed_;
    }
    changed_.notify_one();
  }

  void read_back() {
    std::array<rd_kafka_message_t*, 1'024> messages{};
    while (!stopping_) {
      // A batch would wait for more; one alone is waited for, and the rest taken as it is.
      messages[0] = rd_kafka_consume(from_.get(), 0, kPollMs);
      if (messages[0] == nullptr) continue;
      const auto more = rd_kafka_consume_batch(from_.get(), 0, 0, messages.data() + 1, messages.size() - 1);
      const auto count = 1 + static_cast<std::size_t>(std::max<ssize_t>(more, 0));
      const auto now = SteadyClock::now();
      {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < count; ++i) take(*messages[i], now);
      }
      changed_.notify_one();
      for (std::size_t i = 0; i < count; ++i) rd_kafka_message_destroy(messages[i]);
    }
  }

  // Under the lock.
  void take(const rd_kafka_message_t& message, SteadyClock::time_point now) {
    std::uint64_t number = 0;
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR || message.len < sizeof number) {
      ++failed_;
      return;
    }
    std::memcpy(&number, message.payload, sizeof number);
    if (number != back_ || number >= begun_.size()) ++failed_;  // neither twice nor out of order
    waits_ms_.push_back(bench::ms_between(begun_[std::min<std::size_t>(number, begun_.size() - 1)], now));
    ++back_;
  }

  template <class F>
  bool wait_until(F&& reached, SteadyClock::duration time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, reached);
  }

  const Options& options_;
  Topic topic_;
  Owned<rd_kafka_t> producer_, consumer_;
  Owned<rd_kafka_topic_t> to_, from_;
  std::string value_ = std::string(static_cast<std::size_t>(options_["bytes"]), 'x');
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SteadyClock::time_point> begun_;  // by the number that stands in the record
  std::vector<double> waits_ms_;
  std::size_t acknowledged_ = 0, back_ = 0, failed_ = 0;
  double seconds_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread poller_, reader_;
};

bool parse(int count, char** arguments, Options& options) {
  if (count < 2 || count % 2 != 0) return false;
  options.brokers = arguments[1];
  for (int i = 2; i < count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    if (!name.starts_with("--")) return false;
    const auto found = options.numbers.find(std::string(name.substr(2)));
    if (found == options.numbers.end()) return false;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), found->second);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || found->second < 0)
      return false;
  }
  return options["bytes"] >= kSmallestRecord && options["in-flight"] >= 1;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  if (!parse(count, arguments, options)) {
    std::fputs(
        "usage: kafka_loop BROKERS [--bytes N] [--in-flight N] [--seconds N] [--rate N] [--requests N] "
        "[--linger-ms N]\n",
        stderr);
    return 2;
  }
  try {
    Loop(options).run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kafka_loop: %s\n", error.what());
    return 1;
  }
}
