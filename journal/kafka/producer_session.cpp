// See producer_session.hpp.
#include "journal/kafka/producer_session.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>

namespace groundtruth::journal::kafka {
namespace {

constexpr int kPollMs = 100;
constexpr int kWarmUpMs = 1'000;
constexpr std::chrono::seconds kPurgeTime{5};
constexpr std::int64_t kForgottenMs = 3'600'000;  // brokers keep a silent producer for a day by default

}  // namespace

struct ProducerSession::Batch {
  Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() {
    if (queue == nullptr) return;
    queue->queued_records_ -= values.size();
    queue->queued_bytes_ -= bytes;
  }

  std::shared_ptr<Appender> appender;
  Partition partition;
  std::vector<Bytes> values;
  std::function<void(AppendReport)> done;
  // Under the partition's order, until none is missing.
  std::size_t handed_on = 0;
  std::size_t missing = 0;       // records without a report, but for those that could not be handed on
  std::size_t written = 0;       // reported as such; reports come in order
  std::int64_t sent_ms = 0;      // of those that are out
  std::string refusal;           // of a record that could not be handed on
  bool is_refused_here = false;  // for its size, or for want of room
  std::size_t bytes = 0;
  ProducerSession* queue = nullptr;  // where it has its room
  std::uint64_t last_offset = 0;     // of the session's thread
  std::string failure;               // of the session's thread
};

ProducerSession::ProducerSession(const KafkaJournalOptions& options, Ends& ends, const Clock& clock,
                                 Landed landed)
    : options_(options),
      ends_(ends),
      clock_(clock),
      landed_(std::move(landed)),
      events_(Role::producer, options) {
  events_.fatal = [this](const std::string& reason) { break_off(reason); };
  events_.delivered = [this](void* opaque, std::int64_t offset, const std::string& error) {
    delivered(*static_cast<Batch*>(opaque), offset, error);
  };
  client_ = std::make_unique<Client>(events_);
  main_queue_.reset(rd_kafka_queue_get_main(client_->get()));
  thread_ = std::thread([this] { run(); });
}

ProducerSession::~ProducerSession() {
  close();
}

void ProducerSession::close() {
  closing_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (main_queue_) rd_kafka_queue_yield(main_queue_.get());
  }
  if (thread_.joinable()) thread_.join();
  run_reports();
}

void ProducerSession::append(const std::shared_ptr<Appender>& appender, Partition partition,
                             std::vector<Bytes> batch, std::function<void(AppendReport)> done) {
  const auto at = index_of(partition);
  std::unique_lock order(orders_[at]);  // never while a report runs: it may append
  if (broken_ || closing_ || appender->refused[at]) {
    std::string reason = "an earlier append of this producer failed";
    if (!appender->refused[at]) {
      const std::lock_guard lock(mutex_);
      reason =
          "the producer session with Kafka has ended" + (reason_.empty() ? std::string() : ": " + reason_);
    }
    order.unlock();
    return report_soon(appender, std::move(done), {AppendOutcome::unknown, 0, std::move(reason)});
  }
  auto owner = std::make_unique<Batch>();
  owner->appender = appender;
  owner->partition = partition;
  owner->values = std::move(batch);
  owner->done = std::move(done);
  owner->missing = owner->values.size();
  for (const auto& value : owner->values) owner->bytes += value->size();
  Batches over;
  if (!make_room(*owner)) {
    appender->refused[at] = true;
    owner->refusal = "too many records are queued to be sent";
    owner->is_refused_here = true;
    over.push_back(std::move(owner));
  } else {
    auto& progress = progress_[at];
    auto& line = lines_[at];
    if (progress.pending == 0) {
      if (steady_ms() - progress.at_ms > kForgottenMs) line.is_known = false;
      progress.at_ms = steady_ms();
    }
    progress.pending += owner->values.size();
    line.held.push_back(owner.release());
    if (line.out == 0) over = hand_on_held(at);
  }
  order.unlock();
  for (const auto& each : over) report_soon(each->appender, std::move(each->done), report_of(*each));
}

