// Writes a data directory that a server could have come to by itself: customers, open tasks, verified
// workers, and submissions, as commits of real decisions, much faster than through the API.
//
//   work_data DATA --tasks N --workers N --work-tasks N --submissions N --seed N
//
// Prints JSON: the key of one customer, the tasks that are free for work (`work`), the one that has the
// submissions (`submissions`). DATA/bench.tokens has a line "wrk_… TOKEN" for each worker.
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <unordered_map>

#include "api/common/api_key_format.hpp"
#include "api/common/bcrypt.hpp"
#include "api/common/jwt.hpp"
#include "api/worker/tasks.hpp"
#include "domain/domain.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/data_directory.hpp"
#include "journal/genesis.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "journal/wrapped_keys.hpp"

using namespace groundtruth;

namespace {

constexpr std::size_t kBatch = 2'000;
constexpr int kCustomers = 16, kCities = 50, kSkills = 20, kPercentWithArea = 30;

struct Options {
  std::string data;
  int tasks = 1'000, workers = 100, work_tasks = 0, submissions = 0;
  std::uint64_t seed = 1;
};

struct Printed {
  std::string key;
  std::vector<domain::TaskId> work;
  domain::TaskId submissions;
};
BOOST_DESCRIBE_STRUCT(Printed, (), (key, work, submissions))

// One writer of all chains, without readers: what it decides on it remembers.
class Chains {
 public:
  Chains(journal::SqliteJournal& journal, const journal::CommitCodec& codec, journal::Randomness& randomness)
      : codec_(codec), randomness_(randomness), producer_(journal.open_producer()) {
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto partition = journal::partition_at(i);
      heads_[i] = journal::id_of(*journal.read(partition, 0, 1).front().value);
    }
  }

  void run(journal::Topic topic, domain::Bucket bucket, const domain::Command& command,
           domain::Timestamp at) {
    const auto decision = domain::decide(command, at, [&]<class Id>(const Id& id, bool) -> const auto& {
      using State = domain::AggregateOf<Id>;
      auto& stream = streams_[id.value];
      if (!stream.state) stream.state = State{};
      return std::get<State>(*stream.state);
    });
    if (decision.rejection() != nullptr)
      throw std::runtime_error("rejected: " + std::string(domain::name_of(command)));
    journal::Commit commit;
    const auto partition = journal::partition_of(topic, bucket);
    const auto index = journal::index_of(partition);
    commit.seq = ++seqs_[index];
    commit.prev = heads_[index];
    commit.at = at;
    commit.actor = {journal::ActorKind::system, "bench", {}};
    commit.command = {domain::new_id<domain::CommandId>("cmd_", at, bucket, randomness_.bits()),
                      std::string(domain::name_of(command)),
                      {}};
    for (const auto& entry : decision.events()) {
      auto& stream = streams_[entry.stream];
      if (!stream.state) stream.state = domain::aggregate_for(entry.event);
      domain::evolve(*stream.state, entry.event, at);
      commit.events.push_back({entry.stream, ++stream.version, entry.event});
    }
    auto bytes = codec_.encode(commit);
    heads_[index] = journal::id_of(*bytes);
    waiting_[index].push_back(std::move(bytes));
    if (waiting_[index].size() >= kBatch) flush(index);
  }
  void forget(const std::string& stream) { streams_.erase(stream); }
  void flush() {
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) flush(i);
  }

 private:
  struct Stream {
    std::optional<domain::Aggregate> state;
    std::uint32_t version = 0;
  };
  void flush(std::size_t index) {
    if (waiting_[index].empty()) return;
    std::promise<journal::AppendOutcome> outcome;
    auto done = outcome.get_future();
    producer_->append(journal::partition_at(index), std::exchange(waiting_[index], {}),
                      [&](const journal::AppendReport& report) { outcome.set_value(report.outcome); });
    if (done.get() != journal::AppendOutcome::written) throw std::runtime_error("the journal took nothing");
  }

  const journal::CommitCodec& codec_;
  journal::Randomness& randomness_;
  std::unique_ptr<journal::Producer> producer_;
  std::array<journal::CommitId, journal::kPartitionTotal> heads_;
  std::array<std::uint64_t, journal::kPartitionTotal> seqs_{};
  std::array<std::vector<journal::Bytes>, journal::kPartitionTotal> waiting_;
  std::unordered_map<std::string, Stream> streams_;
};

