// The journal's topics on the brokers: whether they are as the protocol wants them (JOURNAL, "Kafka"), and
// how they are made. Private to journal/kafka.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "journal/kafka/client.hpp"

namespace groundtruth::journal::kafka {

struct TopicFacts {
  bool exists = false;
  int partitions = 0;
  int partitions_led = 0;                       // that have a leader now
  int replicas = 0;                             // the fewest of all partitions
  std::map<std::string, std::string> settings;  // in force, defaults included; empty: not asked
};
// Those of the journal, by Topic, and behind them the one with the data keys (key_topic.hpp).
inline constexpr std::size_t kKeyTopic = kTopics.size();
using AllTopics = std::array<TopicFacts, kTopics.size() + 1>;

// Throw JournalUnavailable when no broker answers in time, and std::runtime_error when those that answer
// refuse this client, or it them.
AllTopics find_topics(const Client& client, const KafkaJournalOptions& options,
                      std::chrono::milliseconds timeout);
void describe_topics(const Client& client, const KafkaJournalOptions& options,
                     std::chrono::milliseconds timeout, AllTopics& topics);
// Those that are missing; throws std::runtime_error when the brokers refuse.
void create_missing(const Client& client, const KafkaJournalOptions& options, const AllTopics& topics,
                    std::chrono::milliseconds timeout);

// One sentence a problem, with its mend.
std::vector<std::string> problems_of(const AllTopics& topics, const KafkaJournalOptions& options);
// What an acknowledged record survives, in words; without settings, of what is known.
std::string durability_of(const AllTopics& topics);

// What Kafka calls the cluster. Throws JournalUnavailable.
std::string cluster_id(const Client& control, std::chrono::milliseconds timeout);

}  // namespace groundtruth::journal::kafka
