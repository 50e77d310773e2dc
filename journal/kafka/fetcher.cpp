// See fetcher.hpp.
#include "journal/kafka/fetcher.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <set>

namespace groundtruth::journal::kafka {
namespace {

constexpr std::chrono::milliseconds kFetchWait{50};
constexpr std::chrono::milliseconds kLook{200};  // or sooner, where partitions become quiet sooner
constexpr std::chrono::milliseconds kStall{1'500};
constexpr std::size_t kMovesAtOnce = 8;      // stopping waits for librdkafka's thread
constexpr std::uint64_t kManyRecords = 100;  // in `own_after`: fewer cost little

}  // namespace

Fetcher::Lane::Lane(Role role, const KafkaJournalOptions& options)
    : events(role, options), client(events), queue(rd_kafka_queue_new(client.get())) {}

Fetcher::Fetcher(const KafkaJournalOptions& options, Ends& ends)
    : options_(options),
      ends_(ends),
      bounds_{options.window_ahead_bytes, options.window_behind_records, options.window_behind_bytes},
      busy_(Role::follower, options_),
      quiet_(Role::quiet_follower, options_),
      own_(Role::own_follower, options_) {
  // The thread waits for one of the queues. (A yield is not lost when nobody waits.)
  for (const Lane* lane : {&quiet_, &own_})
    rd_kafka_queue_cb_event_enable(
        lane->queue.get(),
        [](rd_kafka_t*, void* other) { rd_kafka_queue_yield(static_cast<rd_kafka_queue_t*>(other)); },
        busy_.queue.get());
  thread_ = std::thread([this] { run(); });
}

Fetcher::~Fetcher() {
  stopping_ = true;
  rd_kafka_queue_yield(busy_.queue.get());
  thread_.join();
  for (const Lane* lane : {&quiet_, &own_})
    rd_kafka_queue_cb_event_enable(lane->queue.get(), nullptr, nullptr);
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

void Fetcher::appended(Partition partition, std::vector<Record> records) {
  const auto taken = window(partition).take_own(std::move(records), bounds_);
  if (taken.behind_others) {
    others_write_[index_of(partition)] = true;
    if (is_own_[index_of(partition)].exchange(false))
      restart(partition);  // in the lane that waits for nothing
  }
  if (taken.some) notify(partition);
}

std::uint64_t Fetcher::own_partitions() const {
  return static_cast<std::uint64_t>(std::count(is_own_.begin(), is_own_.end(), true));
}

void Fetcher::restart(Partition partition) {
  restart_at(index_of(partition), std::chrono::steady_clock::now());
  rd_kafka_queue_yield(busy_.queue.get());
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
    const auto now = std::chrono::steady_clock::now();
    paces_[index] = {windows_[index].next(), now, now, now};
    start(busy_, index);
  }
}

// Each partition once in a while: where nothing came for some time, it goes to the quiet lane. It is fetched
// by both until the quiet one has asked for it for certain, so that nothing waits for the change; what comes
// twice is dropped.
// And librdkafka sometimes goes on waiting after a broker's error although the leader answers: where the log
// is known to have more, and none of it came for a while, fetching begins anew.
void Fetcher::look_around() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < std::min({kLook, options_.quiet_after, options_.own_after})) return;
  looked_ = now;
  std::size_t moves = 0;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    if (!busy_.started[i] && !quiet_.started[i] && !own_.started[i]) continue;
    if (now - counts_[i].since >= options_.own_after) see_whose_it_is(i, now);
    auto& pace = paces_[i];
    const auto next = windows_[i].next();
    const bool has_all = ends_.end(partition_at(i)) <= next;
    if (next != pace.next) pace = {next, now, now, pace.quiet};
    if (has_all) pace.since = now;
    if (now - pace.since >= kStall) {
      log(options_, 5,
          to_string(partition_at(i)) +
              ": no records were delivered although the log has more; fetching again");
      pace.since = now;
      stop(i);
      start(busy_, i);
    } else if (!busy_.started[i] || moves == kMovesAtOnce) {
      continue;
    } else if (!quiet_.started[i] && has_all && now - pace.moved >= options_.quiet_after) {
      ++moves;
      pace.quiet = now;
      start(quiet_, i);
    } else if (quiet_.started[i] && now - pace.quiet >= 3 * options_.quiet_fetch_wait) {
      ++moves;
      stop(busy_, i);
    }
  }
}

