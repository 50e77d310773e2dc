// See kafka_metrics.hpp. The names of librdkafka's figures are explained in its STATISTICS.md.
#include "app/kafka_metrics.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "api/ops/metrics.hpp"
#include "journal/codec/json_view.hpp"

namespace groundtruth::app {
namespace {

using journal::codec::JsonKind;
using journal::codec::JsonNode;

struct Figure {
  const char* key;
  const char* family;
  const char* help;
  bool is_total;  // counted since the client was made, else how it is now
};

constexpr std::array kOfClient{
    Figure{"msg_cnt", "groundtruth_kafka_queued_messages", "Records that wait to be sent or acknowledged",
           false},
    Figure{"msg_size", "groundtruth_kafka_queued_bytes", "Bytes of these records", false},
    Figure{"txmsgs", "groundtruth_kafka_sent_messages_total", "Records sent", true},
    Figure{"txmsg_bytes", "groundtruth_kafka_sent_message_bytes_total", "Bytes of these records", true},
    Figure{"rxmsgs", "groundtruth_kafka_received_messages_total", "Records received", true},
    Figure{"rxmsg_bytes", "groundtruth_kafka_received_message_bytes_total", "Bytes of these records", true}};

constexpr std::array kOfBroker{
    Figure{"outbuf_cnt", "groundtruth_kafka_broker_waiting_requests", "Requests that wait to be sent", false},
    Figure{"waitresp_cnt", "groundtruth_kafka_broker_in_flight_requests", "Requests sent and not answered",
           false},
    Figure{"tx", "groundtruth_kafka_broker_requests_total", "Requests sent", true},
    Figure{"txbytes", "groundtruth_kafka_broker_sent_bytes_total", "Bytes sent", true},
    Figure{"rxbytes", "groundtruth_kafka_broker_received_bytes_total", "Bytes received", true},
    Figure{"txerrs", "groundtruth_kafka_broker_send_errors_total", "Requests that could not be sent", true},
    Figure{"rxerrs", "groundtruth_kafka_broker_receive_errors_total", "Answers that could not be received",
           true},
    Figure{"txretries", "groundtruth_kafka_broker_retries_total", "Requests that were sent again", true},
    Figure{"req_timeouts", "groundtruth_kafka_broker_timeouts_total", "Requests not answered in time", true},
    Figure{"connects", "groundtruth_kafka_broker_connects_total", "Attempts to connect", true},
    Figure{"disconnects", "groundtruth_kafka_broker_disconnects_total", "Connections that ended", true}};

template <std::size_t kCount>
struct Values : std::array<double, kCount> {
  void add(const Values& other, const std::array<Figure, kCount>& figures, bool only_totals) {
    for (std::size_t i = 0; i < kCount; ++i)
      if (figures[i].is_total || !only_totals) (*this)[i] += other[i];
  }
};

struct BrokerFigures {
  Values<kOfBroker.size()> values{};
  // Of the last interval.
  double answers = 0, rtt_seconds = 0, rtt_p99_seconds = 0, throttle_seconds = 0;
  bool is_past = true;  // no client knows it any more
};

// Of one client, or of all that do the same.
struct ClientFigures {
  Values<kOfClient.size()> values{};
  double clients = 0, fetching_partitions = 0, lag = -1;
  std::map<std::string, BrokerFigures> brokers;

