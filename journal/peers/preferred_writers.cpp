// See preferred_writers.hpp.
#include "journal/peers/preferred_writers.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "journal/peers/channel.hpp"
#include "journal/peers/peer_link.hpp"
#include "journal/peers/peer_server.hpp"

namespace groundtruth::journal {

namespace asio = boost::asio;
using peers::PeerLink;

namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::seconds kAnnounceDeadline{10};
constexpr std::chrono::seconds kAnnouncePause{1};   // after one that failed
constexpr std::chrono::seconds kAnnounceAgain{10};  // after one that was not the last word

// The stream of a partition's announcements.
domain::WriterId writer_of(Partition partition) {
  const auto topic = static_cast<std::uint64_t>(partition.topic);
  return domain::new_id<domain::WriterId>("wtr_", {}, domain::Bucket{partition.number}, {topic, topic});
}

}  // namespace

class PreferredWriters::Impl {
 public:
  Impl(Node& node, ReadModels& read_models, Clock& clock, Randomness& randomness,
       std::unique_ptr<Duties> duties, PreferredWritersOptions options)
      : node_(node),
        read_models_(read_models),
        clock_(clock),
        randomness_(randomness),
        log_(options.log ? std::move(options.log) : [](const std::string&) {}),
        secret_(options.journal, options.secret),
        work_(loop_.get_executor()),
        duties_(std::move(duties)) {
    if (options.host.empty()) return;
    server_ = std::make_shared<peers::PeerServer>(loop_, node_, clock_, secret_, options.host, options.port);
    const bool is_v6 = options.host.find(':') != std::string::npos;
    address_ = is_v6 ? '[' + options.host + ']' : options.host;
    address_ += ':' + std::to_string(server_->port());
    if (!options.advertised.empty()) address_ = std::move(options.advertised);
  }

  void start() {
    thread_ = std::thread([this] { loop_.run(); });
    pthread_setname_np(thread_.native_handle(), "peers");
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      node_.when_reached({partition_at(i), 0}, clock_.steady(), [this, i](bool) { remember(i); });
    if (server_) server_->start();
    asio::co_spawn(loop_, tick(), asio::detached);
    if (!duties_) return;
    duties_->on_change([this](const PartitionSet& now) {
      asio::post(loop_, [this, now] {
        for (std::size_t i = 0; i < kPartitionTotal; ++i)
          if (now[i] && !held_[i]) announce_after_[i] = {};
        held_ = now;
      });
    });
    duties_->start();
  }

  void leave() {
    if (duties_) duties_->leave();
  }

  void stop() {
    if (stopped_.exchange(true)) return;
    leave();
    for (auto& route : routes_) route = nullptr;
    const auto all = links();
    if (thread_.joinable()) {
      asio::post(loop_, [this, all] {
        if (server_) server_->stop();
        for (const auto& link : all) link->close();
        loop_.stop();
      });
      thread_.join();
    }
    for (const auto& link : all) link->give_up();
  }

  bool take(Submission& submission) {
    PeerLink* const link = routes_[index_of(submission.partition)];
    return link != nullptr && link->hand(submission);
  }

