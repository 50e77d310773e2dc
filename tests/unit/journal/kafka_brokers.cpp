// See kafka_brokers.hpp.
#include "kafka_brokers.hpp"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <stdexcept>

#include "journal/position.hpp"

namespace groundtruth::journal::testing {
namespace {

std::string real_brokers() {
  const char* const named = std::getenv("GROUNDTRUTH_TEST_BROKERS");
  return named == nullptr ? "" : named;
}

std::string fresh_prefix() {
  std::random_device random;
  return "t" + std::to_string(random()) + ".";
}

using ClientOwner = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

ClientOwner make_client(const std::string& brokers) {
  std::array<char, 256> text{};
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  if (!brokers.empty())
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), text.data(), text.size());
  rd_kafka_conf_set(conf, "log_level", "2", text.data(), text.size());
  return {rd_kafka_new(RD_KAFKA_PRODUCER, conf, text.data(), text.size()), &rd_kafka_destroy};
}

}  // namespace

struct KafkaBrokers::Impl {
  explicit Impl(const std::string& brokers) : client(make_client(brokers)) {}
  ClientOwner client;
  rd_kafka_mock_cluster_t* mock = nullptr;
  std::string brokers;
  std::string prefix = fresh_prefix();
};

KafkaBrokers::KafkaBrokers(Which which, int mock_brokers) {
  const auto real = which == Which::mock ? std::string() : real_brokers();
  impl_ = std::make_unique<Impl>(real);
  if (!real.empty()) {
    impl_->brokers = real;
    KafkaJournal::create_topics(options());
    return;
  }
  impl_->mock = rd_kafka_mock_cluster_new(impl_->client.get(), mock_brokers);
  impl_->brokers = rd_kafka_mock_cluster_bootstraps(impl_->mock);
  for (const auto topic : kTopics)
    rd_kafka_mock_topic_create(impl_->mock, (impl_->prefix + std::string(to_string(topic))).c_str(),
                               kPartitionsPerTopic, 1);
  rd_kafka_mock_topic_create(impl_->mock, (impl_->prefix + "data-keys").c_str(), 1, 1);
}

KafkaBrokers::~KafkaBrokers() {
  if (impl_->mock != nullptr) {
    rd_kafka_mock_cluster_destroy(impl_->mock);
    return;
  }
  delete_topics();
}

void KafkaBrokers::delete_topics() {
  std::array<rd_kafka_DeleteTopic_t*, kTopics.size() + 1> topics{};
  topics.back() = rd_kafka_DeleteTopic_new((impl_->prefix + "data-keys").c_str());
  for (std::size_t i = 0; i < kTopics.size(); ++i)
    topics[i] = rd_kafka_DeleteTopic_new((impl_->prefix + std::string(to_string(kTopics[i]))).c_str());
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(impl_->client.get());
  rd_kafka_DeleteTopics(impl_->client.get(), topics.data(), topics.size(), nullptr, queue);
  if (rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 10'000)) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteTopic_destroy_array(topics.data(), topics.size());
}

bool KafkaBrokers::are_real() {
  return !real_brokers().empty();
}

KafkaJournalOptions KafkaBrokers::options() const {
  KafkaJournalOptions options;
  options.brokers = impl_->brokers;
  options.topic_prefix = impl_->prefix;
  options.dev = true;
  options.check_settings = impl_->mock == nullptr;
  options.message_timeout = std::chrono::seconds(5);
  options.truncation_patience = std::chrono::milliseconds(500);
  options.retry_pause = std::chrono::milliseconds(20);
  if (std::getenv("GROUNDTRUTH_TEST_KAFKA_LOG") != nullptr)
    options.log = [](int level, const std::string& line) { std::cerr << level << ' ' << line << std::endl; };
  return options;
}

void KafkaBrokers::fail_next(Request request, const std::vector<int>& errors) {
  std::vector<rd_kafka_resp_err_t> list;
  for (const int error : errors) list.push_back(static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(impl_->mock, static_cast<std::int16_t>(request), list.size(),
                                          list.data());
}
void KafkaBrokers::clear_failures(Request request) {
  rd_kafka_mock_clear_request_errors(impl_->mock, static_cast<std::int16_t>(request));
}
void KafkaBrokers::set_down(int broker) {
  rd_kafka_mock_broker_set_down(impl_->mock, broker);
}
void KafkaBrokers::set_up(int broker) {
  rd_kafka_mock_broker_set_up(impl_->mock, broker);
}

void KafkaBrokers::alter_topic(Topic topic, const std::string& name, const std::string& value) {
  rd_kafka_ConfigResource_t* resource = rd_kafka_ConfigResource_new(
      RD_KAFKA_RESOURCE_TOPIC, (impl_->prefix + std::string(to_string(topic))).c_str());
  rd_kafka_ConfigResource_set_config(resource, name.c_str(), value.c_str());
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(impl_->client.get());
  rd_kafka_AlterConfigs(impl_->client.get(), &resource, 1, nullptr, queue);
  rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 10'000);
  const bool is_done = event != nullptr && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (event != nullptr) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_ConfigResource_destroy(resource);
  if (!is_done) throw std::runtime_error("the topic's setting was not changed");
}

void KafkaBrokers::delete_records(Partition partition, std::uint64_t before) {
  rd_kafka_topic_partition_list_t* const list = rd_kafka_topic_partition_list_new(1);
  const auto name = impl_->prefix + std::string(to_string(partition.topic));
  rd_kafka_topic_partition_list_add(list, name.c_str(), partition.number)->offset =
      static_cast<std::int64_t>(before);
  rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list);
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(impl_->client.get());
  rd_kafka_DeleteRecords(impl_->client.get(), &request, 1, nullptr, queue);
  if (rd_kafka_event_t* const event = rd_kafka_queue_poll(queue, 10'000)) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(request);
  rd_kafka_topic_partition_list_destroy(list);
}

}  // namespace groundtruth::journal::testing
