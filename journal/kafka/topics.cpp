// See topics.hpp.
#include "journal/kafka/topics.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string_view>

namespace groundtruth::journal::kafka {
namespace {

constexpr int kReplicas = 3;
constexpr int kMinInSync = 2;
constexpr std::int64_t kMinMessageBytes = 1024 * 1024;

template <class T, void (*kDestroy)(T*)>
struct Destroy {
  void operator()(T* object) const { kDestroy(object); }
};
template <class T, void (*kDestroy)(T*)>
using Owner = std::unique_ptr<T, Destroy<T, kDestroy>>;
using Event = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;
using AdminOptions = Owner<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using NewTopic = Owner<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using ConfigResource = Owner<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

int at_most_int(std::chrono::milliseconds time) {
  return static_cast<int>(std::max<std::int64_t>(time.count(), 1));
}

AdminOptions admin_options(const Client& client, rd_kafka_admin_op_t operation,
                           std::chrono::milliseconds timeout) {
  AdminOptions out(rd_kafka_AdminOptions_new(client.get(), operation));
  std::array<char, 256> text{};
  if (rd_kafka_AdminOptions_set_request_timeout(out.get(), at_most_int(timeout), text.data(), text.size()) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error(std::string("Kafka admin request: ") + text.data());
  return out;
}

Event wait_for(const Client& client, rd_kafka_queue_s* queue, std::chrono::milliseconds timeout,
               const KafkaJournalOptions& options) {
  // A little longer than the request itself may take, so that its own error is heard.
  Event event(rd_kafka_queue_poll(queue, at_most_int(timeout) + 500));
  client.serve();
  if (!event) throw JournalUnavailable("Kafka at " + options.brokers + " did not answer in time");
  const auto error = rd_kafka_event_error(event.get());
  if (error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT)
    throw JournalUnavailable("Kafka at " + options.brokers + ": " + rd_kafka_event_error_string(event.get()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error("Kafka at " + options.brokers + ": " + rd_kafka_event_error_string(event.get()));
  return event;
}

std::string setting(const TopicFacts& topic, const std::string& name) {
  const auto found = topic.settings.find(name);
  return found == topic.settings.end() ? std::string() : found->second;
}

std::int64_t number(const std::string& text) {
  try {
    return std::stoll(text);
  } catch (const std::exception&) {
    return 0;
  }
}

int min_in_sync(const KafkaJournalOptions& options) {
  return options.dev ? 1 : kMinInSync;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

// What a topic of ours must be.
struct TopicSpec {
  std::string name;
  int partitions = 0;
  Settings exact;      // what it must say, exactly; other settings have a lowest value
  Settings when_made;  // what it is made with besides, and may be changed
};

std::array<TopicSpec, std::tuple_size_v<AllTopics>> specs_of(const KafkaJournalOptions& options) {
  const Settings every{{"unclean.leader.election.enable", "false"}, {"message.timestamp.type", "CreateTime"}};
  std::array<TopicSpec, std::tuple_size_v<AllTopics>> out;
  for (const auto topic : kTopics)
    out[static_cast<std::size_t>(topic)] = {
        topic_name(options, topic),
        kPartitionsPerTopic,
        {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}},
        {}};
  // A destroyed key is gone from the brokers' disks at most about two hours later: a segment is closed, and
  // then compacted, within one each.
  out[kKeyTopic] = {key_topic_name(options),
                    1,
                    {{"cleanup.policy", "compact"}},
                    {{"segment.ms", "3600000"}, {"max.compaction.lag.ms", "3600000"}}};
  for (auto& spec : out) spec.exact.insert(spec.exact.end(), every.begin(), every.end());
  return out;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) out += part;
  return out;
}

// Up to 2.6.0 librdkafka sent a nonce twice, which brokers took until 4.0 (CVE-2024-56128).
std::string scram_hint(const KafkaJournalOptions& options) {
  constexpr int kMended = 0x020601ff;
  const auto is_scram = [&](const char* name) {
    const auto found = options.properties.find(name);
    return found != options.properties.end() && found->second.starts_with("SCRAM");
  };
  if (rd_kafka_version() >= kMended || !(is_scram("sasl.mechanism") || is_scram("sasl.mechanisms")))
    return {};
  return joined({". SCRAM does not work between Kafka 4 and librdkafka before 2.6.1, and this is ",
                 librdkafka_version(), ": use PLAIN over SASL_SSL, or certificates over SSL"});
}

}  // namespace

AllTopics find_topics(const Client& client, const KafkaJournalOptions& options,
                      std::chrono::milliseconds timeout) {
  AllTopics out;
  const rd_kafka_metadata_t* found = nullptr;
  const auto error = rd_kafka_metadata(client.get(), 0, nullptr, &found, at_most_int(timeout));
  client.serve();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto trouble = client.trouble();
    if (trouble.is_refusal)
      throw std::runtime_error(
          "Kafka at " + options.brokers + " and this client do not trust each other: " + trouble.reason +
          ".\nCheck security.protocol, ssl.* and sasl.* of journal.properties" + scram_hint(options) + ".");
    // Of a connection that is closed before it says anything nobody hears.
    throw JournalUnavailable("no broker of Kafka at " + options.brokers + " answered: " +
                             (trouble.reason.empty()
                                  ? error_text(error) +
                                        ". Do they run, and is security.protocol of journal.properties what "
                                        "this port speaks?"
                                  : trouble.reason));
  }
  const std::unique_ptr<const rd_kafka_metadata_t, decltype(&rd_kafka_metadata_destroy)> metadata(
      found, &rd_kafka_metadata_destroy);
  const auto specs = specs_of(options);
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const auto& topic = metadata->topics[t];
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].name != topic.topic || topic.err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      auto& facts = out[i];
      facts.exists = topic.partition_cnt > 0;
      facts.partitions = topic.partition_cnt;
      facts.replicas = topic.partition_cnt > 0 ? topic.partitions[0].replica_cnt : 0;
      for (int p = 0; p < topic.partition_cnt; ++p) {
        facts.replicas = std::min(facts.replicas, topic.partitions[p].replica_cnt);
        if (topic.partitions[p].leader >= 0) ++facts.partitions_led;
      }
    }
  }
  return out;
}

