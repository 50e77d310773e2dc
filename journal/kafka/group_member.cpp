// See group_member.hpp.
#include "journal/kafka/group_member.hpp"

#include <librdkafka/rdkafka.h>

#include <cstring>
#include <stdexcept>

#include "journal/kafka/client.hpp"

namespace groundtruth::journal {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Partitions = rd_kafka_topic_partition_list_t;

constexpr std::chrono::milliseconds kPoll{50};
constexpr std::chrono::milliseconds kPatience{1'000};  // for any broker's answer
constexpr std::chrono::seconds kLeavePatience{4};      // for the first share, where nothing was had yet

kafka::Properties properties_of(const std::string& group_id, const GroupTimes& times) {
  const auto ms = [](std::chrono::milliseconds time) { return std::to_string(time.count()); };
  return {{"group.id", group_id},
          {"session.timeout.ms", ms(times.session_timeout)},
          {"heartbeat.interval.ms", ms(times.heartbeat)},
          // How long others wait for a member that does not take part when all are shared out again.
          {"max.poll.interval.ms", ms(2 * times.session_timeout)}};
}

}  // namespace

class GroupMember::Session {
 public:
  explicit Session(GroupMember& member)
      : member_(member),
        options_(member.options_),
        events_(kafka::Role::member, options_),
        client_(events_, properties_of(member.group_id_, member.times_)) {
    events_.fatal = [this](const std::string& reason) { fatal_ = reason; };
    events_.rebalanced = [this](int error, Partitions* partitions) { rebalanced(error, partitions); };
    rd_kafka_poll_set_consumer(client_.get());
  }

  // Until the member ends, the client failed for good, or nobody was heard for so long that what is held here
  // must be somebody else's.
  void live() {
    subscribe();
    auto heard = SteadyClock::now();
    auto next_question = heard;
    while (member_.end_ == End::none && fatal_.empty()) {
      poll();
      if (const auto now = SteadyClock::now(); now >= next_question) {
        if (is_answered()) heard = now;
        next_question = heard + member_.times_.heartbeat;
      }
      if (member_.held_.any() && SteadyClock::now() - heard > member_.times_.session_timeout)
        return say(4, "no broker answers; other members take over the partitions of this one");
    }
    if (!fatal_.empty()) return say(3, "the client failed and is replaced: " + fatal_);
    if (member_.end_ == End::leave) leave();
  }

  // librdkafka before 2.3 ends the process where a client goes that has joined and was given nothing yet (its
  // issue 4312). Such a client is never destroyed.
  bool may_be_destroyed() const { return !is_subscribed_ || was_assigned_; }

 private:
  struct Release {
    void operator()(Partitions* list) const { rd_kafka_topic_partition_list_destroy(list); }
  };

  void say(int level, const std::string& what) const {
    kafka::log(options_, level, "group " + member_.group_id_ + ": " + what);
  }

