// Customers' and workers' stories as a journal: real commits of real decisions, from a seed, for tests of
// read models.
#pragma once

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "journal/commit.hpp"
#include "journal/memory/memory_journal.hpp"
#include "projections/projector.hpp"

namespace groundtruth::projections::test {

class SeededRandomness final : public journal::Randomness {
 public:
  explicit SeededRandomness(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// Appends to a memory journal and keeps what a follower would hand on. Every partition used begins with its
// genesis.
class Story {
 public:
  explicit Story(std::uint64_t seed);

  static constexpr const char* kJournal = "00000000-0000-4000-8000-000000000001";

  // --- telling it by hand
  domain::AccountId account(const std::string& name = "Acme", const std::string& email = "a@acme.test");
  domain::ApiKeyId api_key(const domain::AccountId& account);
  domain::TaskId task(const domain::AccountId& account, domain::Cents reward = {500},
                      std::int64_t target = 10, std::optional<domain::Timestamp> deadline = {},
                      std::optional<domain::Requirements> requirements = {},
                      std::vector<domain::Modality> modalities = {domain::Modality::video});
  domain::TaskId open_task(const domain::AccountId& account, domain::Cents reward = {500},
                           std::int64_t target = 10) {
    const auto made = task(account, reward, target);
    fund(made);
    return made;
  }
  void fund(const domain::TaskId& task);
  void cancel(const domain::TaskId& task);
  void expire(const domain::TaskId& task);
  void deposit(const domain::AccountId& account, domain::Cents amount);
  void revoke(const domain::ApiKeyId& key);
  void erase(const domain::AccountId& account);
  void pass(std::int64_t ms) { now_.ms += ms; }

  // --- and what workers do (story_work.cpp). Where a command gives an id, it is there also when it was
  // refused.
  domain::WorkerId worker(const std::string& name = "Ada", const std::string& email = "ada@work.test",
                          domain::Offer offer = {});
  domain::WorkerId verified_worker(const std::string& name = "Ada",
                                   const std::string& email = "ada@work.test") {
    const auto made = worker(name, email);
    verify(made);
    return made;
  }
  void verify(const domain::WorkerId& worker);
  // Another registration with the address of that claim.
  domain::WorkerId worker_with(const domain::EmailClaimId& claim);
  void mail(const domain::WorkerId& worker, bool delivered = true);
  void request_mail(const domain::WorkerId& worker, domain::WorkerMail which);
  void settle_mail(const domain::WorkerId& worker, domain::WorkerMail which, domain::MailFate fate);
  void set_password(const domain::WorkerId& worker, const std::string& hash);
  void change(domain::ChangeWorkerProfile change);
  void erase(const domain::WorkerId& worker);
  domain::AssignmentId accept(const domain::WorkerId& worker, const domain::TaskId& task,
                              std::int64_t lease_ms = 3'600'000);
  void release(const domain::AssignmentId& work);
  void upload(const domain::AssignmentId& work);
  domain::SubmissionId submit(const domain::AssignmentId& work);
  void approve(const domain::AssignmentId& work);
  void reject(const domain::AssignmentId& work, const std::string& reason = "Too dark.");
  void contest(const domain::AssignmentId& work);
  void decide_contest(const domain::AssignmentId& work, domain::ContestOutcome outcome);
  void discard(const domain::AssignmentId& work);
  void time_passes(const domain::AssignmentId& work);
  // Accept, submit: what waits for its review.
  domain::AssignmentId work(const domain::WorkerId& worker, const domain::TaskId& task) {
    const auto made = accept(worker, task);
    submit(made);
    return made;
  }
  // What decisions mean to workers, in their chains: some of it, in order, or all.
  void carry(std::size_t at_most = SIZE_MAX);
  // What the next command carries.
  Story& keyed(const std::string& key);
  Story& because(journal::Cause cause);

  // Decides and appends; a rejection is a commit when the command is keyed, and nothing at all otherwise.
  // False: rejected.
  bool run(const domain::Command& command, domain::Bucket bucket,
           journal::Topic topic = journal::Topic::tasks);
  // Appends as it is, whatever the domain thinks of it.
  const journal::Accepted& append(journal::Partition partition, std::vector<journal::CommittedEvent> events);
  void orphan(journal::Partition partition);  // a record that no chain accepts

  // --- at random: accounts, keys, tasks, money, retries, erasures, orphans, hours that pass; workers and all
  // that they do. After `steps` nothing is on its way between chains.
  void step();
  void steps(int count) {
    for (int i = 0; i < count; ++i) step();
    carry();
  }

  const std::vector<journal::Accepted>& accepted() const { return accepted_; }
  std::vector<journal::Accepted> since(std::size_t from) const {
    return {accepted_.begin() + static_cast<std::ptrdiff_t>(from), accepted_.end()};
  }
  const journal::MemoryJournal& journal() const { return journal_; }
  const journal::CommitCodec& codec() const { return codec_; }
  journal::KeyStore& keys() { return *keys_; }
  domain::Timestamp now() const { return now_; }
  std::mt19937_64& dice() { return dice_; }
  std::uint64_t upto(std::uint64_t bound) { return dice_() % bound; }

  template <class State>
  const State& state(const std::string& stream) {
    auto& entry = streams_[stream];
    if (!entry.state) entry.state = State{};
    return std::get<State>(*entry.state);
  }
  std::uint32_t version(const std::string& stream) { return streams_[stream].version; }
  const std::vector<domain::AccountId>& accounts() const { return accounts_; }
  const std::vector<domain::TaskId>& tasks() const { return tasks_; }
  const std::vector<domain::ApiKeyId>& api_keys() const { return api_keys_; }
  const std::vector<domain::WorkerId>& workers() const { return workers_; }
  const std::vector<domain::AssignmentId>& works() const { return works_; }  // each once
  journal::Partition home(const std::string& id) const;
  domain::Bucket bucket() { return {static_cast<std::uint16_t>(upto(domain::kBucketCount))}; }
  template <class T>
  T mint(const char* prefix, domain::Bucket bucket) {
    return domain::new_id<T>(prefix, now_, bucket, randomness_.bits());
  }

 private:
  struct Stream {
    std::optional<domain::Aggregate> state;
    std::uint32_t version = 0;
  };
  struct Effect {
    journal::Cause cause;
    domain::SettleWork command;
  };
  void customer_step();
  void worker_step();
  void mail_step(const domain::WorkerId& worker);
  void note_effects(const journal::Accepted& accepted);
  domain::Requirements some_requirements();
  std::string some_text() { return std::string(1 + upto(40), static_cast<char>('a' + upto(26))); }
  template <class T>
  const T& any(const std::vector<T>& list) {
    return list[upto(list.size())];
  }
  // Among the youngest: so that stories meet.
  template <class T>
  const T& late(const std::vector<T>& list, std::size_t among) {
    const auto count = std::min(list.size(), among);
    return list[list.size() - 1 - upto(count)];
  }
  void genesis(journal::Partition partition);
  journal::Commit next(journal::Partition partition);
  const journal::Accepted& commit(journal::Partition partition, journal::Commit commit);
  std::uint64_t put(journal::Partition partition, journal::Bytes bytes);

  SeededRandomness randomness_;
  std::mt19937_64 dice_;
  std::shared_ptr<journal::KeyStore> keys_;
  journal::MemoryJournal journal_;
  journal::CommitCodec codec_;
  std::unique_ptr<journal::Producer> producer_;
  std::map<journal::Partition, journal::Head> heads_;
  std::map<std::string, Stream> streams_;
  std::vector<journal::Accepted> accepted_;
  std::vector<domain::AccountId> accounts_;
  std::vector<domain::TaskId> tasks_;
  std::vector<domain::ApiKeyId> api_keys_;
  std::vector<domain::WorkerId> workers_;
  std::vector<domain::AssignmentId> works_;
  std::map<std::pair<domain::WorkerId, domain::TaskId>, domain::AssignmentId> work_of_;
  std::deque<Effect> on_their_way_;
  domain::Timestamp now_{1'781'000'000'000};
  std::optional<journal::KeyedRequest> keyed_;
  std::optional<journal::Cause> cause_;
};

// A projector on a directory of its own, fed by hand.
class Desk {
 public:
  explicit Desk(ProjectorOptions options, std::vector<Definition> definitions = all_projections());
  explicit Desk(const std::filesystem::path& directory) : Desk(options_for(directory)) {}
  static ProjectorOptions options_for(const std::filesystem::path& directory);

  // Feeds from behind the lowest checkpoint, as the follower does, and waits until all is applied or failed.
  void catch_up(const Story& story);
  // The same in batches of random size.
  void catch_up(const Story& story, std::mt19937_64& dice);
  void wait();

  Projector& projector() { return *projector_; }
  std::string digest(const std::string& projection);
  std::map<std::string, std::string> digests();
  std::vector<std::string> failures();
  std::map<journal::Partition, std::uint64_t> applied();

 private:
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::map<journal::Partition, std::uint64_t> applied_;
  std::unique_ptr<Projector> projector_;
};

std::vector<std::string> every_projection();  // their names

// Deleted with its content.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace groundtruth::projections::test