void describe_topics(const Client& client, const KafkaJournalOptions& options,
                     std::chrono::milliseconds timeout, AllTopics& topics) {
  std::vector<ConfigResource> owners;
  std::vector<rd_kafka_ConfigResource_t*> resources;
  const auto specs = specs_of(options);
  for (const auto& spec : specs) {
    owners.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, spec.name.c_str()));
    resources.push_back(owners.back().get());
  }
  const Queue queue(rd_kafka_queue_new(client.get()));
  const auto request = admin_options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
  rd_kafka_DescribeConfigs(client.get(), resources.data(), resources.size(), request.get(), queue.get());
  const auto event = wait_for(client, queue.get(), timeout, options);
  std::size_t count = 0;
  const auto* const* described =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_ConfigResource_name(described[i]);
    if (rd_kafka_ConfigResource_error(described[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::runtime_error("the settings of topic " + name +
                               " cannot be read: " + rd_kafka_ConfigResource_error_string(described[i]) +
                               ". Allow this client DescribeConfigs on it");
    std::size_t entries = 0;
    const auto* const* entry = rd_kafka_ConfigResource_configs(described[i], &entries);
    for (std::size_t t = 0; t < specs.size(); ++t) {
      if (specs[t].name != name) continue;
      for (std::size_t e = 0; e < entries; ++e) {
        const char* const value = rd_kafka_ConfigEntry_value(entry[e]);
        topics[t].settings[rd_kafka_ConfigEntry_name(entry[e])] = value == nullptr ? "" : value;
      }
    }
  }
}

void create_missing(const Client& client, const KafkaJournalOptions& options, const AllTopics& topics,
                    std::chrono::milliseconds timeout) {
  std::vector<NewTopic> owners;
  std::vector<rd_kafka_NewTopic_t*> missing;
  std::array<char, 256> text{};
  const auto specs = specs_of(options);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& spec = specs[i];
    if (topics[i].exists) continue;
    owners.emplace_back(rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, options.dev ? 1 : kReplicas,
                                              text.data(), text.size()));
    if (!owners.back()) throw std::runtime_error("topic " + spec.name + ": " + text.data());
    auto settings = spec.exact;
    settings.insert(settings.end(), spec.when_made.begin(), spec.when_made.end());
    settings.emplace_back("min.insync.replicas", std::to_string(min_in_sync(options)));
    settings.emplace_back("max.message.bytes", std::to_string(kMinMessageBytes + 4096));
    for (const auto& [name, value] : settings)
      rd_kafka_NewTopic_set_config(owners.back().get(), name.c_str(), value.c_str());
    missing.push_back(owners.back().get());
  }
  if (missing.empty()) return;
  const Queue queue(rd_kafka_queue_new(client.get()));
  const auto request = admin_options(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout);
  rd_kafka_CreateTopics(client.get(), missing.data(), missing.size(), request.get(), queue.get());
  const auto event = wait_for(client, queue.get(), timeout, options);
  std::size_t count = 0;
  const auto* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    const char* const reason = rd_kafka_topic_result_error_string(results[i]);
    throw std::runtime_error(std::string("topic ") + rd_kafka_topic_result_name(results[i]) +
                             " cannot be made: " + (reason != nullptr ? reason : error_text(error)) +
                             (error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR
                                  ? ". A journal needs three brokers; one will do with --dev only"
                                  : ""));
  }
}