  void add(const ClientFigures& other, bool only_totals) {
    values.add(other.values, kOfClient, only_totals);
    for (const auto& [name, broker] : other.brokers) {
      auto& sum = brokers[name];
      sum.values.add(broker.values, kOfBroker, only_totals);
      if (only_totals) continue;
      sum.answers += broker.answers;
      sum.rtt_seconds += broker.rtt_seconds;
      sum.rtt_p99_seconds = std::max(sum.rtt_p99_seconds, broker.rtt_p99_seconds);
      sum.throttle_seconds = std::max(sum.throttle_seconds, broker.throttle_seconds);
      sum.is_past = sum.is_past && broker.is_past;
    }
    if (only_totals) return;
    clients += other.clients;
    fetching_partitions += other.fetching_partitions;
    lag = std::max(lag, other.lag);
  }
};

const JsonNode* member(const JsonNode* object, std::string_view name) {
  if (object == nullptr || object->kind != JsonKind::object) return nullptr;
  for (auto key = object->first(), end = object->next(); key != end; key = key->next()->next())
    if (key->string() == name) return key->next();
  return nullptr;
}

double number(const JsonNode* object, std::string_view name, double absent = 0) {
  const auto* const value = member(object, name);
  if (value == nullptr) return absent;
  if (value->kind == JsonKind::integer) return static_cast<double>(value->integer);
  return value->kind == JsonKind::number ? value->number : absent;
}

std::string_view text(const JsonNode* object, std::string_view name) {
  const auto* const value = member(object, name);
  return value != nullptr && value->kind == JsonKind::string ? value->string() : std::string_view();
}

template <class Visit>
void each_value(const JsonNode* object, Visit&& visit) {
  if (object == nullptr || object->kind != JsonKind::object) return;
  for (auto key = object->first(), end = object->next(); key != end; key = key->next()->next())
    visit(key->next());
}

template <std::size_t kCount>
void read_values(Values<kCount>& out, const std::array<Figure, kCount>& figures, const JsonNode* object) {
  for (std::size_t i = 0; i < kCount; ++i) out[i] += number(object, figures[i].key);
}

ClientFigures parse(const std::string& json) {
  ClientFigures out;
  const journal::codec::JsonDocument document(json, journal::codec::kStoredLimits);
  const auto* const root = document.root();
  if (root == nullptr) return out;
  out.clients = 1;
  read_values(out.values, kOfClient, root);
  each_value(member(root, "brokers"), [&](const JsonNode* broker) {
    // The others stand for nobody: librdkafka's own, and a group's coordinator.
    const auto source = text(broker, "source");
    if (source != "configured" && source != "learned") return;
    // One that is known by the address it was configured with and by its number is there twice.
    auto& figures = out.brokers[std::string(text(broker, "nodename"))];
    figures.is_past = false;
    read_values(figures.values, kOfBroker, broker);
    const auto* const rtt = member(broker, "rtt");  // in microseconds
    figures.answers += number(rtt, "cnt");
    figures.rtt_seconds += number(rtt, "sum") / 1e6;
    figures.rtt_p99_seconds = std::max(figures.rtt_p99_seconds, number(rtt, "p99") / 1e6);
    const auto throttled_ms = number(member(broker, "throttle"), "max");
    figures.throttle_seconds = std::max(figures.throttle_seconds, throttled_ms / 1e3);
  });
  each_value(member(root, "topics"), [&](const JsonNode* topic) {
    each_value(member(topic, "partitions"), [&](const JsonNode* partition) {
      if (text(partition, "fetch_state") == "active") ++out.fetching_partitions;
      // Behind what was handed on; `consumer_lag` is behind what a group committed, of which there is none.
      out.lag = std::max(out.lag, number(partition, "consumer_lag_stored", -1));
    });
  });
  return out;
}

}  // namespace

void collect_kafka(std::vector<prometheus::MetricFamily>& out, const journal::KafkaJournal& journal) {
  const auto counters = journal.counters();
  const auto count = [&](const char* name, const char* help, std::uint64_t value) {
    ops::counter(out, name, help).add(static_cast<double>(value));
  };
  count("groundtruth_kafka_sessions_total", "Producers' sessions that were made: all but the last one broke",
        counters.sessions);
  count("groundtruth_kafka_fetched_records_total", "Records fetched ahead", counters.fetched_records);
  count("groundtruth_kafka_pauses_total", "Times that a partition's window was full", counters.pauses);
  count("groundtruth_kafka_cold_reads_total", "Reads before the windows", counters.cold_reads);
  count("groundtruth_kafka_cold_seeks_total", "Of these, those that did not go on where another ended",
        counters.cold_seeks);
  count("groundtruth_kafka_asked_ends_total", "Partitions whose end was asked for", counters.asked_ends);
}

void collect_peers(std::vector<prometheus::MetricFamily>& out,
                   const journal::PreferredWriters::Counters& counters) {
  ops::counter(out, "groundtruth_handed_commands_total",
               "Commands handed to the preferred writer, by outcome")
      .add(static_cast<double>(counters.handed), {{"outcome", "handed"}})
      .add(static_cast<double>(counters.declined), {{"outcome", "declined"}})
      .add(static_cast<double>(counters.abandoned), {{"outcome", "abandoned"}});
  ops::counter(out, "groundtruth_taken_commands_total", "Commands that other nodes handed to this one")
      .add(static_cast<double>(counters.taken));
  ops::counter(out, "groundtruth_refused_commands_total", "Of these, those that were not decided here")
      .add(static_cast<double>(counters.refused));
  ops::gauge(out, "groundtruth_preferred_partitions", "Partitions that this node is the preferred writer of")
      .add(static_cast<double>(counters.preferred));
  ops::gauge(out, "groundtruth_connected_peers", "Nodes that commands can be handed to")
      .add(static_cast<double>(counters.connected));
}

struct KafkaStatistics::State {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::string> newest;  // by role and client
  std::map<std::string, ClientFigures> past;                          // by role; of clients that are gone
};

KafkaStatistics::KafkaStatistics() : state_(std::make_unique<State>()) {}
KafkaStatistics::~KafkaStatistics() = default;

void KafkaStatistics::take(std::string_view role, const std::string& client, std::string json) {
  const std::lock_guard lock(state_->mutex);
  const std::pair key{std::string(role), client};
  if (!json.empty()) {
    state_->newest[key] = std::move(json);
  } else if (const auto last = state_->newest.find(key); last != state_->newest.end()) {
    state_->past[key.first].add(parse(last->second), true);
    state_->newest.erase(last);
  }
}

void KafkaStatistics::collect(std::vector<prometheus::MetricFamily>& out) const {
  std::map<std::string, ClientFigures> roles;
  {
    const std::lock_guard lock(state_->mutex);
    roles = state_->past;
    for (const auto& [key, json] : state_->newest) roles[key.first].add(parse(json), false);
  }
  using Value = std::optional<double>;  // nullopt: no series
  const auto family = [&](const Figure& figure) {
    return figure.is_total ? ops::counter(out, figure.family, figure.help)
                           : ops::gauge(out, figure.family, figure.help);
  };
  const auto each_client = [&](ops::Family samples, auto&& value_of) {
    for (const auto& [role, figures] : roles)
      if (const Value value = value_of(figures)) samples.add(*value, {{"client", role}});
  };
  const auto each_broker = [&](ops::Family samples, auto&& value_of) {
    for (const auto& [role, figures] : roles)
      for (const auto& [name, broker] : figures.brokers)
        if (const Value value = value_of(broker)) samples.add(*value, {{"client", role}, {"broker", name}});
  };
  const auto only_if = [](bool condition, double value) { return condition ? Value(value) : std::nullopt; };

  each_client(ops::gauge(out, "groundtruth_kafka_clients", "Clients of librdkafka that there are"),
              [](const ClientFigures& each) -> Value { return each.clients; });
  for (std::size_t i = 0; i < kOfClient.size(); ++i)
    each_client(family(kOfClient[i]), [&](const ClientFigures& each) {
      return only_if(kOfClient[i].is_total || each.clients > 0, each.values[i]);
    });
  each_client(ops::gauge(out, "groundtruth_kafka_fetching_partitions", "Partitions that are fetched"),
              [&](const ClientFigures& each) { return only_if(each.clients > 0, each.fetching_partitions); });
  each_client(
      ops::gauge(out, "groundtruth_kafka_max_lag_messages",
                 "Records that a partition has and that were not taken yet: of the one with the most"),
      [&](const ClientFigures& each) { return only_if(each.lag >= 0, each.lag); });
  for (std::size_t i = 0; i < kOfBroker.size(); ++i)
    each_broker(family(kOfBroker[i]), [&](const BrokerFigures& each) {
      return only_if(kOfBroker[i].is_total || !each.is_past, each.values[i]);
    });
  // What was not measured in the last interval has no series: it was not 0.
  each_broker(ops::gauge(out, "groundtruth_kafka_broker_rtt_avg_seconds",
                         "Time from a request to its answer, of those of the last interval"),
              [&](const BrokerFigures& each) {
                return only_if(each.answers > 0, each.rtt_seconds / std::max(each.answers, 1.0));
              });
  each_broker(ops::gauge(out, "groundtruth_kafka_broker_rtt_p99_seconds",
                         "Time in which 99 of 100 of these were answered"),
              [&](const BrokerFigures& each) { return only_if(each.answers > 0, each.rtt_p99_seconds); });
  each_broker(ops::gauge(out, "groundtruth_kafka_broker_throttle_max_seconds",
                         "Longest time that the broker asked to wait in the last interval"),
              [&](const BrokerFigures& each) { return only_if(!each.is_past, each.throttle_seconds); });
}

}  // namespace groundtruth::app