void Fetcher::see_whose_it_is(std::size_t index, std::chrono::steady_clock::time_point now) {
  const auto place = windows_[index].place();
  auto& count = counts_[index];
  const auto all = place.next - count.next, own = place.own - count.own;
  count = {now, place.next, place.own};
  const bool others_write = others_write_[index].exchange(false);
  const bool is_own = !others_write && all >= kManyRecords && own >= all - all / 20;
  if (is_own == own_.started[index] || quiet_.started[index]) return;
  stop(index);
  start(is_own ? own_ : busy_, index);
}

void Fetcher::start(Lane& lane, std::size_t index) {
  const auto partition = partition_at(index);
  const auto place = windows_[index].place();
  if (!place.active || place.full || lane.started[index]) return;
  if (rd_kafka_consume_start_queue(lane.client.topic(partition.topic), partition.number,
                                   static_cast<std::int64_t>(place.next), lane.queue.get()) == 0) {
    lane.started[index] = true;
    if (&lane == &own_) is_own_[index] = true;
    return;
  }
  log(options_, 3, to_string(partition) + " cannot be fetched: " + error_text(rd_kafka_last_error()));
  restart_at(index, std::chrono::steady_clock::now() + options_.retry_pause * 10);
}

void Fetcher::stop(Lane& lane, std::size_t index) {
  const auto partition = partition_at(index);
  if (!std::exchange(lane.started[index], false)) return;
  if (&lane == &own_) is_own_[index] = false;
  rd_kafka_consume_stop(lane.client.topic(partition.topic), partition.number);
}

void Fetcher::stop(std::size_t index) {
  for (Lane* lane : {&busy_, &quiet_, &own_}) stop(*lane, index);
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

// False: there was nothing.
bool Fetcher::take(Lane& lane, std::chrono::milliseconds wait) {
  lane.client.serve();
  std::array<bool, kPartitionTotal> came{}, is_new{};
  std::vector<std::size_t> full;  // what follows in this batch is dropped, and fetched again later
  auto fetched =
      take_fetched(lane.queue.get(), wait, options_,
                   [&](std::optional<Partition> partition, bool out_of_range, const std::string& reason) {
                     if (partition) return failed(index_of(*partition), out_of_range, reason);
                     log(options_, 4, "kafka: " + reason);
                   });
  fetched_ += fetched.size();
  for (auto& [partition, record] : fetched) {
    const auto index = index_of(partition);
    if (std::find(full.begin(), full.end(), index) != full.end()) continue;
    // Before it can be read: who reads it and then finds an end before it takes the log for cut.
    ends_.at_least(partition, record.offset + 1);
    came[index] = true;
    bool is_full = false;
    const auto offset = record.offset;
    const auto pushed = windows_[index].push(std::move(record), bounds_, is_full);
    if (pushed == Window::Pushed::known) continue;
    if (pushed == Window::Pushed::differs)
      log(options_, 2,
          to_string(partition) + ": the record at offset " + std::to_string(offset) +
              " is not the one that was acknowledged there: history was changed");
    is_new[index] = true;
    if (is_full) full.push_back(index);
  }
  for (const auto index : full) {
    ++pauses_;
    stop(index);
    // The reader may have made room meanwhile.
    if (!windows_[index].place().full) start(busy_, index);
  }
  for (std::size_t i = 0; i < kPartitionTotal; ++i) {
    if (is_new[i]) notify(partition_at(i));
    if (!came[i] || &lane != &quiet_ || !quiet_.started[i]) continue;
    stop(quiet_, i);
    start(busy_, i);
  }
  return !fetched.empty();
}

void Fetcher::run() {
  bool more = false;
  while (!stopping_) {
    serve_requests();
    look_around();
    take(busy_, more ? std::chrono::milliseconds(0) : kFetchWait);
    more = take(quiet_, std::chrono::milliseconds(0));
    more = take(own_, std::chrono::milliseconds(0)) || more;
  }
  for (std::size_t i = 0; i < kPartitionTotal; ++i) stop(i);
}

}  // namespace groundtruth::journal::kafka
