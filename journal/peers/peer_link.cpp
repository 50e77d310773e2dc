// See peer_link.hpp.
#include "journal/peers/peer_link.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <map>
#include <utility>

namespace groundtruth::journal::peers {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds kRetryMin{100}, kRetryMax{2'000};
constexpr std::chrono::milliseconds kConnectTimeout{2'000};
constexpr std::size_t kMaxWaiting = 16'384;
constexpr std::size_t kMaxOpen = 16'384;
constexpr std::chrono::minutes kOpenTime{5};  // longer than any writer holds on to what it appended
constexpr std::int64_t kDoubtMs = 1'000;
constexpr unsigned kMaxDoublings = 5;

std::int64_t ms_of(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

PeerLink::PeerLink(asio::io_context& loop, Node& node, Clock& clock, ChannelSecret& secret,
                   LinkCounters& counters, Log log, std::string address)
    : loop_(loop),
      node_(node),
      clock_(clock),
      secret_(secret),
      counters_(counters),
      log_(std::move(log)),
      address_(std::move(address)),
      timer_(loop) {}

void PeerLink::start() {
  asio::co_spawn(loop_, [self = shared_from_this()] { return self->keep_connected(); }, asio::detached);
}

asio::awaitable<void> PeerLink::keep_connected() {
  auto pause = kRetryMin;
  while (!closed_) {
    if (!wanted_) {
      pause = kRetryMin;
      co_await rest(kRetryMax);
      continue;
    }
    Socket socket(loop_);
    const bool is_connected = co_await connect(socket);
    if (is_connected) {
      auto channel = std::make_shared<Channel>(std::move(socket), secret_, Channel::Side::client);
      const auto opened = [this, channel] {
        {
          const std::lock_guard lock(mutex_);
          channel_ = channel;
        }
        up_ = true;
        log_("commands for " + address_ + " are handed over");
      };
      const auto taken = [this, channel](std::string_view line) { take(channel, line); };
      const auto why = co_await channel->run(opened, taken);
      const bool was_up = up_.exchange(false);
      if (was_up) pause = kRetryMin;
      // Not each of many attempts, but why the first one of a row did not succeed.
      if (!closed_ && (was_up || pause == kRetryMin))
        log_("commands for " + address_ + " are decided here: " + why);
      abandon();
    }
    co_await rest(pause);
    pause = std::min(2 * pause, kRetryMax);
  }
}

asio::awaitable<void> PeerLink::rest(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void PeerLink::want(bool wanted) {
  if (wanted_.exchange(wanted) || !wanted) return;
  asio::post(loop_, [self = shared_from_this()] { self->timer_.cancel(); });
}

asio::awaitable<bool> PeerLink::connect(Socket& socket) {
  const auto colon = address_.rfind(':');
  if (colon == std::string::npos) co_return false;
  std::string host = address_.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code failed;
  // A resolver's thread is waited for at the end, however long it takes: numbers need none.
  const auto number = asio::ip::make_address(host, failed);
  std::vector<asio::ip::tcp::endpoint> found;
  if (!failed) {
    const auto port = static_cast<std::uint16_t>(std::strtoul(address_.c_str() + colon + 1, nullptr, 10));
    found.emplace_back(number, port);
  } else {
    asio::ip::tcp::resolver resolver(loop_);
    const auto resolved = co_await resolver.async_resolve(host, address_.substr(colon + 1),
                                                          asio::redirect_error(asio::use_awaitable, failed));
    if (failed) co_return false;
    for (const auto& each : resolved) found.push_back(each.endpoint());
  }
  asio::steady_timer timer(loop_, kConnectTimeout);
  timer.async_wait([&socket](error_code cancelled) {
    error_code ignored;
    if (!cancelled) socket.close(ignored);
  });
  co_await asio::async_connect(socket, found, asio::redirect_error(asio::use_awaitable, failed));
  // Where the timer has just run out, the socket is closed, and the handshake says so.
  timer.cancel();
  co_return !failed;
}

bool PeerLink::hand(Submission& submission) {
  if (!up_ || ms_of(clock_.steady()) < doubts_[index_of(submission.partition)].until_ms) return false;
  const auto number = next_number_++;
  const auto line = encode_submission(number, submission, clock_.steady());
  const auto waiting = std::make_shared<Waiting>();
  std::shared_ptr<Channel> channel;
  {
    const std::lock_guard lock(mutex_);
    if (!channel_ || waiting_.size() >= kMaxWaiting) return false;
    channel = channel_;
    waiting->submission = std::move(submission);
    waiting_.emplace(number, waiting);
    by_id_.emplace(waiting->submission.id, waiting);
    ++watched_;
  }
  if (channel->send(line)) {
    ++counters_.handed;
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.erase(number) == 0) return true;  // the channel ended in between, and it is decided here
  }
  auto done = forget(waiting);
  submission = std::move(waiting->submission);
  submission.done = std::move(done);
  return false;
}

bool PeerLink::has_command(const domain::CommandId& id, std::string_view account) const {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(id);
  if (found != open_.end() && found->second.account == account) return true;
  const auto [first, last] = by_id_.equal_range(id);
  return std::any_of(first, last,
                     [&](const auto& each) { return each.second->submission.actor.account == account; });
}

void PeerLink::observe(const Accepted& accepted) {
  if (watched_ == 0 || !accepted.commit) return;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = by_id_.equal_range(accepted.commit->command.id);
  for (auto it = first; it != last; ++it) it->second->seen = accepted.commit;
  watched_ -= open_.erase(accepted.commit->command.id);
}

// --- answers
// -----------------------------------------------------------------------------------------------------------

void PeerLink::take(const std::shared_ptr<Channel>& channel, std::string_view line) {
  auto handed = decode_answer(line);
  if (!handed) return channel->close("the peer sent something that is not an answer");
  WaitingPtr waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(handed->number);
    if (found == waiting_.end()) return;
    waiting = std::move(found->second);
    waiting_.erase(found);
  }
  if (!handed->is_understood) {
    ++counters_.abandoned;
    return decide_here(waiting, true);
  }
  note_outcome(waiting->submission.partition, handed->answer.kind != AnswerKind::unknown);
  if (handed->declined) {
    ++counters_.declined;
    return decide_here(waiting, false);
  }
  take_answer(waiting, std::move(*handed));
}

// What the other node's readers can see, this node's must.
void PeerLink::take_answer(const WaitingPtr& waiting, HandedAnswer handed) {
  const Position position{handed.answer.partition, handed.answer.seq};
  const auto reached = [self = shared_from_this(), waiting, handed = std::move(handed)](bool is_reached) {
    if (self->gave_up_) return;
    if (!is_reached && handed.answer.seq > 0)
      return self->deliver(waiting, self->unknown(*waiting, "this node has not read up to that commit yet"));
    if (!handed.has_commit) return self->deliver(waiting, handed.answer);
    const auto finish = [self, waiting, handed](std::shared_ptr<const Commit> commit) {
      // Where a copy of the journal was made and both go on, another may stand there.
      const bool is_it =
          commit && commit->seq == handed.answer.seq && commit->command.id == handed.answer.command;
      if (!is_it) return self->deliver(waiting, self->unknown(*waiting, "its commit cannot be read"));
      auto answer = answer_of(handed.answer.partition, handed.answer.offset, std::move(commit));
      answer.replayed = handed.answer.replayed;
      self->deliver(waiting, std::move(answer));
    };
    if (waiting->seen && waiting->seen->seq == handed.answer.seq) return finish(waiting->seen);
    self->node_.read_commit(handed.answer.partition, handed.answer.offset, finish);
  };
  node_.when_reached(position, waiting->submission.deadline, reached);
}

void PeerLink::deliver(const WaitingPtr& waiting, Answer answer) {
  const auto done = forget(waiting);
  if (answer.kind == AnswerKind::unknown) leave_open(*waiting);
  if (done) done(std::move(answer));
}

// Until its commit comes by, or surely never will, it may still be executed.
void PeerLink::leave_open(const Waiting& waiting) {
  const std::lock_guard lock(mutex_);
  if (open_.size() >= kMaxOpen) return;
  const auto& submission = waiting.submission;
  if (open_.try_emplace(submission.id, Open{submission.actor.account, clock_.steady() + kOpenTime}).second)
    ++watched_;
}

void PeerLink::note_outcome(Partition partition, bool is_known) {
  auto& doubt = doubts_[index_of(partition)];
  if (is_known) {
    doubt.in_a_row = 0;
    return;
  }
  const auto doublings = std::min(doubt.in_a_row++, kMaxDoublings);
  doubt.until_ms = ms_of(clock_.steady()) + (kDoubtMs << doublings);
}

PeerLink::Done PeerLink::forget(const WaitingPtr& waiting) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = by_id_.equal_range(waiting->submission.id);
  const auto found = std::find_if(first, last, [&](const auto& each) { return each.second == waiting; });
  if (found != last) {
    by_id_.erase(found);
    --watched_;
  }
  return std::exchange(waiting->submission.done, nullptr);
}

Answer PeerLink::unknown(const Waiting& waiting, std::string reason) const {
  Answer answer;
  answer.kind = AnswerKind::unknown;
  answer.partition = waiting.submission.partition;
  answer.command = waiting.submission.id;
  answer.reason = std::move(reason);
  return answer;
}

// On the node's executor.
void PeerLink::tell(const WaitingPtr& waiting, Done done, Answer answer) {
  if (!done) return;
  node_.when_reached({waiting->submission.partition, 0}, clock_.steady(),
                     [done = std::move(done), answer = std::move(answer)](bool) { done(answer); });
}

void PeerLink::decide_here(const WaitingPtr& waiting, bool may_be_executed) {
  auto done = forget(waiting);
  if (!done) return leave_open(*waiting);  // told that it is unknown what becomes of it
  auto submission = std::move(waiting->submission);
  submission.id_is_new = submission.id_is_new && !may_be_executed;
  submission.done = std::move(done);
  if (may_be_executed)
    submission.done = [done = std::move(submission.done), id = submission.id](Answer answer) {
      // Only the journal can say what became of it: without a commit nothing rules out that it comes.
      if (answer.kind == AnswerKind::unavailable || (answer.kind != AnswerKind::key_reused && !answer.commit))
        answer.kind = AnswerKind::unknown;
      if (answer.command == id) answer.replayed = false;  // nobody has seen the first answer
      done(std::move(answer));
    };
  node_.submit_here(std::move(submission));
}

void PeerLink::expire() {
  std::vector<std::pair<WaitingPtr, Done>> late;
  {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.steady();
    for (const auto& [number, waiting] : waiting_)
      if (waiting->submission.deadline <= now && waiting->submission.done)
        late.emplace_back(waiting, std::exchange(waiting->submission.done, nullptr));
    watched_ -= std::erase_if(open_, [&](const auto& each) { return each.second.until <= now; });
  }
  for (auto& [waiting, done] : late) {
    note_outcome(waiting->submission.partition, false);
    tell(waiting, std::move(done), unknown(*waiting, address_ + " did not answer in time"));
  }
}

void PeerLink::abandon() {
  std::map<std::uint64_t, WaitingPtr> left;  // in their order: some go behind others
  {
    const std::lock_guard lock(mutex_);
    channel_.reset();
    left.insert(waiting_.begin(), waiting_.end());
    waiting_.clear();
  }
  for (const auto& [number, waiting] : left) {
    ++counters_.abandoned;
    decide_here(waiting, true);
  }
}

void PeerLink::close() {
  closed_ = true;
  timer_.cancel();
  const std::lock_guard lock(mutex_);
  if (channel_) channel_->close("shutting down");
}

void PeerLink::give_up() {
  up_ = false;
  gave_up_ = true;
  std::vector<WaitingPtr> left;
  {
    const std::lock_guard lock(mutex_);
    channel_.reset();
    waiting_.clear();
    for (const auto& [id, waiting] : by_id_) left.push_back(waiting);
  }
  for (const auto& waiting : left) tell(waiting, forget(waiting), unknown(*waiting, "shutting down"));
}

}  // namespace groundtruth::journal::peers
