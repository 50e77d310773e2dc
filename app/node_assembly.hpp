// The journal side of a process, put together: data directory, keys, journal, read models, node, and the
// workers that follow it. `serve` builds the APIs on top; the command line uses it alone where no server
// runs.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "app/chain_clock.hpp"
#include "app/config.hpp"
#include "app/kafka_metrics.hpp"
#include "journal/data_directory.hpp"
#include "journal/duties.hpp"
#include "journal/kafka/kafka_journal.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "journal/peers/preferred_writers.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "journal/wrapped_keys.hpp"
#include "projections/projector.hpp"
#include "workers/clock/clock_worker.hpp"
#include "workers/erasure/discard_work.hpp"
#include "workers/erasure/end_tasks.hpp"
#include "workers/erasure/erasure_worker.hpp"
#include "workers/relay/relay.hpp"

namespace groundtruth::app {

// How the journal's file is opened, wherever it is opened.
journal::SqliteJournalOptions journal_options(const Settings& settings,
                                              const journal::DataDirectory& directory);

// The same for a journal on Kafka; the settings must name it. `open_kafka` throws CommandError (`failed`)
// where it cannot be reached or, for who will write, where its topics would lose what they hold. Whoever
// wants librdkafka's statistics gives a place for them that outlives the journal.
enum class Use : std::uint8_t { read, write };
journal::KafkaJournalOptions kafka_options(const Settings& settings);
std::unique_ptr<journal::KafkaJournal> open_kafka(const Settings& settings, Use use,
                                                  std::function<void(int, const std::string&)> log = {},
                                                  KafkaStatistics* statistics = nullptr);

// An empty journal beside the keys of a history would be a loss that looks like a beginning: for who is about
// to make one. Throws CommandError (`failed`).
void refuse_keys_without_journal(const journal::DataDirectory& directory);

// Threads: everything here is called from one thread, but for what node() and the others say of themselves.
class NodeAssembly {
 public:
  // Locks the directory and opens everything; reads nothing yet. With --dev it makes what is missing:
  // directory, master key, journal. `fatal` is called when the journal's file, or that of the data keys,
  // failed and must not return. Throws CommandError (`failed`) with the mend.
  NodeAssembly(const Settings& settings, std::shared_ptr<spdlog::logger> log,
               std::function<void(std::string)> fatal);
  ~NodeAssembly();  // stop()
  NodeAssembly(const NodeAssembly&) = delete;
  NodeAssembly& operator=(const NodeAssembly&) = delete;

  // Builds read models that are new, then reads what they do not have. `progress` tells how far a build is.
  // Returns when every partition takes commands or has halted; false when `cancel` was set meanwhile.
  using Progress = std::function<void(const std::string& phase, std::uint64_t done, std::uint64_t total)>;
  bool start(const Progress& progress, const std::atomic<bool>& cancel);

  // Other processes take over what this one does for all; it goes on answering. Idempotent.
  void leave();

  // Answers what is in flight, lets read models take it, closes everything in order. Idempotent.
  void stop();

  journal::NodeStatus status();  // waits for the node's thread

  const journal::DataDirectory& directory() const { return *directory_; }
  const journal::MasterKey& master() const { return *master_; }
  const journal::Journal& journal() const { return *journal_; }
  // One of these is null: what only that kind of journal has.
  const journal::SqliteJournal* embedded() const { return embedded_; }
  const journal::KafkaJournal* kafka() const { return kafka_; }
  const KafkaStatistics& kafka_statistics() const { return kafka_statistics_; }
  const journal::CommitCodec& codec() const { return *codec_; }
  projections::Projector& projector() { return *projector_; }
  journal::Node& node() { return *node_; }
  journal::Duties& duties() { return *duties_; }  // of the workers; started with them
  const journal::PreferredWriters* preferred_writers() const { return writers_.get(); }  // null: not on Kafka
  const workers::ErasureWorker& erasure() const { return *erasure_; }
  const workers::ClockWorker& deadlines() const { return *deadlines_; }
  const workers::ClockWorker& leases() const { return *leases_; }
  const workers::Relay& settling() const { return *settling_; }
  journal::KeyStore& keys() { return *keys_; }

 private:
  void keep_private(const Settings& settings) const;
  void open_master_key(const Settings& settings, bool had_keys);
  void open_keys(const std::function<void(std::string)>& fatal);
  std::unique_ptr<journal::WrappedKeys> open_shared_keys(const Settings& settings);
  void check_keys();
  void open_kafka_journal(const Settings& settings);
  void refuse_history_without_keys() const;
  void refuse_lost_keys_file() const;
  void make_duties(const Settings& settings);
  void make_preferred_writers(const Settings& settings);
  void make_erasure();
  void make_clock_workers();
  void make_relay();
  void start_workers();
  void open_journal(const Settings& settings, const std::function<void(std::string)>& fatal);

  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<journal::DataDirectory> directory_;
  std::unique_ptr<journal::MasterKey> master_;
  std::shared_ptr<journal::KeyStore> keys_;
  std::string keys_place_;  // for people
  std::unique_ptr<journal::Executor> executor_;
  KafkaStatistics kafka_statistics_;
  std::unique_ptr<journal::Journal> journal_;
  const journal::SqliteJournal* embedded_ = nullptr;
  const journal::KafkaJournal* kafka_ = nullptr;
  std::unique_ptr<journal::CommitCodec> codec_;
  std::unique_ptr<projections::Projector> projector_;
  std::unique_ptr<journal::Node> node_;
  std::unique_ptr<journal::PreferredWriters> writers_;
  std::unique_ptr<journal::Duties> duties_;
  std::unique_ptr<ChainClock> chain_clock_;
  std::unique_ptr<workers::TaskEnder> task_ender_;
  std::unique_ptr<workers::WorkDiscarder> work_discarder_;
  std::unique_ptr<workers::ErasureWorker> erasure_;
  std::unique_ptr<journal::Executor> clock_executor_;
  std::unique_ptr<workers::ClockWorker> deadlines_, leases_, registrations_;
  std::unique_ptr<journal::Executor> relay_executor_;
  std::unique_ptr<workers::Relay> settling_;
  const bool has_workers_;
  bool started_ = false;
};

}  // namespace groundtruth::app
