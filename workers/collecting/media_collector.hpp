// Removes media that no submission names, once none can name it any more: of leases that lapsed or were given
// back, of uploads that a proof left out, of proofs that were refused, of workers who were erased meanwhile.
// And at once the media of submissions that were discarded: rejected, and not contested in time or by nobody
// any more.
//
// Nothing gets into the store but what `upload.announced` has named before: uploads by a URL that is signed
// for that event, what comes within a proof after one of its own (api/worker/handlers_proof.cpp). So the
// journal knows all that may lie there, and this follows it: some time after each announcement, when its URL
// is over and no transfer under it can be going on, it looks at the assignment once more and removes the
// object, keeps it for ever (a submission names it), or waits for the end of the lease.
//
// Why that never removes what a submission names, or will name, whichever process looks, and however far
// behind its read models are:
//   - An object belongs to one lease, by its name (ports/blob_keys.hpp), and a submission names objects of
//     the lease under which it was made. Nothing is removed before the read models show that lease, nor
//     while they show that it is held.
//   - They show that it has ended, or a later one: then its end stands in the chain, and a proof that was
//     verified under it is refused by whoever decides it (domain::SubmitProof::lease).
//   - They show its submission: what that names is kept, and there will be no other one.
//   - Read models never go back while a process runs, and at its start this waits for them.
// Leases from before they were counted share their names: a process that collects and one of a release that
// still grants such leases must not be at work together.
//
// A proof that was at work when its lease ended may store once more what was just removed; so each object is
// removed a second time, `retry_delay` later. A crash at any instant, or a second process at work, repeats a
// look or a removal, which changes nothing.
//
// Threads: `observe` on any, everything else on the executor given, where it blocks for as long as the store
// does. Errors of store, read models and journal are logged and tried again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "domain/assignment.hpp"
#include "journal/duties.hpp"
#include "journal/executor.hpp"
#include "journal/ports.hpp"
#include "workers/following/following.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::workers {

struct CollectorOptions {
  std::filesystem::path checkpoint_file;
  // After the commit of an announcement; beyond the life of its URL and of any transfer that began in time.
  std::chrono::milliseconds keep{7'200'000};
  std::chrono::milliseconds interval{1'000};      // how late it looks, at most
  std::chrono::milliseconds retry_delay{60'000};  // after a failure; and longer than a proof takes
  std::size_t batch = 64;                         // objects in one turn of the executor
  std::size_t max_open = 4'096;                   // announcements in memory, of each partition
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class MediaCollector {
 public:
  // As this node's read models have it.
  using Find = std::function<std::optional<domain::Assignment>(const domain::AssignmentId&)>;
  // All that is given must outlive the executor's last task.
  MediaCollector(Find find, ports::BlobStore& blobs, const journal::Journal& journal,
                 const journal::CommitCodec& codec, journal::Clock& clock, journal::Executor& executor,
                 journal::Duties& duties, CollectorOptions options);
  ~MediaCollector();  // stop()
  MediaCollector(const MediaCollector&) = delete;
  MediaCollector& operator=(const MediaCollector&) = delete;

  void observe(const journal::Accepted& accepted);  // for Projector::on_committed
  void start();  // when the read models have what the journal had at the start
  void stop();   // waits for a removal under way; writes the checkpoint; idempotent

  std::uint64_t removed() const;  // objects, those that were gone already among them; any thread
  std::size_t waiting() const;    // commits with announcements that are not settled; any thread

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace groundtruth::workers