  void check(rd_kafka_error_t* error, const char* what) const {
    if (error == nullptr) return;
    say(4, std::string(what) + ": " + rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
  }

  void subscribe() {
    const std::unique_ptr<Partitions, Release> topics(rd_kafka_topic_partition_list_new(kTopics.size()));
    for (const auto topic : kTopics)
      rd_kafka_topic_partition_list_add(topics.get(), kafka::topic_name(options_, topic).c_str(),
                                        RD_KAFKA_PARTITION_UA);
    is_subscribed_ = true;
    const auto error = rd_kafka_subscribe(client_.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(kafka::error_text(error));
  }

  // Everything comes by callbacks; a message is what the group has to say against us.
  void poll() {
    auto* const message = rd_kafka_consumer_poll(client_.get(), static_cast<int>(kPoll.count()));
    if (message == nullptr) return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
      if (const char* const reason = rd_kafka_message_errstr(message)) say(4, reason);
    rd_kafka_message_destroy(message);
  }

  // librdkafka notices by itself that heartbeats stay without an answer, but not while it joins.
  bool is_answered() const {
    const rd_kafka_metadata_t* found = nullptr;
    const auto error = rd_kafka_metadata(client_.get(), 0, client_.topic(Topic::tasks), &found,
                                         static_cast<int>(kPatience.count()));
    if (found != nullptr) rd_kafka_metadata_destroy(found);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
  }

  // With an end as its offset none is looked up in the group; paused, nothing is fetched behind it.
  void rebalanced(int error, Partitions* partitions) {
    auto held = member_.held_;
    const bool is_given = error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    for (int i = 0; i < partitions->cnt; ++i) {
      partitions->elems[i].offset = RD_KAFKA_OFFSET_END;
      for (const auto topic : kTopics)
        if (kafka::topic_name(options_, topic) == partitions->elems[i].topic &&
            partitions->elems[i].partition < kPartitionsPerTopic)
          held.set(index_of({topic, static_cast<std::uint16_t>(partitions->elems[i].partition)}), is_given);
    }
    const bool is_cooperative = std::strcmp(rd_kafka_rebalance_protocol(client_.get()), "COOPERATIVE") == 0;
    if (is_given) {
      check(rd_kafka_incremental_assign(client_.get(), partitions),
            "the partition assignment could not be applied");
      rd_kafka_pause_partitions(client_.get(), partitions);
      was_assigned_ = true;
      if (member_.end_ == End::none) member_.hold(held);
    } else if (error == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && is_cooperative) {
      member_.hold(held);  // before somebody else can have them
      check(rd_kafka_incremental_unassign(client_.get(), partitions),
            "the partition assignment could not be revoked");
    } else {
      member_.hold({});
      rd_kafka_assign(client_.get(), nullptr);
    }
  }

  void leave() {
    member_.hold({});
    const auto until = SteadyClock::now() + kLeavePatience;
    while (!may_be_destroyed() && SteadyClock::now() < until) poll();
    if (!may_be_destroyed())
      return say(5, "left the group without a leave request, because no partitions were assigned yet");
    const auto error = rd_kafka_consumer_close(client_.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      say(4, "left the group, but no broker confirmed it: " + kafka::error_text(error));
  }

  GroupMember& member_;
  const KafkaJournalOptions options_;  // its own: a client that is never destroyed still logs
  bool is_subscribed_ = false, was_assigned_ = false;
  kafka::ClientEvents events_;
  std::string fatal_;
  kafka::Client client_;
};

GroupMember::GroupMember(KafkaJournalOptions options, const std::string& group, GroupTimes times)
    : options_(std::move(options)),
      group_id_(options_.topic_prefix + group),
      times_(times),
      session_(std::make_unique<Session>(*this)) {}

GroupMember::~GroupMember() {
  stop(End::vanish);
}

void GroupMember::on_change(std::function<void(const PartitionSet&)> changed) {
  changed_.push_back(std::move(changed));
}

void GroupMember::start() {
  thread_ = std::thread([this] { run(); });
}

void GroupMember::leave() {
  stop(End::leave);
}

void GroupMember::stop(End end) {
  end_ = end;
  if (thread_.joinable()) thread_.join();
}

void GroupMember::run() {
  for (const auto& changed : changed_) changed(held_);
  while (end_ == End::none) {
    try {
      if (!session_) session_ = std::make_unique<Session>(*this);
      session_->live();
    } catch (const std::runtime_error& failure) {
      kafka::log(options_, 3, "group " + group_id_ + ": " + failure.what());
    }
    hold({});
    if (session_ && !session_->may_be_destroyed()) static_cast<void>(session_.release());
    session_.reset();
    if (end_ == End::none) std::this_thread::sleep_for(options_.retry_pause * 10);
  }
}

// On the thread.
void GroupMember::hold(const PartitionSet& now) {
  if (now == held_) return;
  const auto gained = (now & ~held_).count(), lost = (held_ & ~now).count();
  held_ = now;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) has_[i] = now[i];
  kafka::log(options_, 6,
             "group " + group_id_ + ": " + std::to_string(now.count()) + " of " +
                 std::to_string(kPartitionTotal) + " partitions are ours (" + std::to_string(gained) +
                 " more, " + std::to_string(lost) + " fewer)");
  for (const auto& changed : changed_) changed(now);
}

}  // namespace groundtruth::journal
