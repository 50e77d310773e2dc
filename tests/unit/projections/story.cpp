// How a story is told and fed (story.hpp).
#include "story.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "projections/digest.hpp"

namespace groundtruth::projections::test {

using namespace domain;
using journal::Accepted;
using journal::Partition;

Story::Story(std::uint64_t seed)
    : randomness_(seed),
      dice_(seed),
      keys_(journal::make_memory_key_store(randomness_)),
      codec_(kJournal, keys_, randomness_),
      producer_(journal_.open_producer()) {}

Partition Story::home(const std::string& id) const {
  return journal::partition_of(journal::Topic::tasks, bucket_of(id).value());
}

std::uint64_t Story::put(Partition partition, journal::Bytes bytes) {
  const auto offset = journal_.end_offset(partition);
  producer_->append(partition, {std::move(bytes)}, [](journal::AppendReport report) {
    if (report.outcome != journal::AppendOutcome::written) throw std::logic_error("not written");
  });
  return offset;
}

void Story::genesis(Partition partition) {
  journal::Genesis genesis;
  genesis.journal = kJournal;
  genesis.topic = journal::to_string(partition.topic);
  genesis.partition = partition.number;
  const auto bytes = std::make_shared<const std::string>(journal::encode_genesis(genesis, now_));
  const auto offset = put(partition, bytes);
  heads_[partition] = {true, 0, journal::id_of(*bytes)};
  accepted_.push_back({partition, offset, 0, heads_[partition].id, bytes, nullptr});
}

journal::Commit Story::next(Partition partition) {
  if (!heads_[partition].exists) genesis(partition);
  journal::Commit commit;
  commit.seq = heads_[partition].next_seq();
  commit.prev = heads_[partition].id;
  commit.at = now_;
  commit.actor = {journal::ActorKind::system, "story", "org_of_story"};
  commit.command.id = mint<CommandId>("cmd_", {partition.number});
  commit.command.name = "story";
  commit.command.keyed = std::exchange(keyed_, std::nullopt);
  commit.cause = std::exchange(cause_, std::nullopt);
  return commit;
}

const Accepted& Story::commit(Partition partition, journal::Commit commit) {
  const auto bytes = codec_.encode(commit);
  const auto offset = put(partition, bytes);
  auto& head = heads_[partition];
  head = {true, commit.seq, journal::id_of(*bytes)};
  accepted_.push_back({partition, offset, commit.seq, head.id, bytes,
                       std::make_shared<const journal::Commit>(codec_.decode(*bytes))});
  return accepted_.back();
}

const Accepted& Story::append(Partition partition, std::vector<journal::CommittedEvent> events) {
  auto made = next(partition);
  made.events = std::move(events);
  return commit(partition, std::move(made));
}

void Story::orphan(Partition partition) {
  if (!heads_[partition].exists || heads_[partition].seq == 0) return;
  put(partition, journal_.read(partition, 1, 1).front().value);
}

Story& Story::keyed(const std::string& key) {
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += "0123456789abcdef"[upto(16)];
  keyed_ = journal::KeyedRequest{key, "POST /api/v1/tasks", hash};
  return *this;
}

Story& Story::because(journal::Cause cause) {
  cause_ = std::move(cause);
  return *this;
}

bool Story::run(const Command& command, Bucket bucket, journal::Topic topic) {
  const auto partition = journal::partition_of(topic, bucket);
  auto made = next(partition);
  made.command.name = name_of(command);
  const auto decision = decide(command, now_, [&]<class Id>(const Id& id, bool) -> const auto& {
    return state<AggregateOf<Id>>(id.value);
  });
  if (const auto* rejection = decision.rejection()) {
    if (made.command.keyed) {
      made.events = {{made.command.id.value, 1, CommandRejected{*rejection}}};
      commit(partition, std::move(made));
    }
    return false;
  }
  for (const auto& entry : decision.events()) {
    auto& stream = streams_[entry.stream];
    if (!stream.state) stream.state = aggregate_for(entry.event);
    evolve(*stream.state, entry.event, now_);
    made.events.push_back({entry.stream, ++stream.version, entry.event});
  }
  note_effects(commit(partition, std::move(made)));
  return true;
}

AccountId Story::account(const std::string& name, const std::string& email) {
  const auto where = bucket();
  const auto id = mint<AccountId>("org_", where);
  run(CreateAccount{id, mint<EmailClaimId>("eml_", where), Surface::groundtruth, name, email}, where);
  accounts_.push_back(id);
  return id;
}

ApiKeyId Story::api_key(const AccountId& account) {
  const auto where = bucket_of(account.value).value();
  const auto id = mint<ApiKeyId>("key_", where);
  if (run(CreateApiKey{id, account, "laptop", {Scope::read, Scope::write}, "gt_sk_abc", "$2b$10$hash", {}},
          where))
    api_keys_.push_back(id);
  return id;
}

TaskId Story::task(const AccountId& account, Cents reward, std::int64_t target,
                   std::optional<Timestamp> deadline, std::optional<Requirements> requirements,
                   std::vector<Modality> modalities) {
  const auto where = bucket_of(account.value).value();
  const auto id = mint<TaskId>("tsk_", where);
  CreateTask command;
  command.task = id;
  command.account = account;
  command.title = "Film a street";
  command.instructions = "Walk along a busy street and film it for a minute, holding the camera level.";
  command.modalities = std::move(modalities);
  command.reward_cents = reward;
  command.target_submissions = target;
  command.deadline = deadline;
  command.requirements = std::move(requirements);
  command.checkout = mint<CheckoutId>("cko_", where);
  command.funding_url = "https://pay.test/" + command.checkout.value;
  if (run(command, where)) tasks_.push_back(id);
  return id;
}

void Story::fund(const TaskId& task) {
  const auto found = state<Task>(task.value);
  run(FundTask{task, found.account, found.checkout, found.budget()}, bucket_of(task.value).value());
}

void Story::cancel(const TaskId& task) {
  run(CancelTask{task, state<Task>(task.value).account, CancelReason::by_customer},
      bucket_of(task.value).value());
}

void Story::expire(const TaskId& task) {
  run(ExpireTask{task, state<Task>(task.value).account}, bucket_of(task.value).value());
}

void Story::deposit(const AccountId& account, Cents amount) {
  run(Deposit{account, amount, "wire"}, bucket_of(account.value).value());
}

void Story::revoke(const ApiKeyId& key) {
  run(RevokeApiKey{key, state<ApiKey>(key.value).account}, bucket_of(key.value).value());
}

void Story::erase(const AccountId& account) {
  const auto claim = state<Account>(account.value).email_claim;
  run(EraseAccount{account, claim}, bucket_of(account.value).value());
}

void Story::step() {
  pass(static_cast<std::int64_t>(upto(60'000)));
  if (upto(200) == 0) pass(static_cast<std::int64_t>(upto(upto(3) == 0 ? 200 : 30)) * 3'600'000);
  if (upto(3) == 0) carry(upto(4));
  if (upto(4) == 0) keyed(some_text());
  if (upto(10) == 0)
    because({{journal::Topic::workers, static_cast<std::uint16_t>(upto(4))}, upto(1000), 0, "pay.0"});
  upto(2) == 0 ? customer_step() : worker_step();
}

void Story::customer_step() {
  if (accounts_.empty() || upto(20) == 0) {
    account(some_text(), some_text() + "@test");
    return;
  }
  switch (upto(10)) {
    case 0:
      api_key(any(accounts_));
      return;
    case 1:
      deposit(any(accounts_), {static_cast<std::int64_t>(1 + upto(10'000))});
      return;
    case 2:
      if (!api_keys_.empty()) {
        const auto key = any(api_keys_);
        if (upto(5) == 0)
          revoke(key);
        else
          run(UseApiKey{key, now_}, bucket_of(key.value).value());
      }
      return;
    case 3:
      if (upto(20) == 0) erase(any(accounts_));
      return;
    case 4:
      orphan(home(any(accounts_).value));
      return;
    case 5:
    case 6:
      if (!tasks_.empty()) fund(late(tasks_, 8));
      return;
    case 7:
      if (!tasks_.empty()) upto(3) == 0 ? cancel(any(tasks_)) : expire(any(tasks_));
      return;
    default: {
      std::optional<Timestamp> deadline;
      if (upto(3) == 0) deadline = Timestamp{now_.ms + static_cast<std::int64_t>(1 + upto(86'400'000))};
      std::vector<Modality> modalities{static_cast<Modality>(upto(4))};
      if (upto(4) == 0) modalities.push_back(Modality::text);
      const auto target = static_cast<std::int64_t>(1 + upto(10));
      task(any(accounts_), {static_cast<std::int64_t>(1 + upto(3'000))}, target, deadline,
           some_requirements(), std::move(modalities));
    }
  }
}

// --- feeding
// -------------------------------------------------------------------------------------------------------

ProjectorOptions Desk::options_for(const std::filesystem::path& directory) {
  ProjectorOptions options;
  options.directory = directory;
  options.journal_uuid = Story::kJournal;
  return options;
}

Desk::Desk(ProjectorOptions options, std::vector<Definition> definitions)
    : projector_(std::make_unique<Projector>(std::move(options), std::move(definitions))) {
  projector_->on_progress(
      [this](std::vector<Projector::Applied> applied) {
        const std::lock_guard lock(mutex_);
        for (const auto& [partition, seq] : applied) applied_[partition] = seq;
      },
      [this](Partition, std::string reason) {
        const std::lock_guard lock(mutex_);
        failures_.push_back(std::move(reason));
      });
}

void Desk::wait() {
  do projector_->between_batches([] {});
  while (projector_->backlog() > 0);
  projector_->between_batches([] {});
}

void Desk::catch_up(const Story& story) {
  std::vector<Accepted> all;
  for (const auto& accepted : story.accepted()) {
    const auto checkpoint = projector_->checkpoint(accepted.partition);
    if (!checkpoint.exists || accepted.seq > checkpoint.seq) all.push_back(accepted);
  }
  projector_->apply(std::move(all), journal::ReadModels::Pace::at_once);
  wait();
}

void Desk::catch_up(const Story& story, std::mt19937_64& dice) {
  std::vector<Accepted> part;
  for (const auto& accepted : story.accepted()) {
    const auto checkpoint = projector_->checkpoint(accepted.partition);
    if (checkpoint.exists && accepted.seq <= checkpoint.seq) continue;
    part.push_back(accepted);
    if (dice() % 7 == 0) {
      projector_->apply(std::exchange(part, {}), journal::ReadModels::Pace::at_once);
      if (dice() % 3 == 0) wait();
    }
  }
  projector_->apply(std::move(part), journal::ReadModels::Pace::at_once);
  wait();
}

std::string Desk::digest(const std::string& projection) {
  const auto lease = projector_->readers(projection).lease_lengthy();
  return digest_of(*lease, projector_->definition(projection)).hex;
}

std::map<std::string, std::string> Desk::digests() {
  std::map<std::string, std::string> all;
  for (const auto& status : projector_->status()) all[status.name] = digest(status.name);
  return all;
}

std::vector<std::string> Desk::failures() {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::map<Partition, std::uint64_t> Desk::applied() {
  const std::lock_guard lock(mutex_);
  return applied_;
}

std::vector<std::string> every_projection() {
  std::vector<std::string> names;
  for (const auto& definition : all_projections()) names.push_back(definition.name);
  return names;
}

TempDir::TempDir() {
  static std::atomic<int> number{0};
  path_ = std::filesystem::temp_directory_path() /
          ("gt-projections-" + std::to_string(getpid()) + "-" + std::to_string(number++));
  std::filesystem::create_directories(path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace groundtruth::projections::test
