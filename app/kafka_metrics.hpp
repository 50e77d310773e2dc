// What a journal on Kafka shows in /metrics: what it counts itself, and what librdkafka says of each of its
// clients.
#pragma once

#include <prometheus/metric_family.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/kafka/kafka_journal.hpp"
#include "journal/peers/preferred_writers.hpp"

namespace groundtruth::app {

void collect_kafka(std::vector<prometheus::MetricFamily>& out, const journal::KafkaJournal& journal);
void collect_peers(std::vector<prometheus::MetricFamily>& out,
                   const journal::PreferredWriters::Counters& counters);

// The newest statistics of each client, read when a scrape comes. The label `client` is what clients are for
// (`producer`, `follower`, `reader`, `control`): figures of those that do the same are summed, times and lags
// are the worst of them. What a client had counted stays in the sums when it is gone, so that they only grow;
// they miss what it did after its last document. Units are Prometheus's: seconds and bytes.
//
// Thread-safe. A document that is not librdkafka's is taken for one that says nothing.
class KafkaStatistics {
 public:
  KafkaStatistics();
  ~KafkaStatistics();

  // For KafkaJournalOptions::stats. Parses nothing, unless the client is gone.
  void take(std::string_view role, const std::string& client, std::string json);
  void collect(std::vector<prometheus::MetricFamily>& out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace groundtruth::app