// False: all that is taken and not reported would be too much, for librdkafka too.
bool ProducerSession::make_room(Batch& batch) {
  const auto count = batch.values.size();
  if (queued_records_ + count > options_.queue_records || queued_bytes_ + batch.bytes > options_.queue_bytes)
    return false;
  queued_records_ += count;
  queued_bytes_ += batch.bytes;
  batch.queue = this;
  return true;
}

// The records up to `end`, with the order held. Where one is refused, none of its producer's later ones may
// land.
void ProducerSession::hand_on(Batch& batch, std::size_t end) {
  const auto at = index_of(batch.partition);
  batch.sent_ms = clock_.now().ms;
  for (; batch.handed_on < end; ++batch.handed_on) {
    const auto& value = batch.values[batch.handed_on];
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = client_->topic(batch.partition.topic);
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = batch.partition.number;
    parts[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[2].u.i = RD_KAFKA_MSG_F_COPY;  // a purged request may still be on its way out of its own memory
    parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[3].u.mem.ptr = const_cast<char*>(value->data());  // it is copied, not written
    parts[3].u.mem.size = value->size();
    parts[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[4].u.i64 = batch.sent_ms;
    parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[5].u.ptr = &batch;
    const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
        rd_kafka_produceva(client_->get(), parts.data(), parts.size()), &rd_kafka_error_destroy);
    if (!error) continue;
    const auto code = rd_kafka_error_code(error.get());
    batch.refusal = rd_kafka_error_string(error.get());
    batch.is_refused_here =
        code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    batch.appender->refused[at] = batch.appender->refused_late[at] = true;
    if (!batch.is_refused_here) break_off(to_string(batch.partition) + ": " + batch.refusal);
    return;
  }
}

// What waits, with the order held and nothing out. Returns what was refused whole, or in what was left of it.
ProducerSession::Batches ProducerSession::hand_on_held(std::size_t at) {
  Batches over;
  auto& line = lines_[at];
  while (!line.held.empty() && !broken_) {
    Batch& batch = *line.held.front();
    const auto before = batch.handed_on;
    const auto count = batch.values.size();
    const auto end = line.is_known ? count : before + 1;
    if (batch.appender->refused_late[at])
      batch.refusal = "an earlier append of this producer failed";
    else
      hand_on(batch, end);
    line.out += batch.handed_on - before;
    if (batch.refusal.empty() && batch.handed_on < count) break;  // the first record goes alone
    line.held.pop_front();
    const std::size_t not_taken = count - batch.handed_on;
    progress_[at].pending -= not_taken;
    batch.missing -= not_taken;
    if (batch.missing == 0) over.emplace_back(&batch);
    if (!line.is_known && line.out > 0) break;
  }
  return over;
}

// After the session broke, when nobody appends any more.
void ProducerSession::fail_held() {
  for (std::size_t at = 0; at < kPartitionTotal; ++at) {
    std::deque<Batch*> held;
    {
      const std::lock_guard order(orders_[at]);
      held.swap(lines_[at].held);
    }
    for (Batch* batch : held) {
      const std::size_t not_taken = batch->values.size() - batch->handed_on;
      progress_[at].pending -= not_taken;
      batch->failure = "the producer session with Kafka has ended";
      batch->missing -= not_taken;
      if (batch->missing == 0) finish(std::unique_ptr<Batch>(batch));
    }
  }
}

// On the session's thread.
void ProducerSession::delivered(Batch& batch, std::int64_t offset, const std::string& error) {
  const auto at = index_of(batch.partition);
  const bool is_written = error.empty() && offset >= 0;
  if (!is_written) {
    const auto reason = error.empty() ? std::string("written at an unknown offset") : error;
    if (batch.failure.empty()) batch.failure = reason;
    break_off(to_string(batch.partition) + ": " + reason);
  } else {
    batch.last_offset = std::max(batch.last_offset, static_cast<std::uint64_t>(offset));
    ends_.at_least(batch.partition, batch.last_offset + 1);
  }
  Batches over;
  std::vector<Record> landed;
  {
    const std::lock_guard order(orders_[at]);
    auto& line = lines_[at];
    progress_[at].at_ms = steady_ms();
    --progress_[at].pending;
    if (is_written && batch.failure.empty())
      line.landed.push_back(
          {batch.last_offset, batch.values[batch.written++], domain::Timestamp{batch.sent_ms}});
    if (--batch.missing == 0) over.emplace_back(&batch);
    line.is_known = line.is_known || is_written;
    if (--line.out == 0) {
      landed.swap(line.landed);
      for (auto& each : hand_on_held(at)) over.push_back(std::move(each));
    }
  }
  if (!landed.empty()) landed_(batch.partition, std::move(landed));
  for (auto& each : over) finish(std::move(each));
}

AppendReport ProducerSession::report_of(const Batch& batch) {
  if (batch.refusal.empty() && batch.failure.empty())
    // Others' records may lie between: the last one's place is an upper bound for all.
    return {AppendOutcome::written, batch.last_offset - (batch.values.size() - 1), {}};
  const bool is_untouched = batch.handed_on == 0 && batch.is_refused_here;
  return {is_untouched ? AppendOutcome::not_written : AppendOutcome::unknown, 0,
          batch.failure.empty() ? batch.refusal : batch.failure};
}

void ProducerSession::finish(std::unique_ptr<Batch> batch) {
  batch->appender->gate.pass([&] { batch->done(report_of(*batch)); });
}

void ProducerSession::break_off(const std::string& reason) {
  if (broken_.exchange(true)) return;
  log(options_, 4,
      "the producer session with Kafka ended: " + reason + "; a new one is created at the next append");
  const std::lock_guard lock(mutex_);
  reason_ = reason;
}

// Whoever was in an append has left it when this returns; after the session broke nobody gets in any more. A
// purge before that would leave room for a record that lands although one before it does not.
void ProducerSession::await_appends() {
  for (auto& order : orders_) {
    const std::lock_guard wait(order);
  }
}

void ProducerSession::watch_time() {
  const auto latest = steady_ms() - options_.message_timeout.count();
  for (std::size_t i = 0; i < kPartitionTotal; ++i)
    if (progress_[i].pending > 0 && progress_[i].at_ms < latest)
      break_off(to_string(partition_at(i)) + ": nothing was acknowledged for " +
                std::to_string(options_.message_timeout.count()) + " ms");
}

void ProducerSession::report_soon(const std::shared_ptr<Appender>& appender,
                                  std::function<void(AppendReport)> done, AppendReport report) {
  {
    const std::lock_guard lock(mutex_);
    reports_.push_back([appender, done = std::move(done), report = std::move(report)]() mutable {
      appender->gate.pass([&] { done(std::move(report)); });
    });
    if (main_queue_) {
      rd_kafka_queue_yield(main_queue_.get());
      return;
    }
  }
  run_reports();
}

void ProducerSession::run_reports() {
  while (true) {
    std::function<void()> next;
    {
      const std::lock_guard lock(mutex_);
      if (reports_.empty()) return;
      next = std::move(reports_.front());
      reports_.pop_front();
    }
    next();
  }
}

void ProducerSession::run() {
  // Without it the first record of each topic waits for up to a second.
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(client_->get(), 0, nullptr, &metadata, kWarmUpMs) == RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(metadata);
  auto* const handle = client_->get();
  while (!closing_ && !broken_) {
    run_reports();
    rd_kafka_poll(handle, kPollMs);
    watch_time();
  }
  broken_ = true;
  await_appends();
  fail_held();
  const auto deadline = std::chrono::steady_clock::now() + kPurgeTime;
  while (rd_kafka_outq_len(handle) > 0 && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(handle, 10);
  }
  Queue queue;
  {
    const std::lock_guard lock(mutex_);
    queue = std::move(main_queue_);
  }
  run_reports();
  queue.reset();
  client_.reset();
  over_ = true;
}

}  // namespace groundtruth::journal::kafka
