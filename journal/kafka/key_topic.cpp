// See key_topic.hpp.
#include "journal/kafka/key_topic.hpp"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>
#include <utility>

#include "journal/codec/base64.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"

namespace groundtruth::journal::kafka {

struct KeyMessage {
  std::uint64_t offset = 0;
  std::string value;  // empty: Kafka's tombstone
};

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int32_t kOnly = 0;  // the topic's one partition
constexpr int kWaitMs = 100;
constexpr std::size_t kBatch = 500;
constexpr std::chrono::seconds kPatience{5};  // for the brokers, where somebody waits for a key
constexpr std::chrono::seconds kRetryPause{1};

// What stands in the topic: a key, or that it was destroyed.
struct KeyRecord {
  std::string owner;
  std::optional<std::string> nonce, box;  // base64url
};
BOOST_DESCRIBE_STRUCT(KeyRecord, (), (owner, nonce, box))

std::string name_of(std::string_view owner, std::string_view nonce) {
  return std::string(owner) + " " + codec::to_base64url(nonce);
}

std::string text_of(const std::string& owner, const WrappedKey& key) {
  KeyRecord record{owner, std::nullopt, std::nullopt};
  if (!key.is_destroyed()) {
    record.nonce = codec::to_base64url(key.nonce);
    record.box = codec::to_base64url(key.box);
  }
  return codec::to_json(record);
}

NamedKey key_of(const std::string& text, const std::string& topic, std::uint64_t offset) {
  const auto read = codec::decode_json<KeyRecord>(text);
  const auto record = read.value.value_or(KeyRecord{});
  const auto nonce = codec::from_base64url(record.nonce.value_or(""));
  const auto box = codec::from_base64url(record.box.value_or(""));
  if (record.owner.empty() || !nonce || !box || nonce->empty() != box->empty())
    throw std::runtime_error("topic " + topic + ": the record at offset " + std::to_string(offset) +
                             " is no data key; another program writes here");
  return {record.owner, {*nonce, *box}};
}

}  // namespace

