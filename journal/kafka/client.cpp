// How this journal's clients of Kafka are made, and what all of them need (contract in client.hpp).
#include "journal/kafka/client.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>

namespace groundtruth::journal::kafka {
namespace {

constexpr std::size_t kFetchRecords = 512;           // taken from librdkafka's queue at once
constexpr std::chrono::milliseconds kReaderWait{1};  // only what is there is asked for

// What the protocol rests on, and what would undo it.
const std::set<std::string>& fixed_properties() {
  static const std::set<std::string> kFixed{"bootstrap.servers",
                                            "metadata.broker.list",
                                            "acks",
                                            "request.required.acks",
                                            "enable.idempotence",
                                            "enable.gapless.guarantee",
                                            "transactional.id",
                                            "transaction.timeout.ms",
                                            "max.in.flight.requests.per.connection",
                                            "max.in.flight",
                                            "retries",
                                            "message.send.max.retries",
                                            "queuing.strategy",
                                            "message.timeout.ms",
                                            "delivery.timeout.ms",
                                            "queue.buffering.max.messages",
                                            "queue.buffering.max.kbytes",
                                            "auto.offset.reset",
                                            "enable.auto.commit",
                                            "auto.commit.enable",
                                            "enable.auto.offset.store",
                                            "isolation.level",
                                            "allow.auto.create.topics",
                                            "group.id",
                                            "group.instance.id",
                                            "session.timeout.ms",
                                            "heartbeat.interval.ms",
                                            "max.poll.interval.ms",
                                            "partition.assignment.strategy",
                                            "delivery.report.only.error",
                                            "enable.partition.eof",
                                            "statistics.interval.ms",
                                            "produce.offset.report"};
  return kFixed;
}

Properties properties_of(Role role, const KafkaJournalOptions& options) {
  const auto ms = [](std::chrono::milliseconds time) { return std::to_string(time.count()); };
  Properties out{{"client.id", "groundtruth"},
                 {"bootstrap.servers", options.brokers},
                 {"socket.nagle.disable", "true"},
                 {"reconnect.backoff.ms", "50"},
                 {"reconnect.backoff.max.ms", "500"},
                 {"topic.metadata.refresh.fast.interval.ms", "100"},
                 {"broker.address.ttl", "1000"},
                 {"log.connection.close", "false"},
                 {"statistics.interval.ms",
                  ms(options.stats ? options.stats_interval : decltype(options.stats_interval){0})}};
  const auto add = [&](Properties more) { out.insert(out.end(), more.begin(), more.end()); };
  switch (role) {
    case Role::producer:
      add({{"enable.idempotence", "true"},
           {"acks", "all"},
           {"enable.gapless.guarantee", "true"},
           {"max.in.flight.requests.per.connection", std::to_string(options.requests_in_flight)},
           // Records gather in the session while others are out. Less than a millisecond librdkafka does not
           // wait, and that is as long as a broker takes.
           {"linger.ms", "0"},
           // A record that times out in librdkafka is not covered by the guarantee above: the ones behind it
           // could still land. So none does; the session looks after the time itself.
           {"message.timeout.ms", "0"},
           {"retry.backoff.ms", "50"},
           {"queue.buffering.max.messages", std::to_string(options.queue_records)},
           {"queue.buffering.max.kbytes",
            std::to_string(std::max<std::size_t>(options.queue_bytes / 1024, 1))}});
      break;
    case Role::follower:
    case Role::quiet_follower:
    case Role::own_follower:
    case Role::reader:
    case Role::keys:
      // Records of a foreign transaction would be orphans anyway, and must not hold back what lies behind.
      add({{"allow.auto.create.topics", "false"},
           {"isolation.level", "read_uncommitted"},
           {"enable.auto.commit", "false"},
           {"auto.offset.reset", "error"},
           {"fetch.error.backoff.ms", "50"}});
      if (role == Role::reader)
        // Each of its requests is taken as a whole before the next one is sent: see cold_reader.cpp.
        add({{"fetch.wait.max.ms", ms(std::min(options.fetch_wait, kReaderWait))},
             {"queued.max.messages.kbytes", "1"}});
      else
        // What is fetched leaves this queue at once; were it ever full, librdkafka would look again only
        // after a second. (Of each partition, as the legacy consumer counts. A full window stops its
        // partition.)
        add({{"fetch.wait.max.ms",
              ms(role == Role::quiet_follower ? options.quiet_fetch_wait : options.fetch_wait)},
             {"queued.max.messages.kbytes", "16384"}});
      if (role == Role::own_follower) add({{"fetch.min.bytes", std::to_string(options.own_fetch_bytes)}});
      // Compaction leaves offsets out: that the end was reached is not told by the last record's.
      if (role == Role::keys) add({{"enable.partition.eof", "true"}});
      break;
    case Role::control:
      add({{"allow.auto.create.topics", "false"}});
      break;
    case Role::member:
      add({{"allow.auto.create.topics", "false"},
           {"enable.auto.commit", "false"},
           {"enable.auto.offset.store", "false"},
           {"partition.assignment.strategy", "cooperative-sticky"}});
      break;
  }
  return out;
}

ClientEvents& events_of(void* opaque) {
  return *static_cast<ClientEvents*>(opaque);
}

void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  // It is called experimental since 2019; what it leaves open is closed in producer_session.hpp.
  if (std::strstr(text, "enable.gapless.guarantee is experimental") != nullptr) return;
  log(events_of(rd_kafka_opaque(handle)).options, level, std::string("kafka: ") + facility + ": " + text);
}

int on_stats(rd_kafka_t* handle, char* json, std::size_t length, void* opaque) {
  const auto& events = events_of(opaque);
  if (events.options.stats)
    events.options.stats(to_string(events.role), rd_kafka_name(handle), std::string(json, length));
  return 0;  // librdkafka frees it
}

void on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque) {
  auto& events = events_of(opaque);
  if (error != RD_KAFKA_RESP_ERR__FATAL) {
    log(events.options, 4, "kafka: " + error_text(error) + ": " + reason);
    // That all are down follows upon the reason.
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
      events.set_trouble(
          {reason, error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR__SSL});
    return;
  }
  std::array<char, 512> text{};
  const auto original = rd_kafka_fatal_error(handle, text.data(), text.size());
  if (events.fatal) events.fatal(error_text(original) + ": " + text.data());
}