  bool has_command(const domain::CommandId& id, std::string_view account) const {
    const auto all = links();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& link) { return link->has_command(id, account); });
  }

  void observe(const Accepted& accepted) {
    if (!accepted.commit) return;
    PeerLink* const current = routes_[index_of(accepted.partition)];
    if (current != nullptr) current->observe(accepted);
    // A command may wait for an answer of who was preferred before.
    for (PeerLink* const link : earlier_)
      if (link != current) link->observe(accepted);
    if (const auto* event = accepted.commit->find<domain::WriterAnnounced>())
      announced(index_of(accepted.partition), event->address);
  }

  const std::string& address() const { return address_; }

  Counters counters() const {
    Counters out{};
    out.handed = counters_.handed;
    out.declined = counters_.declined;
    out.abandoned = counters_.abandoned;
    if (server_) {
      out.taken = server_->taken();
      out.refused = server_->declined();
    }
    out.preferred = static_cast<std::size_t>(std::count(ours_.begin(), ours_.end(), true));
    for (const auto& link : links()) out.connected += link->is_up() ? 1 : 0;
    return out;
  }

 private:
  std::vector<std::shared_ptr<PeerLink>> links() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<PeerLink>> out;
    for (const auto& [address, link] : links_) out.push_back(link);
    return out;
  }

  // --- who is preferred: on the node's executor

  // What was announced before this process read on from its checkpoint.
  void remember(std::size_t index) {
    if (is_known_[index]) return;
    const auto kind = domain::Aggregate(domain::Writer{}).index();
    const auto partition = partition_at(index);
    if (const auto found = read_models_.load(kind, partition, writer_of(partition).value))
      announced(index, std::get<domain::Writer>(found->state).address);
  }

  void announced(std::size_t index, const std::string& address) {
    if (stopped_) return;
    is_known_[index] = true;
    ours_[index] = address == address_;
    PeerLink* const before = routes_[index];
    PeerLink* const now = ours_[index] || address.empty() ? nullptr : &link_to(address);
    if (before == now) return;
    if (before != nullptr && std::find(earlier_.begin(), earlier_.end(), before) == earlier_.end())
      earlier_.push_back(before);
    routes_[index] = now;
    if (now != nullptr) now->want(true);
    const bool is_wanted = std::any_of(routes_.begin(), routes_.end(),
                                       [&](const auto& route) { return route.load() == before; });
    if (before != nullptr && !is_wanted) before->want(false);
  }

  PeerLink& link_to(const std::string& address) {
    const std::lock_guard lock(mutex_);
    auto& link = links_[address];
    if (!link) {
      link = std::make_shared<PeerLink>(loop_, node_, clock_, secret_, counters_, log_, address);
      link->start();
    }
    return *link;
  }

  // --- what this process announces: on the loop

  asio::awaitable<void> tick() {
    asio::steady_timer timer(loop_);
    for (;;) {
      timer.expires_after(kTick);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      for (const auto& link : links()) link->expire();
      announce();
    }
  }

  // Also again, after a while, where an announcement of another was decided after ours and yet is older: two
  // that both believe they are preferred take turns at it until the group tells one.
  void announce() {
    const auto now = clock_.steady();
    for (std::size_t i = 0; i < kPartitionTotal; ++i)
      if (held_[i] && !ours_[i] && !announcing_[i] && now >= announce_after_[i]) announce(i);
  }

  void announce(std::size_t index) {
    const auto partition = partition_at(index);
    announcing_.set(index);
    Submission submission;
    submission.id = domain::new_id<domain::CommandId>("cmd_", clock_.now(), domain::Bucket{partition.number},
                                                      randomness_.bits());
    submission.partition = partition;
    submission.actor = {ActorKind::system, "writers", ""};
    submission.command = domain::AnnounceWriter{writer_of(partition), address_};
    submission.deadline = clock_.steady() + kAnnounceDeadline;
    submission.done = [this, index](const Answer& answer) {
      asio::post(loop_, [this, index, is_done = answer.kind == AnswerKind::accepted] {
        announcing_.reset(index);
        announce_after_[index] = clock_.steady() + (is_done ? kAnnounceAgain : kAnnouncePause);
      });
    };
    node_.submit_here(std::move(submission));
  }

  Node& node_;
  ReadModels& read_models_;
  Clock& clock_;
  Randomness& randomness_;
  const std::function<void(const std::string&)> log_;
  peers::ChannelSecret secret_;
  peers::LinkCounters counters_;
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<Duties> duties_;
  std::shared_ptr<peers::PeerServer> server_;
  std::string address_;
  std::atomic<bool> stopped_{false};

  std::array<std::atomic<PeerLink*>, kPartitionTotal> routes_{};  // null: decided here
  std::array<std::atomic<bool>, kPartitionTotal> ours_{};
  std::array<bool, kPartitionTotal> is_known_{};
  std::vector<PeerLink*> earlier_;  // where routes have led before

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<PeerLink>> links_;  // by address; kept, so that routes stay valid

  PartitionSet held_, announcing_;
  std::array<std::chrono::steady_clock::time_point, kPartitionTotal> announce_after_{};

  std::thread thread_;
};

PreferredWriters::PreferredWriters(Node& node, ReadModels& read_models, Clock& clock, Randomness& randomness,
                                   std::unique_ptr<Duties> duties, PreferredWritersOptions options)
    : impl_(std::make_unique<Impl>(node, read_models, clock, randomness, std::move(duties),
                                   std::move(options))) {}

PreferredWriters::~PreferredWriters() {
  stop();
}

bool PreferredWriters::take(Submission& submission) {
  return impl_->take(submission);
}
bool PreferredWriters::has_command(const domain::CommandId& id, std::string_view account) {
  return impl_->has_command(id, account);
}
void PreferredWriters::observe(const Accepted& accepted) {
  impl_->observe(accepted);
}
void PreferredWriters::start() {
  impl_->start();
}
void PreferredWriters::leave() {
  impl_->leave();
}
void PreferredWriters::stop() {
  impl_->stop();
}
const std::string& PreferredWriters::address() const {
  return impl_->address();
}
PreferredWriters::Counters PreferredWriters::counters() const {
  return impl_->counters();
}

}  // namespace groundtruth::journal