// The producer, until it fails; each who sends polls it while they wait.
struct KeyTopic::Sender {
  explicit Sender(const KafkaJournalOptions& options) : events(Role::producer, options) {
    events.fatal = [this](const std::string&) { broken = true; };
    events.delivered = [](void* opaque, std::int64_t offset, const std::string& error) {
      const std::unique_ptr<std::shared_ptr<Delivery>> delivery(
          static_cast<std::shared_ptr<Delivery>*>(opaque));
      (*delivery)->ended(offset, error);
    };
    client = std::make_unique<Client>(events);
    topic = client->open_topic(key_topic_name(options));
  }
  ~Sender() {
    rd_kafka_purge(client->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(client->get(), 0);
    topic.reset();
  }

  struct Delivery {
    std::mutex mutex;
    std::size_t missing = 0;
    std::int64_t last = -1;
    std::string error;
    void ended(std::int64_t offset, const std::string& reason) {
      const std::lock_guard lock(mutex);
      --missing;
      last = std::max(last, offset);
      if (!reason.empty()) error = reason;
    }
    bool is_over() {
      const std::lock_guard lock(mutex);
      return missing == 0 || !error.empty();
    }
  };

  ClientEvents events;
  std::atomic<bool> broken{false};
  std::unique_ptr<Client> client;
  TopicHandle topic;
};

KeyTopic::KeyTopic(KafkaJournalOptions options, const std::filesystem::path& table)
    : options_(std::move(options)),
      events_(Role::keys, options_),
      client_(events_),
      topic_(client_.key_topic()),
      table_(table) {
  table_.connection().exec("PRAGMA synchronous=NORMAL");
  const auto deadline = SteadyClock::now() + options_.open_timeout;
  const auto end = end_now(deadline);
  if (table_.place() > end) table_.clear();
  thread_ = std::thread([this] { run(); });
  try {
    read_up_to(end, deadline);
  } catch (...) {
    stopping_ = true;
    thread_.join();
    throw;
  }
}

KeyTopic::~KeyTopic() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

std::optional<WrappedKey> KeyTopic::known(std::string_view owner) try {
  const std::scoped_lock lock(mutex_);
  return table_.find(owner);
} catch (const sqlite::Error& failure) {  // the topic has everything, and the thread below tries again
  throw JournalUnavailable(std::string("this node's table of data keys cannot be read now: ") +
                           failure.what());
}

std::optional<WrappedKey> KeyTopic::find(std::string_view owner) {
  if (auto here = known(owner)) return here;
  const auto deadline = SteadyClock::now() + kPatience;
  read_up_to(end_now(deadline), deadline);
  return known(owner);
}

std::vector<WrappedKey> KeyTopic::add(const std::vector<NamedKey>& keys) {
  const auto deadline = SteadyClock::now() + kPatience;
  std::vector<Message> messages;
  for (const auto& [owner, key] : keys) messages.push_back({name_of(owner, key.nonce), text_of(owner, key)});
  read_up_to(send(messages, deadline), deadline);
  std::vector<WrappedKey> out;
  std::vector<Message> superfluous;  // nothing was sealed with them
  for (const auto& [owner, key] : keys) {
    out.push_back(known(owner).value());
    if (out.back() != key) superfluous.push_back({name_of(owner, key.nonce), ""});
  }
  if (!superfluous.empty()) send(superfluous, deadline);
  return out;
}

void KeyTopic::destroy(std::string_view owner) {
  const std::string name(owner);
  const auto present = find(owner);
  if (present && present->is_destroyed()) return;
  {
    const std::scoped_lock lock(mutex_);
    destroying_[name];
  }
  const auto deadline = SteadyClock::now() + kPatience;
  std::vector<Message> messages;
  if (present) messages.push_back({name_of(name, present->nonce), ""});
  messages.push_back({name, text_of(name, {})});
  read_up_to(send(messages, deadline), deadline);
  std::string nonce;
  {
    const std::scoped_lock lock(mutex_);
    nonce = std::exchange(destroying_[name], {});
    destroying_.erase(name);
  }
  // Another node made it between the look above and the record.
  if (!nonce.empty() && !present) send({{name_of(name, nonce), ""}}, deadline);
}

void KeyTopic::for_each(const Row& row) {
  const std::scoped_lock lock(mutex_);
  table_.for_each(row);
}

void KeyTopic::on_destroyed(std::function<void(const std::string&)> gone) {
  const std::scoped_lock lock(mutex_);
  gone_ = std::move(gone);
}

std::uint64_t KeyTopic::end_now(TimePoint deadline) {
  while (true) {
    // Not rd_kafka_query_watermark_offsets, which waits for a broker that is away beyond its own time-out.
    if (const auto end =
            query_offsets(client_, {{key_topic_name(options_), kOnly}}, Edge::end, options_.stored_timeout)
                .front())
      return *end;
    if (SteadyClock::now() >= deadline || stopping_)
      throw JournalUnavailable("topic " + key_topic_name(options_) + ", with the data keys, does not answer");
    std::this_thread::sleep_for(options_.retry_pause);
  }
}

void KeyTopic::read_up_to(std::uint64_t end, TimePoint deadline) {
  std::unique_lock lock(mutex_);
  if (!moved_.wait_until(lock, deadline, [&] { return next_ >= end; }))
    throw JournalUnavailable("topic " + key_topic_name(options_) +
                             ", with the data keys, cannot be read now");
}

std::uint64_t KeyTopic::send(const std::vector<Message>& messages, TimePoint deadline) {
  std::shared_ptr<Sender> sender;
  {
    const std::scoped_lock lock(sender_mutex_);
    if (!sender_ || sender_->broken) sender_ = std::make_shared<Sender>(options_);
    sender = sender_;
  }
  const auto delivery = std::make_shared<Sender::Delivery>();
  delivery->missing = messages.size();
  for (const auto& message : messages) {
    const bool is_tombstone = message.value.empty();
    auto opaque = std::make_unique<std::shared_ptr<Sender::Delivery>>(delivery);
    const int failed =
        rd_kafka_produce(sender->topic.get(), kOnly, RD_KAFKA_MSG_F_COPY,
                         is_tombstone ? nullptr : const_cast<char*>(message.value.data()),
                         message.value.size(), message.key.data(), message.key.size(), opaque.get());
    if (failed == 0)
      static_cast<void>(opaque.release());
    else
      delivery->ended(-1, error_text(rd_kafka_last_error()));
  }
  while (!delivery->is_over() && SteadyClock::now() < deadline)
    rd_kafka_poll(sender->client->get(), static_cast<int>(options_.fetch_wait.count()));
  const std::lock_guard lock(delivery->mutex);
  if (delivery->missing == 0 && delivery->error.empty())
    return static_cast<std::uint64_t>(delivery->last) + 1;
  sender->broken = true;  // what is on its way may land, or not; both do no harm
  throw JournalUnavailable("a data key could not be written: " + (delivery->error.empty()
                                                                      ? "the brokers did not answer in time"
                                                                      : delivery->error));
}

// Where the table is of this very topic, behind what it has; else at the beginning. The first record, the
// check of the master key, is never taken away.
std::uint64_t KeyTopic::where_to_start() {
  const std::scoped_lock lock(mutex_);
  const auto place = table_.place();
  const auto check = table_.find(kMasterKeyCheck);
  if (place == 0 || !check) return 0;
  rd_kafka_consume_start(topic_, kOnly, RD_KAFKA_OFFSET_BEGINNING);
  bool is_same = false, is_known = false;
  while (!is_known && !stopping_) {
    const std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> first(
        rd_kafka_consume(topic_, kOnly, kWaitMs), &rd_kafka_message_destroy);
    if (!first) continue;
    is_known = first->err == RD_KAFKA_RESP_ERR_NO_ERROR || first->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    is_same = first->err == RD_KAFKA_RESP_ERR_NO_ERROR && first->payload != nullptr &&
              std::string_view(static_cast<const char*>(first->payload), first->len) ==
                  text_of(std::string(kMasterKeyCheck), *check);
  }
  rd_kafka_consume_stop(topic_, kOnly);
  if (is_same || !is_known) return place;
  log(options_, 4,
      "the table of data keys on this disk belongs to another journal, or its topic was created anew: "
      "reading the topic "
      "from "
      "the beginning");
  table_.clear();
  return 0;
}

void KeyTopic::run() {
  while (!stopping_) {
    bool started = false;
    try {
      const auto from = where_to_start();
      {
        const std::scoped_lock lock(mutex_);
        // What failed before: nobody is told that a key was destroyed while the log may still hold it.
        if (table_.must_forget()) table_.forget_log();
        next_ = from;
      }
      started = rd_kafka_consume_start(topic_, kOnly, static_cast<std::int64_t>(from)) == 0;
      if (!started) throw std::runtime_error(error_text(rd_kafka_last_error()));
      moved_.notify_all();
      while (!stopping_) read_on();
    } catch (const std::exception& failure) {
      log(options_, 3, std::string("data keys: ") + failure.what());
      const auto until = SteadyClock::now() + kRetryPause;
      while (!stopping_ && SteadyClock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(kWaitMs));
    }
    if (started) rd_kafka_consume_stop(topic_, kOnly);
  }
}

// One batch, or a wait for it.
void KeyTopic::read_on() {
  std::array<rd_kafka_message_t*, kBatch> found{};
  client_.serve();
  {
    const std::scoped_lock lock(sender_mutex_);
    if (sender_) sender_->client->serve();
  }
  // A batch waits until it is full or its time is over: so the first one is waited for alone.
  found[0] = rd_kafka_consume(topic_, kOnly, kWaitMs);
  if (found[0] == nullptr) return;
  const auto more = rd_kafka_consume_batch(topic_, kOnly, 0, found.data() + 1, found.size() - 1);
  const ssize_t count = 1 + std::max<ssize_t>(more, 0);
  std::vector<KeyMessage> messages;
  std::uint64_t next = 0;
  std::string failure;
  for (ssize_t i = 0; i < count; ++i) {
    const std::unique_ptr<rd_kafka_message_t, decltype(&rd_kafka_message_destroy)> message(
        found[static_cast<std::size_t>(i)], &rd_kafka_message_destroy);
    const auto offset = static_cast<std::uint64_t>(std::max<std::int64_t>(message->offset, 0));
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      next = std::max(next, offset);
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      messages.push_back({offset, std::string(static_cast<const char*>(message->payload), message->len)});
      next = std::max(next, offset + 1);
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
               message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      failure =
          "the topic no longer holds records that were read from it; reading it again from the beginning";
    }
  }
  if (!failure.empty()) {
    const std::scoped_lock lock(mutex_);
    table_.clear();
    throw std::runtime_error(failure);
  }
  if (next > 0) apply(messages, next);
}