void on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& events = events_of(opaque);
  if (events.delivered)
    events.delivered(message->_private, message->offset,
                     message->err == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : error_text(message->err));
}

void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                  void* opaque) {
  auto& events = events_of(opaque);
  if (events.rebalanced) events.rebalanced(error, partitions);
}

struct ReleaseConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};

std::optional<Topic> topic_of(const KafkaJournalOptions& options, const char* name) {
  for (const auto topic : kTopics)
    if (topic_name(options, topic) == name) return topic;
  return std::nullopt;
}

}  // namespace

void Release::operator()(rd_kafka_s* handle) const {
  rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
void Release::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}
void Release::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

std::string topic_name(const KafkaJournalOptions& options, Topic topic) {
  return options.topic_prefix + std::string(to_string(topic));
}

std::string key_topic_name(const KafkaJournalOptions& options) {
  return options.topic_prefix + "data-keys";
}

void log(const KafkaJournalOptions& options, int level, const std::string& line) {
  if (options.log) options.log(level, line);
}

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string error_text(int error) {
  return rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(error));
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::producer:
      return "producer";
    case Role::follower:
      return "follower";
    case Role::quiet_follower:
      return "quiet_follower";
    case Role::own_follower:
      return "own_follower";
    case Role::reader:
      return "reader";
    case Role::keys:
      return "keys";
    case Role::control:
      return "control";
    case Role::member:
      return "member";
  }
  return "";
}

Trouble ClientEvents::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}
void ClientEvents::set_trouble(Trouble trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

Client::Client(ClientEvents& events, const Properties& more) : events_(events) {
  const auto role = events.role;
  const auto& options = events.options;
  std::array<char, 512> text{};
  std::unique_ptr<rd_kafka_conf_t, ReleaseConf> conf(rd_kafka_conf_new());
  const auto set = [&](const std::string& name, const std::string& value) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK)
      throw std::runtime_error("Kafka property " + name + ": " + text.data());
  };
  for (const auto& [name, value] : properties_of(role, options)) set(name, value);
  for (const auto& [name, value] : more) set(name, value);
  for (const auto& [name, value] : options.properties) {
    if (fixed_properties().contains(name))
      throw std::runtime_error("Kafka property " + name +
                               " is fixed by the journal's protocol: leave it out");
    set(name, value);
  }
  rd_kafka_conf_set_opaque(conf.get(), &events);
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  rd_kafka_conf_set_stats_cb(conf.get(), on_stats);
  // A consumer never makes a topic by asking for it.
  const bool consumes = role != Role::producer;
  if (role == Role::producer) rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivered);
  if (role == Role::member) rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
  handle_.reset(
      rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf.get(), text.data(), text.size()));
  if (!handle_) throw std::runtime_error(std::string("Kafka client: ") + text.data());
  static_cast<void>(conf.release());  // the client's now
  for (const auto topic : kTopics)
    topics_[static_cast<std::size_t>(topic)] = open_topic(topic_name(options, topic));
  // Brokers are asked about the topics that a client has open, and no others.
  if (role == Role::control || role == Role::keys) key_topic_ = open_topic(key_topic_name(options));
}

