// Carries effects of events from the chains of one topic to those of another (JOURNAL, "Record"): what an
// event leads to elsewhere is a pure function of it, and the target takes each effect once, however often it
// is sent, because it keeps the highest source position that it has seen of this relay.
//
// So effects of one source partition for one target partition go in their order, each behind the one before:
// a target that lacks that one does not take this one (journal::Submission::behind), and what follows the
// first that was not taken is sent again with it. Different pairs go side by side, and one whose target takes
// nothing holds up no other: each pair has its own place in the source and its own bounds (a lane,
// following.hpp). A refusal is an answer: the target has recorded it. A place moves only behind what was
// answered, and an older place only means to send again what the target knows already.
//
// Threads: `observe` on the node's executor, everything else on the executor given; nothing blocks but reads
// of the journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "journal/duties.hpp"
#include "journal/executor.hpp"
#include "journal/ports.hpp"
#include "journal/submission.hpp"
#include "workers/following/following.hpp"

namespace groundtruth::workers {

// What an event leads to in another chain.
struct Effect {
  journal::Partition target;
  domain::Command command;
};

struct RelayOptions {
  std::string name;                              // in every cause: storage, never changed
  FollowingOptions following;                    // its `lanes` are the relay's own affair
  std::size_t in_flight = 64;                    // effects of one lane that wait for answers; 1: in turns
  std::chrono::milliseconds patience{10'000};    // for the journal's answer to one effect
  std::chrono::milliseconds retry_delay{1'000};  // after effects that could not be appended
  std::chrono::milliseconds checkpoint_interval{1'000};
};

class Relay {
 public:
  // Pure. nullopt: the event leads to nothing elsewhere.
  using EffectOf = std::function<std::optional<Effect>(const domain::Event& event)>;
  using Submit = std::function<void(journal::Submission)>;  // Node::submit
  // All that is given must outlive the executor's last task.
  Relay(EffectOf effect_of, Submit submit, const journal::Journal& journal, const journal::CommitCodec& codec,
        journal::Clock& clock, journal::Randomness& randomness, journal::Executor& executor,
        journal::Duties& duties, RelayOptions options);
  ~Relay();  // stop()
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void observe(const journal::Accepted& accepted);  // for Node::on_accepted
  void start();
  // Nothing is submitted any more, answers that come later find nobody; writes the checkpoint. Idempotent.
  void stop();

  std::uint64_t carried() const;  // effects that a target answered to this process; any thread
  std::size_t waiting() const;    // commits with effects on their way, for each target; any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace groundtruth::workers
