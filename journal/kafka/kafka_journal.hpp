// The journal on Apache Kafka: idempotent appends with acks=all, no transactions, no consumer groups
// (JOURNAL, "Kafka").
//
// Each followed partition has a window in memory: what came and was not read yet, and a little of what lies
// before. Reading in the window never blocks; reading before it asks the brokers. What comes is fetched, or
// was appended by this process: a leader acknowledges a record when every replica in sync has it, and then
// anyone may read it at the offset that it was given; so nobody waits for it to come back. It does come back,
// and is compared then; and so is the last record of a window with the log at each check, wherever it came
// from. Offsets are Kafka's own.
//
// Ownership: producers may outlive the journal; their appends then report `unknown`. The clock must outlive
// both. Threads: as in journal.hpp; reports come on the thread of the producers' session, notifications and
// answers to `ask_end` on others. Destroying a producer waits for its report that is running, so hold no lock
// then that a report takes.
// Errors: `open` and `create_topics` throw JournalUnavailable when the brokers do not answer in time and
// std::runtime_error for everything else; the message says what to do.
// A leader that was cut off from its cluster and does not know it yet may answer with an end that is too low.
// Lower ends than those known are therefore asked for again (`truncation_patience`) before they are believed;
// that such a leader hides what is newer than all that this process knows is not noticed.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/journal.hpp"
#include "journal/ports.hpp"
#include "journal/wrapped_keys.hpp"

namespace groundtruth::journal {

struct KafkaJournalOptions {
  std::string brokers;       // host:port, comma-separated
  std::string topic_prefix;  // before the names of the topics, so that one cluster may hold several journals
  bool dev = false;          // one broker will do: replication factor 1, min.insync.replicas 1
  // Any property of librdkafka, e.g. for TLS and SASL, except those that the protocol fixes.
  std::map<std::string, std::string> properties;

  std::chrono::milliseconds open_timeout{15'000};
  std::chrono::milliseconds create_timeout{60'000};  // of topics: 81 partitions on three brokers take a while
  // After it an append that was not acknowledged fails, and with it the session. Longer than a change of
  // leader takes (9.5 s with the brokers' defaults), or each one breaks the session.
  std::chrono::milliseconds message_timeout{20'000};
  std::chrono::milliseconds read_timeout{3'000};    // of a read before the window
  std::chrono::milliseconds stored_timeout{1'000};  // of read_stored
  std::chrono::milliseconds truncation_patience{10'000};
  std::chrono::milliseconds fetch_wait{10};         // of partitions in which something came lately …
  std::chrono::milliseconds quiet_fetch_wait{200};  // … and of those in which nothing did …
  std::chrono::milliseconds quiet_after{2'000};     // … for this long
  // Where nearly all was this process's own for this long, a request waits for so many bytes, or
  // `fetch_wait`.
  std::chrono::milliseconds own_after{1'000};
  std::size_t own_fetch_bytes = 128 * 1024;
  // Requests on their way to a broker at once. With more than one, a record can land although one before it
  // was refused: a broker that knows nothing yet of a producer in a partition (its first records there, or
  // after a day without any) takes whatever sequence number comes. Followers halt on such a gap, everywhere.
  int requests_in_flight = 1;
  std::chrono::milliseconds retry_pause{100};  // doubles up to ten times this
  std::chrono::milliseconds check_interval{60'000};
  // False where the brokers do not know how to describe their settings, as librdkafka's mock cluster does
  // not.
  bool check_settings = true;

  std::size_t queue_records = 100'000;  // appended and not acknowledged, of all partitions
  std::size_t queue_bytes = 256 * 1024 * 1024;
  // Of each partition. Fetching stops above `ahead` and goes on when half of it was read.
  std::size_t window_ahead_bytes = 2 * 1024 * 1024;
  std::size_t window_behind_records = 1'100;  // a follower looks at its last 1,024 again
  std::size_t window_behind_bytes = 1024 * 1024;

  // librdkafka's log lines and this journal's own; level as in syslog, 0 (emergency) to 7 (debug). Called
  // from any thread, must not block.
  std::function<void(int level, const std::string& line)> log;
  // librdkafka's statistics (its STATISTICS.md): one JSON document of each client at each interval, and an
  // empty one when the client is gone. `role` is what it is for (producer, follower, reader, control), of
  // which there may be several at once; no two of a process have the same `client`. As `log` otherwise.
  std::function<void(std::string_view role, const std::string& client, std::string json)> stats;
  std::chrono::milliseconds stats_interval{0};  // 0: none
};

std::string librdkafka_version();  // of the library that this process runs with

struct KafkaJournalCounters {
  std::uint64_t sessions = 0;  // producers' sessions that were made: all but the last one broke
  std::uint64_t fetched_records = 0;
  std::uint64_t pauses = 0;  // a window was full
  std::uint64_t cold_reads = 0;
  std::uint64_t cold_seeks = 0;  // cold reads that did not go on where another one ended
  std::uint64_t asked_ends = 0;
  std::uint64_t own_partitions = 0;  // now fetched at leisure: what comes there is this process's own
};

class KafkaJournal final : public Journal {
 public:
  // Knows all topics and ends when it returns. Wrong settings do not make it fail: see `problems`.
  static std::unique_ptr<KafkaJournal> open(KafkaJournalOptions options, const Clock& clock);
  // Makes the topics that are missing, with the settings that the protocol asks for, and waits until they can
  // be used. Those that exist are left as they are.
  static void create_topics(const KafkaJournalOptions& options);
  ~KafkaJournal() override;

  JournalInfo info() const override;
  bool is_reachable() const override;
  std::unique_ptr<Producer> open_producer() override;
  std::uint64_t start_offset(Partition partition) const override;
  std::uint64_t end_offset(Partition partition) const override;
  std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                           std::size_t max_bytes = 4 * 1024 * 1024) const override;
  std::vector<Record> read_stored(Partition partition, std::uint64_t from, std::size_t max_records,
                                  std::size_t max_bytes = 4 * 1024 * 1024) const override;
  void follow(Partition partition, std::uint64_t from) override;
  void ask_end(Partition partition, std::function<void(std::uint64_t end)> done) override;
  void on_visible(std::function<void(Partition)> notify) override;

  // What is wrong with the topics as of the last check, each with its mend; empty: nothing. Where it is not,
  // nothing may be written: a node does not start, or says that it is not ready.
  std::vector<std::string> problems() const;
  // Checks now, as is done at each interval: the topics' settings, and that the last record that was fetched
  // of each followed partition still stands in the log. Blocks; throws JournalUnavailable.
  void check();

  KafkaJournalCounters counters() const;

  // Tells this journal from its copies: the cluster's own id, and what its topics' names begin with.
  std::string place() const;

 private:
  class Core;
  class KafkaProducer;
  explicit KafkaJournal(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

// The data keys that all nodes of the journal share, in a topic beside it; `table` is a file of this node's
// alone, disposable. Knows all keys when it returns. Throws JournalUnavailable, std::runtime_error.
std::unique_ptr<WrappedKeys> open_key_topic(const KafkaJournalOptions& options,
                                            const std::filesystem::path& table);

}  // namespace groundtruth::journal
