// Brokers for tests: librdkafka's mock cluster inside the test, or real ones where GROUNDTRUTH_TEST_BROKERS
// names some (host:port, …). Each object has topics of its own, empty at first; on real brokers they are
// deleted with it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "journal/kafka/kafka_journal.hpp"

namespace groundtruth::journal::testing {

class KafkaBrokers {
 public:
  enum class Which { any, mock };
  explicit KafkaBrokers(Which which = Which::any, int mock_brokers = 1);
  ~KafkaBrokers();
  KafkaBrokers(const KafkaBrokers&) = delete;
  KafkaBrokers& operator=(const KafkaBrokers&) = delete;

  static bool are_real();  // where `any` is asked for

  // For a journal on them, with short times and, on the mock, without checks of settings.
  KafkaJournalOptions options() const;

  // --- Of the mock only.
  enum class Request : std::int16_t {
    produce = 0,
    fetch = 1,
    list_offsets = 2,
    metadata = 3,
    heartbeat = 12
  };
  // The next requests of the kind are answered with these errors (rd_kafka_resp_err_t), one each.
  void fail_next(Request request, const std::vector<int>& errors);
  void clear_failures(Request request);
  void set_down(int broker);  // from 1
  void set_up(int broker);

  // --- Of real brokers only, by their admin API.
  void alter_topic(Topic topic, const std::string& name, const std::string& value);
  void delete_records(Partition partition, std::uint64_t before);  // what an operator must never do
  void delete_topics();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr int kBrokerErrorRequestTimedOut = 7;
inline constexpr int kBrokerErrorNotLeader = 6;
inline constexpr int kBrokerErrorNotEnoughReplicas = 19;
inline constexpr int kBrokerErrorInvalidTopic = 17;
inline constexpr int kBrokerErrorUnknownMember = 25;

}  // namespace groundtruth::journal::testing