std::vector<std::string> problems_of(const AllTopics& topics, const KafkaJournalOptions& options) {
  std::vector<std::string> out;
  const auto specs = specs_of(options);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& facts = topics[i];
    const auto& name = specs[i].name;
    if (!facts.exists) {
      out.push_back("topic " + name + " is missing; `groundtruth journal init` makes it");
      continue;
    }
    if (facts.partitions != specs[i].partitions)
      out.push_back("topic " + name + " has " + std::to_string(facts.partitions) + " partitions, not " +
                    std::to_string(specs[i].partitions) +
                    "; a count cannot be changed in place: copy the journal to a new one");
    if (const int wanted = options.dev ? 1 : kReplicas; facts.replicas < wanted)
      out.push_back("topic " + name + " has replication factor " + std::to_string(facts.replicas) +
                    ", less than " + std::to_string(wanted) +
                    "; raise it with kafka-reassign-partitions (--dev allows one broker)");
    if (facts.settings.empty()) continue;
    // What is wrong with a setting, and the command that mends it.
    const auto complain = [&](const std::string& key, std::string_view wrong, const std::string& wanted) {
      out.push_back(
          joined({"topic ", name, " has ", key, "=", setting(facts, key), wrong, wanted,
                  "; mend it with: kafka-configs --bootstrap-server ", options.brokers,
                  " --alter --entity-type topics --entity-name ", name, " --add-config ", key, "=", wanted}));
    };
    const auto must_be = [&](const std::string& key, const std::string& value) {
      if (setting(facts, key) != value) complain(key, ", not ", value);
    };
    const auto at_least = [&](const std::string& key, std::int64_t lowest) {
      if (number(setting(facts, key)) < lowest) complain(key, ", less than ", std::to_string(lowest));
    };
    for (const auto& [key, value] : specs[i].exact) must_be(key, value);
    at_least("min.insync.replicas", min_in_sync(options));
    at_least("max.message.bytes", kMinMessageBytes);
    // Topics lost this setting with 4.0. Before that, a record below min.insync.replicas could be read and
    // lost.
    if (facts.settings.contains("message.format.version"))
      out.push_back("topic " + name +
                    " is on a broker older than Kafka 4.0, which shows records before they "
                    "are safe; upgrade the brokers");
  }
  return out;
}

std::string durability_of(const AllTopics& topics) {
  int replicas = topics.front().replicas;
  std::int64_t in_sync = replicas;
  bool flushed = true, is_known = true;
  for (const auto& topic : topics) {
    is_known = is_known && !topic.settings.empty();
    replicas = std::min(replicas, topic.replicas);
    in_sync = std::min(in_sync, number(setting(topic, "min.insync.replicas")));
    flushed = flushed && setting(topic, "flush.messages") == "1";
  }
  if (!is_known) return "acknowledged by all in-sync replicas of " + std::to_string(replicas);
  std::string out = "acknowledged by at least " + std::to_string(in_sync) + " of " +
                    std::to_string(replicas) + (replicas == 1 ? " broker" : " brokers");
  if (flushed) return out + ", each of which has synced it to its disk (flush.messages=1)";
  return out + ", before it is synced to their disks: it survives the loss of " +
         (in_sync > 1 ? std::to_string(in_sync - 1) + " of them, not of all at the same instant"
                      : std::string("no machine's power, unless flush.messages=1"));
}

std::string cluster_id(const Client& control, std::chrono::milliseconds timeout) {
  char* const id = rd_kafka_clusterid(control.get(), static_cast<int>(timeout.count()));
  if (id == nullptr) throw JournalUnavailable("Kafka does not say which cluster it is");
  std::string out(id);
  rd_kafka_mem_free(control.get(), id);
  return out;
}

}  // namespace groundtruth::journal::kafka