class World {
 public:
  World(const Options& options, Chains& chains, api::WorkerTokens& tokens, journal::Randomness& randomness)
      : options_(options),
        chains_(chains),
        tokens_(tokens),
        randomness_(randomness),
        dice_(options.seed),
        now_{journal::system_clock().now().ms - 86'400'000} {}

  Printed make() {
    Printed printed;
    make_customers(printed);
    std::ofstream tokens(options_.data + "/bench.tokens");
    for (int i = 0; i < options_.workers; ++i) make_worker(tokens);
    for (int i = 0; i < options_.tasks; ++i) {
      const auto task = make_task(customers_[upto(kCustomers)], {static_cast<std::int64_t>(25 + upto(500))},
                                  100, {domain::Modality::video}, requirements());
      chains_.forget(task.value);
    }
    for (int i = 0; i < options_.work_tasks; ++i)
      printed.work.push_back(make_task(customers_.front(), {25}, 1'000, {domain::Modality::text}, {}));
    if (options_.submissions > 0) make_submissions(printed);
    chains_.flush();
    return printed;
  }

 private:
  struct Customer {
    domain::AccountId id;
    domain::Bucket bucket;
  };
  std::uint64_t upto(std::uint64_t bound) { return dice_() % bound; }
  domain::Timestamp tick() { return {now_.ms += 1}; }
  template <class T>
  T mint(const char* prefix, domain::Bucket bucket) {
    return domain::new_id<T>(prefix, now_, bucket, randomness_.bits());
  }

  void make_customers(Printed& printed) {
    for (std::uint16_t i = 0; i < kCustomers; ++i) {
      const domain::Bucket bucket{i};
      const auto account = mint<domain::AccountId>("org_", bucket);
      chains_.run(journal::Topic::tasks, bucket,
                  domain::CreateAccount{account, mint<domain::EmailClaimId>("eml_", bucket),
                                        domain::Surface::groundtruth, "Bench", "bench@example.com"},
                  tick());
      customers_.push_back({account, bucket});
    }
    const auto& first = customers_.front();
    const auto minted = api::mint_api_key(now_, first.bucket, randomness_);
    chains_.run(journal::Topic::tasks, first.bucket,
                domain::CreateApiKey{minted.id,
                                     first.id,
                                     "bench",
                                     {domain::Scope::admin},
                                     minted.display,
                                     api::bcrypt_hash(minted.secret, 4, randomness_),
                                     {}},
                tick());
    printed.key = minted.key;
  }

  void make_worker(std::ofstream& tokens) {
    const domain::Bucket bucket{static_cast<std::uint16_t>(upto(domain::kBucketCount))};
    const auto worker = mint<domain::WorkerId>("wrk_", bucket);
    const auto claim = mint<domain::EmailClaimId>("eml_", bucket);
    domain::Offer offer{skills(3 + upto(4)), {}, domain::Area{city(), 50}};
    chains_.run(
        journal::Topic::workers, bucket,
        domain::RegisterWorker{worker, claim, "Worker", "worker@example.com", "none", std::move(offer)},
        tick());
    chains_.run(journal::Topic::workers, bucket, domain::VerifyWorker{worker, claim, {}}, tick());
    chains_.forget(worker.value);
    tokens << worker.value << ' ' << tokens_.sign(worker) << '\n';
    workers_.push_back(worker);
  }

  std::vector<std::string> skills(std::uint64_t count) {
    std::vector<std::string> some;
    while (some.size() < count) {
      auto skill = "skill-" + std::to_string(upto(kSkills));
      if (std::find(some.begin(), some.end(), skill) == some.end()) some.push_back(std::move(skill));
    }
    return some;
  }
  // Fifty places spread over the land, each everywhere the same.
  domain::GeoPoint city() {
    const auto number = static_cast<std::int64_t>(upto(kCities));
    return {(number * 37 % 120 - 55) * 1'000'000, (number * 71 % 340 - 170) * 1'000'000};
  }
  domain::Requirements requirements() {
    domain::Requirements asked{skills(upto(3)), {}};
    if (upto(100) < kPercentWithArea) asked.area = domain::Area{city(), 10};
    return asked;
  }

  domain::TaskId make_task(const Customer& customer, domain::Cents reward, std::int64_t target,
                           std::vector<domain::Modality> modalities, domain::Requirements asked) {
    const auto task = mint<domain::TaskId>("tsk_", customer.bucket);
    domain::CreateTask create;
    create.task = task;
    create.account = customer.id;
    create.title = "Street scene " + std::to_string(upto(1'000'000));
    create.instructions = "Walk any public street for 30 s. Steady hand, no filters.";
    create.modalities = std::move(modalities);
    create.reward_cents = reward;
    create.target_submissions = target;
    create.requirements = std::move(asked);
    create.checkout = mint<domain::CheckoutId>("cko_", customer.bucket);
    create.funding_url = "https://pay.example/1";
    chains_.run(journal::Topic::tasks, customer.bucket, create, tick());
    chains_.run(journal::Topic::tasks, customer.bucket,
                domain::FundTask{task, customer.id, create.checkout, reward * target}, tick());
    return task;
  }

  // Of one task: more than one task may ask for, as only here and for the stream's sake.
  void make_submissions(Printed& printed) {
    const auto& customer = customers_.front();
    printed.submissions = make_task(customer, {25}, options_.submissions, {domain::Modality::video}, {});
    const auto& task = printed.submissions;
    const domain::Media media{"video/mp4", 1'048'576, std::string(64, 'a'), 31'000};
    for (int i = 0; i < options_.submissions; ++i) {
      const auto worker = mint<domain::WorkerId>("wrk_", customer.bucket);
      const auto assignment = api::worker::assignment_of(task, worker);
      const auto submission = mint<domain::SubmissionId>("sub_", customer.bucket);
      const auto run = [&](const domain::Command& command) {
        chains_.run(journal::Topic::tasks, customer.bucket, command, tick());
      };
      run(domain::AcceptTask{assignment, task, worker, 60'000});
      run(domain::SubmitProof{assignment, task, submission, {media}});
      run(domain::ApproveSubmission{assignment, task, customer.id, submission});
      chains_.forget(assignment.value);
    }
  }

  const Options& options_;
  Chains& chains_;
  api::WorkerTokens& tokens_;
  journal::Randomness& randomness_;
  std::mt19937_64 dice_;
  domain::Timestamp now_;
  std::vector<Customer> customers_;
  std::vector<domain::WorkerId> workers_;
};

Printed make(const Options& options) {
  auto& clock = journal::system_clock();
  auto& randomness = journal::system_randomness();
  const journal::DataDirectory directory(options.data, journal::DataDirectory::Absent::create, clock);
  const auto master = journal::MasterKey::create(directory.master_key_file(), randomness);
  const std::shared_ptr<journal::KeyStore> keys =
      journal::open_key_store(journal::open_wrapped_keys_file(directory.keys_file()),
                              directory.keys_file().string(), master, randomness);
  journal::SqliteJournalOptions file;
  file.file = directory.journal_file();
  const auto log = journal::SqliteJournal::create(std::move(file), clock);
  const auto uuid = journal::init_journal(*log, journal::new_uuid(randomness), clock);
  const journal::CommitCodec codec(uuid, keys, randomness);
  Chains chains(*log, codec, randomness);
  api::WorkerTokens tokens({}, *keys, clock);
  return World(options, chains, tokens, randomness).make();
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  CLI::App app("Makes a data directory to measure with.");
  app.add_option("DATA", options.data)->required();
  app.add_option("--tasks", options.tasks);
  app.add_option("--workers", options.workers);
  app.add_option("--work-tasks", options.work_tasks);
  app.add_option("--submissions", options.submissions);
  app.add_option("--seed", options.seed);
  CLI11_PARSE(app, count, arguments);
  try {
    journal::init_crypto();
    std::printf("%s\n", journal::codec::to_json(make(options)).c_str());
    return 0;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "work_data: %s\n", failure.what());
    return 1;
  }
}
