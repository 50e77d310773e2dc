// The way to one other process: a channel that is kept open, and the commands that were handed over it and
// wait for their answers. Private to preferred_writers.cpp.
//
// A command is handed on only while the channel is open, so nobody waits for a connection. Where the channel
// ends before an answer came, nobody knows here whether the command was executed, and this node decides:
// under the same id, which the chain takes once (JOURNAL, Writer 5).
//
// Threads: `hand` from any; `observe` and answers on the node's executor; all else on the event loop.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "journal/node.hpp"
#include "journal/peers/channel.hpp"
#include "journal/peers/handed.hpp"

namespace groundtruth::journal::peers {

struct LinkCounters {
  std::atomic<std::uint64_t> handed{0};
  std::atomic<std::uint64_t> declined{0};   // decided here, for the other would not
  std::atomic<std::uint64_t> abandoned{0};  // decided here, for no answer came
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  using Log = std::function<void(const std::string&)>;
  PeerLink(asio::io_context& loop, Node& node, Clock& clock, ChannelSecret& secret, LinkCounters& counters,
           Log log, std::string address);

  void start();
  void want(bool wanted);  // whether a channel that is not there, or ended, is opened
  void expire();  // tells those whose deadline has passed; it is still awaited what became of their commands
  void close();
  void give_up();  // after the loop has ended: what waits is answered `unknown`

  bool hand(Submission& submission);  // false: not taken, and as it was
  bool has_command(const domain::CommandId& id, std::string_view account) const;
  void observe(const Accepted& accepted);
  bool is_up() const { return up_; }

 private:
  struct Waiting {
    Submission submission;
    std::shared_ptr<const Commit> seen;  // of the executor: where its commit came by before its answer did
  };
  using WaitingPtr = std::shared_ptr<Waiting>;
  using Done = std::function<void(Answer)>;

  asio::awaitable<void> keep_connected();
  asio::awaitable<bool> connect(Socket& socket);
  asio::awaitable<void> rest(std::chrono::milliseconds time);
  void take(const std::shared_ptr<Channel>& channel, std::string_view line);
  void take_answer(const WaitingPtr& waiting, HandedAnswer handed);
  void deliver(const WaitingPtr& waiting, Answer answer);
  void decide_here(const WaitingPtr& waiting, bool may_be_executed);
  void abandon();
  Done forget(const WaitingPtr& waiting);
  void leave_open(const Waiting& waiting);
  void note_outcome(Partition partition, bool is_known);
  Answer unknown(const Waiting& waiting, std::string reason) const;
  void tell(const WaitingPtr& waiting, Done done, Answer answer);

  asio::io_context& loop_;
  Node& node_;
  Clock& clock_;
  ChannelSecret& secret_;
  LinkCounters& counters_;
  const Log log_;
  const std::string address_;
  asio::steady_timer timer_;
  std::atomic<bool> up_{false}, wanted_{false}, closed_{false}, gave_up_{false};
  std::atomic<std::uint64_t> next_number_{1};
  std::atomic<std::size_t> watched_{0};  // of by_id_ and open_, to be asked without the lock
  // The other may be there and yet see nothing of a partition, or decide nothing in it: after an answer that
  // did not come, or did not know, nothing is handed over for a while, longer each time.
  struct Doubt {
    std::atomic<std::int64_t> until_ms{0};
    std::atomic<unsigned> in_a_row{0};
  };
  std::array<Doubt, kPartitionTotal> doubts_;

  mutable std::mutex mutex_;
  std::shared_ptr<Channel> channel_;                              // null while there is none
  std::unordered_map<std::uint64_t, WaitingPtr> waiting_;         // without an answer
  std::unordered_multimap<domain::CommandId, WaitingPtr> by_id_;  // those, and what waits for our follower
  // Nobody waits any more, and nobody knows what became of it; by id.
  struct Open {
    std::string account;
    std::chrono::steady_clock::time_point until;
  };
  std::unordered_map<domain::CommandId, Open> open_;
};

}  // namespace groundtruth::journal::peers
