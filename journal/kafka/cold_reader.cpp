// See cold_reader.hpp.
#include "journal/kafka/cold_reader.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace groundtruth::journal::kafka {
namespace {

constexpr std::chrono::milliseconds kColdWait{100};
constexpr std::chrono::milliseconds kSilence{1'000};      // after a read without an answer …
constexpr std::chrono::milliseconds kShortPatience{100};  // … the next ones wait this long
constexpr std::chrono::seconds kIdle{30};
constexpr std::size_t kFew = 512;  // records left of what was fetched: time to ask for more

}  // namespace

struct ColdReader::Cursor {
  Client* client = nullptr;
  Queue queue;
  bool placed = false;   // `next` means something
  bool started = false;  // one request's worth is fetched, or will be
  bool busy = false;
  std::uint64_t next = 0;      // what the next read would be given first
  std::deque<Record> fetched;  // from `next` on
  std::optional<Record> last;  // the one before `next`: followers read on from there, to see that it stands
  TimePoint used{};

  bool stands_at(std::uint64_t from) const {
    return placed && (next == from || (last && last->offset == from));
  }

  std::uint64_t next_to_fetch() const { return fetched.empty() ? next : fetched.back().offset + 1; }
};

struct ColdReader::Slot {
  explicit Slot(ClientEvents& events) : client(events) {}
  Client client;
  std::map<std::size_t, Cursor> cursors;  // by partition
};

ColdReader::ColdReader(const KafkaJournalOptions& options, std::size_t clients,
                       std::function<void(Partition)> out_of_range)
    : options_(options),
      clients_(clients),
      out_of_range_(std::move(out_of_range)),
      events_(Role::reader, options) {}

ColdReader::~ColdReader() {
  for (auto& slot : slots_)
    for (auto& [index, cursor] : slot->cursors) stop(cursor, partition_at(index));
}

// The cursor that stands there, else one that is not used yet, else the one that was used least lately.
ColdReader::Cursor* ColdReader::claim(std::unique_lock<std::mutex>& lock, Partition partition,
                                      std::uint64_t from, TimePoint deadline) {
  const auto index = index_of(partition);
  while (true) {
    Cursor* best = nullptr;
    Slot* unused = nullptr;
    for (auto& slot : slots_) {
      const auto found = slot->cursors.find(index);
      if (found == slot->cursors.end()) {
        if (unused == nullptr) unused = slot.get();
        continue;
      }
      Cursor& cursor = found->second;
      if (cursor.busy) continue;
      if (cursor.stands_at(from)) return &cursor;
      if (best == nullptr || cursor.used < best->used) best = &cursor;
    }
    if (unused == nullptr &&
        (best == nullptr || !best->placed || best->used + kIdle / 10 > std::chrono::steady_clock::now()) &&
        slots_.size() < clients_)
      unused = slots_.emplace_back(std::make_unique<Slot>(events_)).get();
    if (unused != nullptr) {
      Cursor& cursor = unused->cursors[index];
      cursor.client = &unused->client;
      cursor.queue.reset(rd_kafka_queue_new(unused->client.get()));
      return &cursor;
    }
    if (best != nullptr) return best;
    if (given_back_.wait_until(lock, deadline) == std::cv_status::timeout)
      throw JournalUnavailable(to_string(partition) + ": too many readers of its history at once");
  }
}

void ColdReader::seek(Cursor& cursor, Partition partition, std::uint64_t from) {
  ++seeks_;
  stop(cursor, partition);
  cursor.fetched.clear();
  cursor.last.reset();
  cursor.placed = true;
  cursor.next = from;
}

void ColdReader::start(Cursor& cursor, Partition partition) {
  if (cursor.started) return;
  if (rd_kafka_consume_start_queue(cursor.client->topic(partition.topic), partition.number,
                                   static_cast<std::int64_t>(cursor.next_to_fetch()),
                                   cursor.queue.get()) != 0)
    throw JournalUnavailable(to_string(partition) + " cannot be read: " + error_text(rd_kafka_last_error()));
  cursor.started = true;
}

void ColdReader::stop(Cursor& cursor, Partition partition) {
  if (std::exchange(cursor.started, false))
    rd_kafka_consume_stop(cursor.client->topic(partition.topic), partition.number);
}

std::vector<Record> ColdReader::read(Partition partition, std::uint64_t from, std::uint64_t end,
                                     std::size_t max_records, std::size_t max_bytes, TimePoint deadline,
                                     bool fresh) {
  std::vector<Record> out;
  if (from >= end || max_records == 0) return out;
  ++reads_;
  if (steady_ms() < silent_until_ms_)
    deadline = std::min(deadline, std::chrono::steady_clock::now() + kShortPatience);
  std::unique_lock lock(mutex_);
  Cursor* const cursor = claim(lock, partition, from, deadline);
  cursor->busy = true;
  lock.unlock();
  const auto give_back = [&](Cursor* given) {
    lock.lock();
    given->used = std::chrono::steady_clock::now();
    given->busy = false;
    given_back_.notify_one();
  };
  const std::unique_ptr<Cursor, decltype(give_back)&> claimed(cursor, give_back);

  if (fresh || !cursor->stands_at(from)) seek(*cursor, partition, from);
  std::size_t bytes = 0;
  std::string trouble;
  bool cut = false;
  const std::size_t kept = cursor->next == from ? 0 : 1;
  if (kept > 0) {
    bytes = cursor->last->value->size();
    out.push_back(*cursor->last);
  }
  std::uint64_t wanted = cursor->next;  // not looked for again once it was found or passed
  const auto has_enough = [&] {
    while (!cursor->fetched.empty()) {
      auto& next = cursor->fetched.front();
      const auto size = next.value->size();
      if (next.offset >= end || out.size() == max_records || (!out.empty() && bytes + size > max_bytes))
        return true;
      bytes += size;
      wanted = cursor->next = next.offset + 1;
      cursor->last = next;
      out.push_back(std::move(next));
      cursor->fetched.pop_front();
    }
    return wanted >= end || out.size() == max_records || (!out.empty() && bytes >= max_bytes);
  };
  bool enough = false;
  while (!(enough = has_enough())) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || cut) break;
    start(*cursor, partition);
    cursor->client->serve();
    bool more = true;
    bool any = false;
    for (auto wait = std::min(left, kColdWait); more; wait = std::chrono::milliseconds(0)) {
      auto fetched =
          take_fetched(cursor->queue.get(), wait, options_,
                       [&](std::optional<Partition>, bool out_of_range, const std::string& reason) {
                         trouble = reason;
                         cut = cut || out_of_range;
                       });
      more = !fetched.empty();
      any = any || more;
      for (auto& [where, record] : fetched) {
        const auto expected = cursor->fetched.empty() ? wanted : cursor->fetched.back().offset + 1;
        if (where == partition && record.offset >= expected) cursor->fetched.push_back(std::move(record));
      }
    }
    if (any) stop(*cursor, partition);
  }
  if (trouble.empty() && cursor->fetched.size() < kFew && cursor->next_to_fetch() < end)
    start(*cursor, partition);
  if (!trouble.empty()) {
    // A cursor that failed does not always go on by itself.
    stop(*cursor, partition);
    cursor->fetched.clear();
    cursor->last.reset();
    cursor->placed = false;
  }
  if (cut) out_of_range_(partition);
  if (!enough && out.size() == kept) {
    if (!cut) silent_until_ms_ = steady_ms() + kSilence.count();
    throw JournalUnavailable(to_string(partition) + " could not be read from offset " + std::to_string(from) +
                             (trouble.empty() ? ": the brokers did not answer in time" : ": " + trouble));
  }
  silent_until_ms_ = 0;
  return out;
}

void ColdReader::serve() {
  const std::lock_guard lock(mutex_);
  for (const auto& slot : slots_) slot->client.serve();
}

void ColdReader::forget_idle() {
  const std::lock_guard lock(mutex_);
  const auto before = std::chrono::steady_clock::now() - kIdle;
  for (auto& slot : slots_) {
    for (auto it = slot->cursors.begin(); it != slot->cursors.end();) {
      Cursor& cursor = it->second;
      if (cursor.busy || cursor.used > before) {
        ++it;
        continue;
      }
      stop(cursor, partition_at(it->first));
      it = slot->cursors.erase(it);
    }
  }
}

}  // namespace groundtruth::journal::kafka
