// Does what time does, one kind of thing a worker: expires tasks whose deadline has passed; ends leases, and
// approves what nobody reviewed; forgets registrations whose link nobody used. The longest overdue comes
// first.
//
// What is due stands in the read models, so nothing is kept here: after a stop of any length, or on another
// node, the next look finds what was missed, in order. Only what stands in partitions of this process is
// acted on; two who say the same thing at once do no harm, for what has ended cannot end again, and the
// domain compares its time with the commit's own. What cannot be ended now (its partition has halted) is
// passed by and asked for again by the next sweep.
//
// Threads: all work runs on the executor given; callbacks of the node are handed over to it. Errors of the
// read models are logged and the look is repeated.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "domain/domain.hpp"
#include "journal/duties.hpp"
#include "journal/executor.hpp"
#include "journal/ports.hpp"
#include "journal/submission.hpp"
#include "projections/due.hpp"

namespace groundtruth::workers {

struct ClockOptions {
  std::chrono::milliseconds interval{1'000};   // how late a deadline is noticed, at most
  std::uint32_t batch = 256;                   // commands under way at once
  std::chrono::milliseconds patience{10'000};  // for the journal's answer to one
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class ClockWorker {
 public:
  struct Act {
    journal::Partition partition;
    std::string account;  // on whose behalf
    domain::Command command;
  };
  struct Look {
    std::vector<Act> acts;
    std::optional<projections::DuePlace> next;
  };
  // What is due; may block for milliseconds. `submit` is Node::submit. All that is given must outlive the
  // executor's last task.
  using Due = std::function<Look(domain::Timestamp now, const std::optional<projections::DuePlace>& after,
                                 std::uint32_t limit)>;
  using Submit = std::function<void(journal::Submission)>;
  ClockWorker(Due due, Submit submit, journal::Clock& clock, journal::Randomness& randomness,
              journal::Executor& executor, const journal::Duties& duties, ClockOptions options);
  ~ClockWorker();  // nothing is submitted any more; answers that come later find nobody
  ClockWorker(const ClockWorker&) = delete;
  ClockWorker& operator=(const ClockWorker&) = delete;

  void start();
  std::uint64_t acted() const;  // what this process ended; any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// From what the read models say (projections/due.hpp). Tasks and assignments stand in the task's bucket,
// registrations in their worker's.
template <class Command>
ClockWorker::Look acts_of(projections::DueLook<Command> look) {
  ClockWorker::Look out{{}, look.next};
  for (auto& command : look.commands) {
    if constexpr (std::is_same_v<Command, domain::LapseRegistration>) {
      const auto bucket = domain::bucket_of(command.worker.value).value_or(domain::Bucket{0});
      out.acts.push_back(
          {journal::partition_of(journal::Topic::workers, bucket), command.worker.value, std::move(command)});
    } else {
      const auto bucket = domain::bucket_of(command.task.value).value_or(domain::Bucket{0});
      out.acts.push_back(
          {journal::partition_of(journal::Topic::tasks, bucket), command.account.value, std::move(command)});
    }
  }
  return out;
}

}  // namespace groundtruth::workers