TopicHandle Client::open_topic(const std::string& name) const {
  TopicHandle out(rd_kafka_topic_new(handle_.get(), name.c_str(), nullptr));
  if (!out) throw std::runtime_error("Kafka topic " + name + ": " + error_text(rd_kafka_last_error()));
  return out;
}

Client::~Client() {
  const std::string name = rd_kafka_name(handle_.get());
  topics_ = {};
  key_topic_.reset();
  handle_.reset();
  if (events_.options.stats) events_.options.stats(to_string(events_.role), name, {});
}

void Client::serve() const {
  rd_kafka_poll(handle_.get(), 0);
}

std::vector<Fetched> take_fetched(
    rd_kafka_queue_s* queue, std::chrono::milliseconds wait, const KafkaJournalOptions& options,
    const std::function<void(std::optional<Partition>, bool out_of_range, const std::string&)>& failed) {
  std::vector<Fetched> out;
  const auto take = [&](rd_kafka_message_t* message) {
    const std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> owner(
        message, &rd_kafka_message_destroy);
    std::optional<Partition> partition;
    if (message->rkt != nullptr)
      if (const auto topic = topic_of(options, rd_kafka_topic_name(message->rkt)))
        partition = Partition{*topic, static_cast<std::uint16_t>(message->partition)};
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || !partition) {
      const bool out_of_range = message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                                message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
      const char* const reason = rd_kafka_message_errstr(message);
      failed(partition, out_of_range, reason != nullptr ? reason : "a message of no partition");
      return;
    }
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const auto appended_ms = rd_kafka_message_timestamp(message, &kind);
    auto value = message->payload == nullptr ? std::make_shared<const std::string>()
                                             : std::make_shared<const std::string>(
                                                   static_cast<const char*>(message->payload), message->len);
    out.push_back({*partition, Record{static_cast<std::uint64_t>(message->offset), std::move(value),
                                      domain::Timestamp{std::max<std::int64_t>(appended_ms, 0)}}});
  };
  // A batch waits until it is full or its time is over: so one alone is waited for, and the rest is taken as
  // it is.
  if (auto* first = rd_kafka_consume_queue(queue, static_cast<int>(wait.count()))) {
    take(first);
    std::array<rd_kafka_message_t*, kFetchRecords> more{};
    const auto count = rd_kafka_consume_batch_queue(queue, 0, more.data(), more.size());
    for (ssize_t i = 0; i < count; ++i) take(more[static_cast<std::size_t>(i)]);
  }
  return out;
}

std::vector<std::optional<std::uint64_t>> query_offsets(const Client& client,
                                                        const std::vector<TopicPartition>& partitions,
                                                        Edge edge, std::chrono::milliseconds timeout) {
  std::vector<std::optional<std::uint64_t>> out(partitions.size());
  if (partitions.empty()) return out;
  client.serve();
  const std::unique_ptr<rd_kafka_topic_partition_list_t, decltype(&rd_kafka_topic_partition_list_destroy)>
      list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())),
           &rd_kafka_topic_partition_list_destroy);
  for (const auto& [topic, number] : partitions)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), number)->offset =
        edge == Edge::start ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  const auto error = rd_kafka_offsets_for_times(client.get(), list.get(), static_cast<int>(timeout.count()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return out;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto* found =
        rd_kafka_topic_partition_list_find(list.get(), partitions[i].first.c_str(), partitions[i].second);
    if (found != nullptr && found->err == RD_KAFKA_RESP_ERR_NO_ERROR && found->offset >= 0)
      out[i] = static_cast<std::uint64_t>(found->offset);
  }
  return out;
}

std::vector<std::optional<std::uint64_t>> query_offsets(const Client& client,
                                                        const KafkaJournalOptions& options,
                                                        const std::vector<Partition>& partitions, Edge edge,
                                                        std::chrono::milliseconds timeout) {
  std::vector<TopicPartition> named;
  named.reserve(partitions.size());
  for (const auto partition : partitions)
    named.emplace_back(topic_name(options, partition.topic), partition.number);
  return query_offsets(client, named, edge, timeout);
}

}  // namespace groundtruth::journal::kafka
