// Asking where partitions end, until there is an answer (contract in ends.hpp).
#include "journal/kafka/ends.hpp"

#include <algorithm>
#include <map>

namespace groundtruth::journal::kafka {
namespace {

constexpr std::chrono::milliseconds kQueryTimeout{2'000};
constexpr std::chrono::milliseconds kHeartbeat{1'000};

std::vector<Partition> all_partitions() {
  std::vector<Partition> out;
  for (std::size_t i = 0; i < kPartitionTotal; ++i) out.push_back(partition_at(i));
  return out;
}

}  // namespace

Ends::Ends(const Client& control, const KafkaJournalOptions& options) : client_(control), options_(options) {
  thread_ = std::thread([this] { run(); });
}

Ends::~Ends() {
  stop();
}

void Ends::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Ends::learn_all(std::chrono::steady_clock::time_point deadline) {
  std::vector<Partition> missing = all_partitions();
  while (true) {
    const auto starts = query_offsets(client_, options_, missing, Edge::start, kQueryTimeout);
    const auto ends = query_offsets(client_, options_, missing, Edge::end, kQueryTimeout);
    std::vector<Partition> again;
    for (std::size_t i = 0; i < missing.size(); ++i) {
      if (starts[i] && ends[i]) {
        starts_[index_of(missing[i])] = *starts[i];
        ends_[index_of(missing[i])] = *ends[i];
      } else {
        again.push_back(missing[i]);
      }
    }
    if (again.empty()) {
      // Questions that were asked before there were leaders say nothing about them any more.
      silences_ = 0;
      return;
    }
    missing = std::move(again);
    if (std::chrono::steady_clock::now() >= deadline)
      throw JournalUnavailable("Kafka at " + options_.brokers + " did not say where " +
                               to_string(missing.front()) + " ends (" + std::to_string(missing.size()) +
                               " of " + std::to_string(kPartitionTotal) +
                               " partitions). Is each of them led by a broker that runs?");
    std::this_thread::sleep_for(options_.retry_pause);
  }
}

bool Ends::learn_starts(std::chrono::milliseconds timeout) {
  const auto partitions = all_partitions();
  const auto starts = query_offsets(client_, options_, partitions, Edge::start, timeout);
  bool all = true;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (starts[i]) starts_[i] = *starts[i];
    all = all && starts[i];
  }
  return all;
}

void Ends::at_least(Partition partition, std::uint64_t end) {
  auto& known = ends_[index_of(partition)];
  auto now = known.load();
  while (now < end && !known.compare_exchange_weak(now, end)) {
  }
}

void Ends::ask(Partition partition, Done done) {
  {
    const std::lock_guard lock(mutex_);
    fresh_[index_of(partition)].push_back(std::move(done));
    any_fresh_ = true;
  }
  changed_.notify_all();
}

// True: it is an answer. One that is less than was known before it was asked for comes from a leader that is
// behind, or tells of a log that lost its tail; time tells them apart.
bool Ends::take_answer(Partition partition, std::uint64_t known_before, std::uint64_t answer,
                       Question& question) {
  if (answer >= known_before) {
    question.lower_since.reset();
    at_least(partition, answer);
    return true;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!question.lower_since) question.lower_since = now;
  if (now - *question.lower_since < options_.truncation_patience) return false;
  log(options_, 2,
      to_string(partition) + ": the log ends at offset " + std::to_string(answer) +
          ", but had already been seen up to " + std::to_string(known_before));
  question.lower_since.reset();
  ends_[index_of(partition)] = answer;
  return true;
}

void Ends::run() {
  std::map<std::size_t, Question> open;
  std::size_t beat = 0;
  auto pause = options_.retry_pause;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [&] { return stopping_ || any_fresh_; };
      changed_.wait_for(lock, open.empty() ? kHeartbeat : pause, ready);
      if (stopping_) return;
      any_fresh_ = false;
      for (std::size_t i = 0; i < kPartitionTotal; ++i) {
        for (auto& done : std::exchange(fresh_[i], {})) open[i].waiting.push_back(std::move(done));
      }
    }
    if (open.empty()) open[beat++ % kPartitionTotal];  // whether anybody answers
    std::vector<Partition> partitions;
    std::vector<std::uint64_t> known;
    for (const auto& [index, question] : open) {
      partitions.push_back(partition_at(index));
      known.push_back(ends_[index]);
    }
    const auto answers = query_offsets(client_, options_, partitions, Edge::end, kQueryTimeout);
    asked_ += partitions.size();
    if (std::any_of(answers.begin(), answers.end(), [](const auto& answer) { return answer.has_value(); }))
      silences_ = 0;
    else
      ++silences_;
    bool all = true;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      const auto index = index_of(partitions[i]);
      auto& question = open[index];
      if (!answers[i] || !take_answer(partitions[i], known[i], *answers[i], question)) {
        all = false;
        continue;
      }
      for (const auto& done : question.waiting) done(*answers[i]);
      open.erase(index);
    }
    pause = all ? options_.retry_pause : std::min(pause * 2, options_.retry_pause * 10);
  }
}

}  // namespace groundtruth::journal::kafka
