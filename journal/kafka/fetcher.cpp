// See fetcher.hpp.
#include "journal/kafka/fetcher.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>

namespace groundtruth::journal::kafka {
namespace {

constexpr std::chrono::milliseconds kWait{50};
constexpr std::chrono::milliseconds kLook{200};
constexpr std::chrono::milliseconds kStall{1'500};

}  // namespace

Fetcher::Fetcher(const KafkaJournalOptions& options, Ends& ends)
    : options_(options),
      ends_(ends),
      bounds_{options.window_ahead_bytes, options.window_behind_records, options.window_behind_bytes},
      events_(Role::follower, options),
      client_(events_),
      queue_(rd_kafka_queue_new(client_.get())) {
  thread_ = std::thread([this] { run(); });
}

Fetcher::~Fetcher() {
  stopping_ = true;
  rd_kafka_queue_yield(queue_.get());
  thread_.join();
}

void Fetcher::on_visible(std::function<void(Partition)> notify) {
  const std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
}

void Fetcher::notify(Partition partition) const {
  std::function<void(Partition)> notify;
  {
    const std::lock_guard lock(mutex_);
    notify = notify_;
  }
  if (notify) notify(partition);
}

void Fetcher::follow(Partition partition, std::uint64_t from) {
  bool wants_more = false;
  if (window(partition).follow(from, bounds_, wants_more) || wants_more) restart(partition);
}

void Fetcher::restart(Partition partition) {
  restart_at(index_of(partition), std::chrono::steady_clock::now());
  rd_kafka_queue_yield(queue_.get());
}

void Fetcher::restart_at(std::size_t index, std::chrono::steady_clock::time_point when) {
  const std::lock_guard lock(mutex_);
  restarts_.emplace(when, index);
}

void Fetcher::serve_requests() {
  std::set<std::size_t> due;
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    while (!restarts_.empty() && restarts_.begin()->first <= now) {
      due.insert(restarts_.begin()->second);
      restarts_.erase(restarts_.begin());
    }
  }
  for (const auto index : due) {
    stop(index);
    start(index);
  }
}

// librdkafka sometimes goes on waiting after a broker's error although the leader answers: where the log is
// known to have more, and none of it came for a while, fetching begins anew.
void Fetcher::wake_stalled() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLook) return;
  looked_ = now;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    if (!started_[i]) continue;
    auto& pace = paces_[i];
    const auto next = windows_[i].next();
    if (next != pace.next || ends_.end(partition_at(i)) <= next) {
      pace = {next, now};
    } else if (now - pace.since >= kStall) {
      log(options_, 5,
          to_string(partition_at(i)) + ": nothing came although the log goes on; fetching again");
      pace.since = now;
      stop(i);
      start(i);
    }
  }
}

void Fetcher::start(std::size_t index) {
  const auto partition = partition_at(index);
  const auto place = windows_[index].place();
  if (!place.active || place.full) return;
  if (rd_kafka_consume_start_queue(client_.topic(partition.topic), partition.number,
                                   static_cast<std::int64_t>(place.next), queue_.get()) == 0) {
    started_[index] = true;
    return;
  }
  log(options_, 3, to_string(partition) + " cannot be fetched: " + error_text(rd_kafka_last_error()));
  restart_at(index, std::chrono::steady_clock::now() + options_.retry_pause * 10);
}

void Fetcher::stop(std::size_t index) {
  const auto partition = partition_at(index);
  if (!std::exchange(started_[index], false)) return;
  rd_kafka_consume_stop(client_.topic(partition.topic), partition.number);
}

void Fetcher::failed(std::size_t index, bool out_of_range, const std::string& reason) {
  const auto partition = partition_at(index);
  log(options_, out_of_range ? 2 : 4, to_string(partition) + " cannot be fetched: " + reason);
  const auto soon = std::chrono::steady_clock::now() + options_.retry_pause * 10;
  if (!out_of_range) return restart_at(index, soon);
  // The leader does not have what comes next: its log was cut, or it is behind. Asking tells.
  stop(index);
  ends_.ask(partition, [this, index, partition](std::uint64_t end) {
    if (end >= windows_[index].place().next)
      restart_at(index, std::chrono::steady_clock::now() + options_.retry_pause * 10);
    else
      notify(partition);  // the follower sees an end before its place, and halts
  });
}

void Fetcher::run() {
  while (!stopping_) {
    serve_requests();
    wake_stalled();
    client_.serve();
    std::array<bool, kPartitionTotal> touched{};
    std::vector<std::size_t> full;  // what follows in this batch is dropped, and fetched again later
    auto fetched =
        take_fetched(queue_.get(), kWait, options_,
                     [&](std::optional<Partition> partition, bool out_of_range, const std::string& reason) {
                       if (partition) return failed(index_of(*partition), out_of_range, reason);
                       log(options_, 4, "kafka: " + reason);
                     });
    fetched_ += fetched.size();
    for (auto& [partition, record] : fetched) {
      const auto index = index_of(partition);
      if (std::find(full.begin(), full.end(), index) != full.end()) continue;
      const auto end = record.offset + 1;
      bool is_full = false;
      if (!windows_[index].push(std::move(record), bounds_, is_full)) continue;
      ends_.at_least(partition, end);
      touched[index] = true;
      if (is_full) full.push_back(index);
    }
    for (const auto index : full) {
      ++pauses_;
      stop(index);
      // The reader may have made room meanwhile.
      if (!windows_[index].place().full) start(index);
    }
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      if (touched[i]) notify(partition_at(i));
  }
  for (std::size_t i = 0; i < kPartitionTotal; ++i) stop(i);
}

}  // namespace groundtruth::journal::kafka
