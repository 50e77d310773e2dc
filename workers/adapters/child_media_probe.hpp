// Looks at media in processes without keys, network or files, one for each object (media_helper.hpp).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "workers/adapters/media_probe.hpp"

namespace groundtruth::adapters {

struct ChildMediaProbeOptions {
  std::filesystem::path program = "/proc/self/exe";  // that has the helper's command
  MediaProbeOptions limits;
  std::size_t max_running = 4;             // children at a time; who comes then waits
  std::chrono::milliseconds time{20'000};  // that a child may take, waits for the store not counted
};

// Thread-safe. A child that crashes, hangs, says what makes no sense, or passes a limit has found nothing:
// the object is none. Should the helper itself end, the next object has a new one.
class ChildMediaProbe final : public ports::MediaProbe {
 public:
  // Throws std::runtime_error where the helper cannot be started.
  explicit ChildMediaProbe(ChildMediaProbeOptions options = {});
  ~ChildMediaProbe() override;  // stop()

  using ports::MediaProbe::probe;
  std::optional<ports::MediaFacts> probe(ports::BlobStore& store, std::string_view key,
                                         std::stop_token stop) override;

  // Ends what runs: whoever waits for it gets MediaProbeAway, as does whoever comes later. Idempotent.
  void stop();

  bool has_seccomp() const { return has_seccomp_; }

  struct Counters {
    std::uint64_t found = 0, refused = 0, broken = 0, stopped = 0;  // `broken`: no verdict came
    std::size_t running = 0;
  };
  Counters counters() const;

 private:
  class Helper;
  class Job;
  class Place;

  std::shared_ptr<Helper> helper();
  std::optional<ports::MediaFacts> serve(Job& job, ports::BlobStore& store, const ports::BlobSpec& spec);

  const ChildMediaProbeOptions options_;
  bool has_seccomp_ = false;
  mutable std::mutex mutex_;
  std::condition_variable_any free_;
  std::shared_ptr<Helper> helper_;
  std::set<Job*> jobs_;
  std::size_t running_ = 0;
  std::uint64_t next_job_ = 0;
  bool is_stopping_ = false;
  Counters counters_;
};

}  // namespace groundtruth::adapters
