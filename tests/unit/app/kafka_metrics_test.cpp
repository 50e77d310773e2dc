// librdkafka's statistics as Prometheus shows them: real documents, cut down to what is looked at and a
// little more.
#include "app/kafka_metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "api/ops/metrics.hpp"

using namespace groundtruth;
using namespace groundtruth::app;

namespace {

// A consumer that has fetched for eight seconds. The second broker is the first one by another address, under
// which it was configured; the third stands for nobody.
constexpr std::string_view kFollower =
    R"({"name":"groundtruth#consumer-3","client_id":"groundtruth","type":"consumer","ts":47098365169,
"time":1795383778,"age":8011648,"replyq":0,"msg_cnt":0,"msg_size":0,"msg_max":0,"msg_size_max":0,"simple_cnt":80,
"metadata_cache_cnt":5,"brokers":{
"127.0.0.1:9092/1":{"name":"127.0.0.1:9092/1","nodeid":1,"nodename":"127.0.0.1:9092","source":"learned","state":"UP",
"stateage":8007708,"outbuf_cnt":2,"waitresp_cnt":1,"tx":327,"txbytes":771825,"txerrs":0,"txretries":4,"req_timeouts":0,
"rx":326,"rxbytes":1176528,"rxerrs":3,"connects":1,"disconnects":0,
"rtt":{"min":10657,"max":33552,"avg":13395,"sum":964440,"p99":22527,"p99_99":33791,"cnt":72},
"throttle":{"min":0,"max":1500,"avg":700,"sum":1400,"p99":1500,"p99_99":1500,"cnt":2}},
"127.0.0.1:9092/bootstrap":{"name":"127.0.0.1:9092/bootstrap","nodeid":-1,"nodename":"127.0.0.1:9092",
"source":"configured","state":"UP","stateage":8007708,"outbuf_cnt":0,"waitresp_cnt":0,"tx":3,"txbytes":175,"txerrs":0,
"txretries":0,"req_timeouts":0,"rx":3,"rxbytes":500,"rxerrs":0,"connects":1,"disconnects":1,
"rtt":{"min":0,"max":0,"avg":0,"sum":0,"p99":0,"p99_99":0,"cnt":0},
"throttle":{"min":0,"max":0,"avg":0,"sum":0,"p99":0,"p99_99":0,"cnt":0}},
"GroupCoordinator":{"name":"GroupCoordinator","nodeid":-1,"nodename":":0","source":"logical","state":"INIT","tx":0}},
"topics":{"tasks":{"topic":"tasks","age":8006,"partitions":{
"0":{"partition":0,"broker":1,"leader":1,"fetch_state":"active","app_offset":5,"stored_offset":5,"hi_offset":12,
"consumer_lag":-1,"consumer_lag_stored":7},
"1":{"partition":1,"broker":1,"leader":1,"fetch_state":"active","app_offset":1,"stored_offset":1,"hi_offset":1,
"consumer_lag":-1,"consumer_lag_stored":0},
"-1":{"partition":-1,"broker":-1,"leader":-1,"fetch_state":"none","app_offset":-1001,"stored_offset":-1001,
"hi_offset":-1001,"consumer_lag":-1,"consumer_lag_stored":-1}}}},
"tx":330,"tx_bytes":772000,"rx":329,"rx_bytes":1177028,"txmsgs":0,"txmsg_bytes":0,"rxmsgs":96,"rxmsg_bytes":47812})";

// A producer to which nothing was answered in the last interval.
std::string producer(int number, int sent) {
  return R"({"name":"groundtruth#producer-)" + std::to_string(number) +
         R"(","client_id":"groundtruth","type":"producer","ts":47098473864,
"time":1795383778,"age":7007676,"replyq":0,"msg_cnt":2,"msg_size":600,"msg_max":100000,"msg_size_max":268435456,
"brokers":{"127.0.0.1:9092/1":{"name":"127.0.0.1:9092/1","nodeid":1,"nodename":"127.0.0.1:9092","source":"configured",
"state":"UP","stateage":7003118,"outbuf_cnt":0,"waitresp_cnt":1,"tx":20,"txbytes":14910,"txerrs":0,"txretries":0,
"req_timeouts":0,"rx":20,"rxbytes":6077,"rxerrs":0,"connects":1,"disconnects":0,
"rtt":{"min":0,"max":0,"avg":0,"sum":0,"p99":0,"p99_99":0,"cnt":0},
"throttle":{"min":0,"max":0,"avg":0,"sum":0,"p99":0,"p99_99":0,"cnt":0}}},
"topics":{"tasks":{"topic":"tasks","partitions":{"0":{"partition":0,"broker":1,"fetch_state":"none",
"consumer_lag":-1,"consumer_lag_stored":-1}}}},
"eos":{"idemp_state":"Assigned","producer_id":1,"producer_epoch":0,"epoch_cnt":1},
"tx":20,"tx_bytes":14910,"rx":20,"rx_bytes":6077,"txmsgs":)" +
         std::to_string(sent) + R"(,"txmsg_bytes":12646,"rxmsgs":0,"rxmsg_bytes":0})";
}

