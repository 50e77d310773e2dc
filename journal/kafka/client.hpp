// librdkafka's handles as owners, and how this journal's clients are configured. Private to journal/kafka.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "journal/kafka/kafka_journal.hpp"

// librdkafka's own types, so that its header is needed in no header of ours.
struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;

namespace groundtruth::journal::kafka {

struct Release {
  void operator()(rd_kafka_s* handle) const;
  void operator()(rd_kafka_topic_s* topic) const;
  void operator()(rd_kafka_queue_s* queue) const;
};
using Handle = std::unique_ptr<rd_kafka_s, Release>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_s, Release>;
using Queue = std::unique_ptr<rd_kafka_queue_s, Release>;

enum class Role : std::uint8_t {
  producer,
  follower,
  quiet_follower,
  own_follower,
  reader,
  keys,
  control,
  member
};
using Properties = std::vector<std::pair<std::string, std::string>>;
std::string_view to_string(Role role);

// Why no broker answers, as a connection said it last; empty: none said anything.
struct Trouble {
  std::string reason;
  bool is_refusal =
      false;  // of who comes or who is there: a password, a certificate. It will not mend itself
};

// What librdkafka calls back into; its address must stay until the client is gone.
struct ClientEvents {
  ClientEvents(Role client, const KafkaJournalOptions& given) : role(client), options(given) {}
  const Role role;
  const KafkaJournalOptions& options;
  std::function<void(const std::string& reason)> fatal;
  // For each record that was produced, on the thread that polls. `offset` is negative where it is not known;
  // `error` is empty on success.
  std::function<void(void* opaque, std::int64_t offset, const std::string& error)> delivered;
  // Of a member of a group, on the thread that polls (rd_kafka_conf_set_rebalance_cb).
  std::function<void(int error, rd_kafka_topic_partition_list_s* partitions)> rebalanced;

  Trouble trouble() const;
  void set_trouble(Trouble trouble);

 private:
  mutable std::mutex mutex_;
  Trouble trouble_;
};

// One client with a handle on each topic. Destroying it waits for its threads; messages of it must be gone.
// A member of a group is gone with it as if it had been killed.
class Client {
 public:
  // `more` is what the role alone does not say. Throws std::runtime_error for a property that is wrong or
  // that the protocol fixes.
  explicit Client(ClientEvents& events, const Properties& more = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Calls back on this thread for what happened since the last time: errors, statistics, reports. Without it
  // these gather in memory, so somebody does it about every second. Any thread.
  void serve() const;

  Trouble trouble() const { return events_.trouble(); }

  rd_kafka_s* get() const { return handle_.get(); }
  rd_kafka_topic_s* topic(Topic topic) const { return topics_[static_cast<std::size_t>(topic)].get(); }
  rd_kafka_topic_s* key_topic() const { return key_topic_.get(); }
  TopicHandle open_topic(const std::string& name) const;  // gone before the client

 private:
  const ClientEvents& events_;
  Handle handle_;
  std::array<TopicHandle, kTopics.size()> topics_;
  TopicHandle key_topic_;  // of those who ask about it or read it
};

std::string topic_name(const KafkaJournalOptions& options, Topic topic);
std::string key_topic_name(const KafkaJournalOptions& options);  // the one with the data keys, key_topic.hpp
void log(const KafkaJournalOptions& options, int level, const std::string& line);
std::int64_t steady_ms();           // of the steady clock, for atomics
std::string error_text(int error);  // of a rd_kafka_resp_err_t

// The records of what a queue holds, waiting at most `wait` for the first. What went wrong with a partition
// is given to `failed`, in place among the records.
struct Fetched {
  Partition partition;
  Record record;
};
std::vector<Fetched> take_fetched(
    rd_kafka_queue_s* queue, std::chrono::milliseconds wait, const KafkaJournalOptions& options,
    const std::function<void(std::optional<Partition>, bool out_of_range, const std::string&)>& failed);

// The offsets behind the last visible record (or of the first one that the log still has), asked from the
// leaders now. In the order of `partitions`; nullopt where there was no answer.
enum class Edge : std::uint8_t { start, end };
using TopicPartition = std::pair<std::string, int>;
std::vector<std::optional<std::uint64_t>> query_offsets(const Client& client,
                                                        const std::vector<TopicPartition>& partitions,
                                                        Edge edge, std::chrono::milliseconds timeout);
std::vector<std::optional<std::uint64_t>> query_offsets(const Client& client,
                                                        const KafkaJournalOptions& options,
                                                        const std::vector<Partition>& partitions, Edge edge,
                                                        std::chrono::milliseconds timeout);

}  // namespace groundtruth::journal::kafka