void KeyTopic::apply(const std::vector<KeyMessage>& messages, std::uint64_t next) {
  std::vector<std::string> destroyed;
  std::function<void(const std::string&)> gone;
  std::exception_ptr failure;
  {
    const std::scoped_lock lock(mutex_);
    if (next <= next_) return;
    sqlite::Transaction all(table_.connection());
    for (const auto& message : messages) {
      if (message.value.empty() || message.offset < next_) continue;
      const auto [owner, key] = key_of(message.value, key_topic_name(options_), message.offset);
      if (!key.is_destroyed()) {
        table_.add(owner, key);
        continue;
      }
      if (const auto here = destroying_.find(owner); here != destroying_.end())
        if (const auto was = table_.find(owner)) here->second = was->nonce;
      table_.destroy(owner);
      destroyed.push_back(owner);
    }
    table_.set_place(next);
    all.commit();
    gone = gone_;
    try {
      if (!destroyed.empty()) table_.forget_log();
      next_ = next;
    } catch (...) {  // whoever waits for the destruction goes on waiting; `run` tries again
      failure = std::current_exception();
    }
  }
  moved_.notify_all();
  if (gone)
    for (const auto& owner : destroyed) gone(owner);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace groundtruth::journal::kafka

namespace groundtruth::journal {

std::unique_ptr<WrappedKeys> open_key_topic(const KafkaJournalOptions& options,
                                            const std::filesystem::path& table) {
  return std::make_unique<kafka::KeyTopic>(options, table);
}

}  // namespace groundtruth::journal