// The value of a series; nullopt where there is none.
std::optional<double> value_of(const KafkaStatistics& statistics, const std::string& series) {
  std::vector<prometheus::MetricFamily> families;
  statistics.collect(families);
  std::istringstream lines(ops::to_text(families));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  return std::nullopt;
}

std::string of_client(const std::string& name, const std::string& client) {
  return "groundtruth_kafka_" + name + "{client=\"" + client + "\"}";
}
std::string of_broker(const std::string& name, const std::string& client) {
  return "groundtruth_kafka_broker_" + name + "{client=\"" + client + "\",broker=\"127.0.0.1:9092\"}";
}

}  // namespace

TEST_CASE("kafka metrics: a client, its brokers and the sums of its partitions") {
  KafkaStatistics statistics;
  statistics.take("follower", "groundtruth#consumer-3", std::string(kFollower));
  const auto client = [&](const std::string& name) {
    return value_of(statistics, of_client(name, "follower"));
  };
  CHECK(client("clients") == 1);
  CHECK(client("queued_messages") == 0);
  CHECK(client("received_messages_total") == 96);
  CHECK(client("received_message_bytes_total") == 47'812);
  CHECK(client("fetching_partitions") == 2);
  CHECK(client("max_lag_messages") == 7);

  const auto broker = [&](const std::string& name) {
    return value_of(statistics, of_broker(name, "follower"));
  };
  CHECK(broker("waiting_requests") == 2);
  CHECK(broker("in_flight_requests") == 1);
  CHECK(broker("requests_total") == 330);
  CHECK(broker("sent_bytes_total") == 772'000);
  CHECK(broker("received_bytes_total") == 1'177'028);
  CHECK(broker("receive_errors_total") == 3);
  CHECK(broker("retries_total") == 4);
  CHECK(broker("connects_total") == 2);
  CHECK(broker("disconnects_total") == 1);
  CHECK(broker("rtt_avg_seconds").value() == doctest::Approx(0.013395));
  CHECK(broker("rtt_p99_seconds").value() == doctest::Approx(0.022527));
  CHECK(broker("throttle_max_seconds").value() == doctest::Approx(1.5));

  std::vector<prometheus::MetricFamily> families;
  statistics.collect(families);
  for (const auto& family : families) CHECK_MESSAGE(family.metric.size() <= 1, family.name);
}

TEST_CASE("kafka metrics: the newest document counts, and what was not measured has no series") {
  KafkaStatistics statistics;
  statistics.take("producer", "groundtruth#producer-1", producer(1, 16));
  statistics.take("producer", "groundtruth#producer-1", producer(1, 20));
  CHECK(value_of(statistics, of_client("sent_messages_total", "producer")) == 20);
  CHECK(value_of(statistics, of_client("queued_bytes", "producer")) == 600);
  CHECK_FALSE(value_of(statistics, of_client("max_lag_messages", "producer")));
  CHECK_FALSE(value_of(statistics, of_broker("rtt_avg_seconds", "producer")));
  CHECK_FALSE(value_of(statistics, of_broker("rtt_p99_seconds", "producer")));
  CHECK(value_of(statistics, of_broker("throttle_max_seconds", "producer")) == 0);
}

TEST_CASE("kafka metrics: what a client counted is not lost with it, and what it had is") {
  KafkaStatistics statistics;
  statistics.take("producer", "groundtruth#producer-1", producer(1, 16));
  statistics.take("producer", "groundtruth#producer-2", producer(2, 5));
  CHECK(value_of(statistics, of_client("clients", "producer")) == 2);
  CHECK(value_of(statistics, of_client("sent_messages_total", "producer")) == 21);
  CHECK(value_of(statistics, of_client("queued_messages", "producer")) == 4);

  statistics.take("producer", "groundtruth#producer-1", {});
  CHECK(value_of(statistics, of_client("clients", "producer")) == 1);
  CHECK(value_of(statistics, of_client("sent_messages_total", "producer")) == 21);
  CHECK(value_of(statistics, of_client("queued_messages", "producer")) == 2);
  CHECK(value_of(statistics, of_broker("connects_total", "producer")) == 2);
  CHECK(value_of(statistics, of_broker("in_flight_requests", "producer")) == 1);

  statistics.take("producer", "groundtruth#producer-2", {});
  statistics.take("producer", "groundtruth#producer-2", {});  // said twice, counted once
  CHECK(value_of(statistics, of_client("clients", "producer")) == 0);
  CHECK(value_of(statistics, of_client("sent_messages_total", "producer")) == 21);
  CHECK_FALSE(value_of(statistics, of_client("queued_messages", "producer")));
  CHECK_FALSE(value_of(statistics, of_broker("in_flight_requests", "producer")));
}

TEST_CASE("kafka metrics: what is no such document says nothing") {
  for (const std::string json : {"", "{", "[]", "{}", R"({"brokers":[],"topics":{"tasks":null}})",
                                 R"({"msg_cnt":"1","brokers":{"a":{"source":"learned","rtt":7}}})"}) {
    CAPTURE(json);
    KafkaStatistics statistics;
    statistics.take("control", "groundtruth#consumer-1", json);
    CHECK(value_of(statistics, of_client("queued_messages", "control")).value_or(0) == 0);
    CHECK_FALSE(value_of(statistics, of_client("max_lag_messages", "control")));
  }
}
