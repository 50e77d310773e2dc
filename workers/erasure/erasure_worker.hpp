// Forgets: destroys the data key of an erased account or worker once the read models have forgotten its plain
// text (DESIGN, section 8), and then ends the tasks that an account has left open (end_tasks.hpp) and
// discards what a worker has left that was rejected (discard_work.hpp), also where it is rejected later. The
// key comes first: to forget somebody waits for nothing else.
//
// It follows the journal with a checkpoint of its own (following.hpp), which passes an erasure only when both
// are done. Destroying a key that is gone already and ending what has ended are no changes, so doing anything
// twice is harmless, and a crash at any instant loses no erasure.
//
// Threads: `observe` runs on the node's executor and never blocks; keys are destroyed and tasks ended on a
// thread of the worker.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "journal/commit.hpp"
#include "journal/duties.hpp"
#include "journal/journal.hpp"
#include "journal/key_store.hpp"
#include "journal/node.hpp"
#include "journal/read_models.hpp"
#include "workers/following/following.hpp"

namespace groundtruth::workers {

struct ErasureOptions {
  std::filesystem::path checkpoint_file;
  std::chrono::milliseconds checkpoint_interval{5'000};
  std::chrono::milliseconds retry_delay{1'000};  // when read models are late or the key store refuses
  // Removes what of the erased owner lies outside of journal, read models and store. Throws where it cannot
  // now.
  std::function<void(const std::string& owner)> forget = [](const std::string&) {};
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class ErasureWorker {
 public:
  // Ends what an erased account has open, blocking; false, or an exception: to be tried again.
  using EndTasks = std::function<bool(const domain::AccountId& account)>;
  // The same for the rejected work of a worker who is erased; of one who is not it does nothing.
  using DiscardWork = std::function<bool(const domain::WorkerId& worker)>;
  // Everything given must outlive it, and `duties` must have been left before it goes.
  ErasureWorker(const journal::Journal& journal, const journal::CommitCodec& codec, journal::Node& node,
                journal::KeyStore& keys, EndTasks end_tasks, DiscardWork discard_work,
                journal::Duties& duties, ErasureOptions options);
  ~ErasureWorker();  // stop()
  ErasureWorker(const ErasureWorker&) = delete;
  ErasureWorker& operator=(const ErasureWorker&) = delete;

  // Starts the thread. After Node::start(): a node that does not run yet answers nobody.
  void start();
  void observe(const journal::Accepted& accepted);  // for Node::on_accepted
  void stop();                                      // writes the checkpoint; idempotent

  std::uint64_t destroyed() const;

 private:
  enum class Kind : std::uint8_t {
    account,
    worker,
    rejection
  };  // the last: of what may be an erased worker's
  struct Job {
    journal::Position position;  // of the erasure, or of the rejection
    Following::Term term = 0;
    std::string owner;
    Kind kind = Kind::account;
    bool is_forgotten = false;
  };
  // Shared with the node's callbacks, which may come after the worker is gone.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Job> waiting;  // read models do not have them yet
    std::deque<Job> late;     // asked for in vain; back to `waiting` after the retry delay
    std::deque<Job> ready;    // read models have them
    bool reassigned = false;  // the journal is to be read, where there are partitions that are new to us
    std::uint64_t destroyed = 0;
    bool stopping = false;
  };

  std::size_t look(const journal::Accepted& accepted, Following::Term term);
  void assign(const journal::PartitionSet& ours);
  void run();
  void read();
  bool is_ours(const Job& job) const { return following_.is_ours(job.position.partition, job.term); }
  void ask(Job job);
  bool carry_out(Job& job);
  bool destroy(const Job& job);
  bool finish_work(const Job& job);

  journal::Node& node_;
  journal::KeyStore& keys_;
  const EndTasks end_tasks_;
  const DiscardWork discard_work_;
  const ErasureOptions options_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  Following following_;
  std::thread thread_;
};

}  // namespace groundtruth::workers
