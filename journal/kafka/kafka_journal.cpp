// The journal on Kafka, put together from its parts (contract in kafka_journal.hpp).
#include "journal/kafka/kafka_journal.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

#include "journal/kafka/client.hpp"
#include "journal/kafka/cold_reader.hpp"
#include "journal/kafka/ends.hpp"
#include "journal/kafka/fetcher.hpp"
#include "journal/kafka/producer_session.hpp"
#include "journal/kafka/topics.hpp"

namespace groundtruth::journal {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kReaders = 3;  // at once in the same partition, each going on where it was
constexpr std::chrono::milliseconds kAdminTimeout{5'000};
constexpr std::chrono::milliseconds kServe{1'000};
constexpr std::chrono::milliseconds kNewTopics{3'000};  // until every broker has heard of them

std::chrono::milliseconds until(SteadyClock::time_point deadline) {
  return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SteadyClock::now()),
                  std::chrono::milliseconds(1));
}

// Asks again until the deadline: at a start brokers may still be on their way.
template <class F>
auto insist(SteadyClock::time_point deadline, std::chrono::milliseconds pause, F&& ask) -> decltype(ask()) {
  while (true) {
    try {
      return ask();
    } catch (const JournalUnavailable&) {
      if (SteadyClock::now() >= deadline) throw;
    }
    std::this_thread::sleep_for(pause);
  }
}

bool all_exist(const kafka::AllTopics& topics) {
  return std::ranges::all_of(kTopics,
                             [&](Topic topic) { return topics[static_cast<std::size_t>(topic)].exists; });
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

}  // namespace

std::string librdkafka_version() {
  return rd_kafka_version_str();
}

class KafkaJournal::Core {
 public:
  Core(KafkaJournalOptions options, const Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        control_events_(kafka::Role::control, options_),
        control_(control_events_),
        ends_(control_, options_),
        reader_(options_, kReaders, [this](Partition partition) { look_at_end(partition); }),
        stored_(options_, 1, [this](Partition partition) { look_at_end(partition); }),
        fetcher_(options_, ends_) {
    const auto deadline = SteadyClock::now() + options_.open_timeout;
    // Another broker may be asked than made the topics a moment ago, and not have heard of them.
    const auto heard = std::min(deadline, SteadyClock::now() + kNewTopics);
    topics_ = insist(deadline, options_.retry_pause, [&] {
      auto found = kafka::find_topics(control_, options_, std::min(until(deadline), kAdminTimeout));
      if (SteadyClock::now() < heard && !all_exist(found))
        throw JournalUnavailable("not all topics are known yet");
      return found;
    });
    std::vector<std::string> unusable;
    for (const auto topic : kTopics) {
      const auto& facts = topics_[static_cast<std::size_t>(topic)];
      if (facts.partitions < kPartitionsPerTopic)
        unusable.push_back("topic " + kafka::topic_name(options_, topic) +
                           (facts.exists ? " has " + std::to_string(facts.partitions) + " partitions, not " +
                                               std::to_string(kPartitionsPerTopic)
                                         : " is missing; run `groundtruth journal init`"));
    }
    if (!unusable.empty()) throw std::runtime_error("Kafka at " + options_.brokers + ": " + joined(unusable));
    ends_.learn_all(deadline);
    cluster_id_ = kafka::cluster_id(control_, until(deadline));
    if (options_.check_settings)
      insist(deadline, options_.retry_pause, [&] {
        check_settings();
        return true;
      });
    caretaker_ = std::thread([this] { take_care(); });
  }

  ~Core() {
    {
      const std::lock_guard lock(care_mutex_);
      stopping_ = true;
    }
    care_.notify_all();
    if (caretaker_.joinable()) caretaker_.join();
    ends_.stop();
    const std::lock_guard lock(sessions_mutex_);
    for (const auto& session : sessions_) session->close();
  }

  std::shared_ptr<kafka::ProducerSession> session() {
    const std::lock_guard lock(sessions_mutex_);
    std::erase_if(sessions_, [](const auto& session) {
      if (!session->is_over()) return false;
      session->close();
      return true;
    });
    if (sessions_.empty() || sessions_.back()->is_broken()) {
      sessions_.push_back(std::make_shared<kafka::ProducerSession>(
          options_, ends_, clock_, [this](Partition partition, std::vector<Record> records) {
            fetcher_.appended(partition, std::move(records));
          }));
      ++made_sessions_;
    }
    return sessions_.back();
  }

  std::vector<Record> read(Partition partition, std::uint64_t from, std::size_t max_records,
                           std::size_t max_bytes) {
    if (auto found = fetcher_.window(partition).read(from, max_records, max_bytes)) return std::move(*found);
    return reader_.read(partition, from, ends_.end(partition), max_records, max_bytes,
                        SteadyClock::now() + options_.read_timeout, false);
  }
  std::vector<Record> read_stored(Partition partition, std::uint64_t from, std::size_t max_records,
                                  std::size_t max_bytes) {
    return stored_.read(partition, from, ends_.end(partition), max_records, max_bytes,
                        SteadyClock::now() + options_.stored_timeout, true);
  }

  void check() {
    if (options_.check_settings) check_settings();
    if (!ends_.learn_starts(kAdminTimeout))
      throw JournalUnavailable("the start offsets of some partitions are unknown");
    std::vector<std::string> found;
    for (std::size_t i = 0; i < kPartitionTotal; ++i) {
      if (stopping_) return;
      const auto partition = partition_at(i);
      if (ends_.start(partition) > 0)
        found.push_back(to_string(partition) + " starts at offset " + std::to_string(ends_.start(partition)) +
                        ": its history was cut. Restore the journal from a copy");
      const auto changed = check_partition(partition);
      if (!changed.empty()) found.push_back(changed);
    }
    reader_.forget_idle();
    stored_.forget_idle();
    const std::lock_guard lock(care_mutex_);
    broken_history_ = std::move(found);
  }

  std::vector<std::string> problems() const {
    const std::lock_guard lock(care_mutex_);
    auto out = wrong_settings_;
    out.insert(out.end(), broken_history_.begin(), broken_history_.end());
    if (!ends_.is_reachable())
      out.push_back("Kafka at " + options_.brokers +
                    " does not answer; nothing can be written until it does");
    return out;
  }

  std::string place() const { return cluster_id_ + '/' + options_.topic_prefix; }

  std::string durability() const {
    const std::lock_guard lock(care_mutex_);
    return kafka::durability_of(topics_);
  }

  KafkaJournalCounters counters() const {
    return {made_sessions_,
            fetcher_.fetched(),
            fetcher_.pauses(),
            reader_.reads() + stored_.reads(),
            reader_.seeks() + stored_.seeks(),
            ends_.asked(),
            fetcher_.own_partitions()};
  }

  kafka::Ends& ends() { return ends_; }
  kafka::Fetcher& fetcher() { return fetcher_; }

 private:
  // The leader does not have what it had: the answer sets the end that is known here, and the follower halts.
  void look_at_end(Partition partition) {
    ends_.ask(partition, [this, partition](std::uint64_t end) {
      const auto place = fetcher_.window(partition).place();
      if (place.active && end < place.next) fetcher_.notify(partition);
    });
  }

  void check_settings() {
    auto topics = kafka::find_topics(control_, options_, kAdminTimeout);
    kafka::describe_topics(control_, options_, kAdminTimeout, topics);
    auto wrong = kafka::problems_of(topics, options_);
    const std::lock_guard lock(care_mutex_);
    if (wrong != wrong_settings_)
      for (const auto& problem : wrong) kafka::log(options_, 3, problem);
    topics_ = std::move(topics);
    wrong_settings_ = std::move(wrong);
  }

  // The window agrees with itself, whatever becomes of the log: so what was fetched last is compared with
  // what stands there now. Where it differs, readers see what stands there, and the follower halts.
  std::string check_partition(Partition partition) {
    const auto index = index_of(partition);
    const auto place = fetcher_.window(partition).place();
    if (!place.active) return {};
    look_at_end(partition);
    const bool is_stuck =
        !place.full && place.next == last_check_[index] && ends_.end(partition) > place.next;
    last_check_[index] = place.next;
    if (is_stuck) fetcher_.restart(partition);
    if (!place.last) return {};
    std::vector<Record> stored;
    try {
      stored = stored_.read(partition, place.last->offset, place.last->offset + 1, 1, SIZE_MAX,
                            SteadyClock::now() + options_.stored_timeout, true);
    } catch (const JournalUnavailable&) {
      return {};
    }
    if (stored.empty() || *stored.front().value == *place.last->value) return {};
    fetcher_.window(partition).replace(stored.front());
    const auto what = to_string(partition) + ": the record at offset " + std::to_string(place.last->offset) +
                      " is not the one that was read there before: history was changed";
    kafka::log(options_, 2, what);
    fetcher_.notify(partition);
    return what;
  }

  void take_care() {
    auto checked = SteadyClock::now();
    std::unique_lock lock(care_mutex_);
    while (
        !care_.wait_for(lock, std::min(options_.check_interval, kServe), [&] { return stopping_.load(); })) {
      lock.unlock();
      reader_.serve();
      stored_.serve();
      if (SteadyClock::now() - checked >= options_.check_interval) {
        try {
          check();
        } catch (const std::exception& failure) {
          kafka::log(options_, 4, std::string("the topics could not be checked: ") + failure.what());
        }
        checked = SteadyClock::now();
      }
      lock.lock();
    }
  }

  const KafkaJournalOptions options_;
  const Clock& clock_;
  kafka::ClientEvents control_events_;
  kafka::Client control_;
  kafka::Ends ends_;
  kafka::ColdReader reader_;
  kafka::ColdReader stored_;
  kafka::Fetcher fetcher_;

  std::mutex sessions_mutex_;
  std::vector<std::shared_ptr<kafka::ProducerSession>> sessions_;  // the current one last
  std::atomic<std::uint64_t> made_sessions_{0};

  mutable std::mutex care_mutex_;
  std::condition_variable care_;
  std::atomic<bool> stopping_{false};
  std::string cluster_id_;
  kafka::AllTopics topics_;
  std::vector<std::string> wrong_settings_;
  std::vector<std::string> broken_history_;
  std::array<std::uint64_t, kPartitionTotal> last_check_{};  // of the caretaker
  std::thread caretaker_;
};

class KafkaJournal::KafkaProducer final : public Producer {
 public:
  explicit KafkaProducer(std::shared_ptr<kafka::ProducerSession> session) : session_(std::move(session)) {}
  ~KafkaProducer() override { appender_->gate.close(); }
  void append(Partition partition, std::vector<Bytes> batch,
              std::function<void(AppendReport)> done) override {
    if (batch.empty() || partition.number >= kPartitionsPerTopic || index_of(partition) >= kPartitionTotal)
      throw std::invalid_argument("append: no records or no such partition");
    // A report on another thread may destroy this producer while this call still runs.
    const auto session = session_;
    const auto appender = appender_;
    session->append(appender, partition, std::move(batch), std::move(done));
  }

 private:
  std::shared_ptr<kafka::ProducerSession> session_;
  std::shared_ptr<kafka::Appender> appender_ = std::make_shared<kafka::Appender>();
};

KafkaJournal::KafkaJournal(std::shared_ptr<Core> core) : core_(std::move(core)) {}
KafkaJournal::~KafkaJournal() = default;

std::unique_ptr<KafkaJournal> KafkaJournal::open(KafkaJournalOptions options, const Clock& clock) {
  return std::unique_ptr<KafkaJournal>(new KafkaJournal(std::make_shared<Core>(std::move(options), clock)));
}

void KafkaJournal::create_topics(const KafkaJournalOptions& options) {
  kafka::ClientEvents events(kafka::Role::control, options);
  const kafka::Client control(events);
  const auto deadline = SteadyClock::now() + options.create_timeout;
  const auto find = [&] {
    return kafka::find_topics(control, options, std::min(until(deadline), kAdminTimeout));
  };
  insist(deadline, options.retry_pause, [&] {
    kafka::create_missing(control, options, find(), std::min(until(deadline), kAdminTimeout));
    return true;
  });
  insist(deadline, options.retry_pause, [&] {
    for (const auto& topic : find())
      if (!topic.exists || topic.partitions_led < topic.partitions)
        throw JournalUnavailable("the topics were made, but not all partitions have a leader yet");
    return true;
  });
}

// Nothing can be read here that fewer than min.insync.replicas brokers have, from 4.0 on, so a crash of one
// takes nothing back. `read_is_durable` would also say that nobody else writes, and answers that rest on what
// is not there (JOURNAL, writer 6) would go out without asking for the end; and whether what was read
// survives a loss of power everywhere is a question of flushing that no client can ask. So: no.
JournalInfo KafkaJournal::info() const {
  return {"kafka", core_->durability(), false};
}

std::string KafkaJournal::place() const {
  return core_->place();
}

std::unique_ptr<Producer> KafkaJournal::open_producer() {
  return std::make_unique<KafkaProducer>(core_->session());
}

std::uint64_t KafkaJournal::start_offset(Partition partition) const {
  return core_->ends().start(partition);
}
std::uint64_t KafkaJournal::end_offset(Partition partition) const {
  return core_->ends().end(partition);
}

std::vector<Record> KafkaJournal::read(Partition partition, std::uint64_t from, std::size_t max_records,
                                       std::size_t max_bytes) const {
  return core_->read(partition, from, max_records, max_bytes);
}
std::vector<Record> KafkaJournal::read_stored(Partition partition, std::uint64_t from,
                                              std::size_t max_records, std::size_t max_bytes) const {
  return core_->read_stored(partition, from, max_records, max_bytes);
}

void KafkaJournal::follow(Partition partition, std::uint64_t from) {
  core_->fetcher().follow(partition, from);
}
void KafkaJournal::ask_end(Partition partition, std::function<void(std::uint64_t end)> done) {
  core_->ends().ask(partition, std::move(done));
}
void KafkaJournal::on_visible(std::function<void(Partition)> notify) {
  core_->fetcher().on_visible(std::move(notify));
}

bool KafkaJournal::is_reachable() const {
  return core_->ends().is_reachable();
}

std::vector<std::string> KafkaJournal::problems() const {
  return core_->problems();
}
void KafkaJournal::check() {
  core_->check();
}
KafkaJournalCounters KafkaJournal::counters() const {
  return core_->counters();
}

}  // namespace groundtruth::journal
