// Wrapped data keys in a compacted topic that all nodes of a journal share. Private to journal/kafka, but for
// `open_key_topic` (kafka_journal.hpp).
//
// A record holds one key, or says that an owner's was destroyed. Its Kafka key is the owner and the nonce, so
// that two nodes which make a key for one owner do not displace each other's: the one that stands first in
// the log counts for everybody, for ever, whatever compaction takes away. That an owner's key was destroyed
// stands under the owner's name alone and is never taken away; the record of the key itself is deleted by a
// tombstone of Kafka's. Between the two a crash leaves nothing half done: whoever erases does both again.
//
// A thread reads the topic into a table on this node's disk, which is disposable: it answers what is asked,
// and a start reads on from where it stands.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "journal/kafka/client.hpp"
#include "journal/key_table.hpp"
#include "journal/wrapped_keys.hpp"

namespace groundtruth::journal::kafka {

class KeyTopic final : public WrappedKeys {
 public:
  // Reads to the end. Throws JournalUnavailable when no broker answers in `open_timeout`.
  KeyTopic(KafkaJournalOptions options, const std::filesystem::path& table);
  ~KeyTopic() override;

  std::optional<WrappedKey> known(std::string_view owner) override;
  std::optional<WrappedKey> find(std::string_view owner) override;
  std::vector<WrappedKey> add(const std::vector<NamedKey>& keys) override;
  void destroy(std::string_view owner) override;
  void for_each(const Row& row) override;
  void on_destroyed(std::function<void(const std::string& owner)> gone) override;

 private:
  struct Sender;
  struct Message {
    std::string key;
    std::string value;  // empty: Kafka's tombstone
  };
  using TimePoint = std::chrono::steady_clock::time_point;

  std::uint64_t end_now(TimePoint deadline);
  void read_up_to(std::uint64_t end, TimePoint deadline);
  // Returns the offset behind the last one, all being durable.
  std::uint64_t send(const std::vector<Message>& messages, TimePoint deadline);

  std::uint64_t where_to_start();
  void run();
  void read_on();
  void apply(const std::vector<struct KeyMessage>& messages, std::uint64_t next);

  const KafkaJournalOptions options_;
  ClientEvents events_;
  Client client_;
  rd_kafka_topic_s* const topic_;

  std::mutex mutex_;  // of all below, up to the thread
  std::condition_variable moved_;
  KeyTable table_;
  std::uint64_t next_ = 0;                         // everything before it is in the table
  std::map<std::string, std::string> destroying_;  // here, now; the nonce of the key that went, once it did
  std::function<void(const std::string&)> gone_;

  std::mutex sender_mutex_;
  std::shared_ptr<Sender> sender_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace groundtruth::journal::kafka
