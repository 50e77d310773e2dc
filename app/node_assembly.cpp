// See node_assembly.hpp.
#include "app/node_assembly.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <thread>

#include "app/exit_code.hpp"
#include "app/terminal.hpp"
#include "journal/genesis.hpp"
#include "journal/kafka/group_member.hpp"
#include "journal/key_audit.hpp"
#include "projections/assignments/queries.hpp"
#include "projections/owners.hpp"
#include "projections/rebuild.hpp"
#include "projections/tasks/queries.hpp"
#include "projections/workers/queries.hpp"
#include "workers/relay/settle_work.hpp"

namespace groundtruth::app {
namespace {

constexpr std::chrono::milliseconds kPoll{5};
constexpr std::chrono::seconds kDrain{10};
constexpr std::chrono::seconds kFlush{10};
// Of each pair of partitions, and beyond that of all pairs together, which spares reading the journal again
// for what comes in a burst: 16 x 16 pairs of some 400 bytes a commit are 33 MB where all targets stand
// still.
constexpr std::size_t kMaxRelayLane = 256, kSharedRelayLanes = 16'384;

// Every partition is open, or has stopped for a reason that waiting does not mend.
bool has_settled(const journal::NodeStatus& status) {
  if (status.ready) return true;
  return status.partitions.size() == journal::kPartitionTotal &&
         std::any_of(status.partitions.begin(), status.partitions.end(),
                     [](const auto& each) { return !each.halted.empty(); }) &&
         std::all_of(status.partitions.begin(), status.partitions.end(), [](const auto& each) {
           return !each.halted.empty() || (each.exists && each.projected_seq >= each.seq);
         });
}

bool has_content(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  return !unknown && size > 0;
}

// What Kafka's clients say, with the levels of syslog.
std::function<void(int, const std::string&)> log_to(std::shared_ptr<spdlog::logger> log) {
  return [log = std::move(log)](int level, const std::string& line) {
    log->log(level <= 3   ? spdlog::level::err
             : level == 4 ? spdlog::level::warn
             : level <= 6 ? spdlog::level::info
                          : spdlog::level::debug,
             "{}", line);
  };
}

}  // namespace

journal::SqliteJournalOptions journal_options(const Settings& settings,
                                              const journal::DataDirectory& directory) {
  journal::SqliteJournalOptions options;
  options.file = directory.journal_file();
  options.max_group_records = settings.journal.max_group_records;
  options.max_group_bytes = settings.journal.max_group_bytes;
  options.max_queued_bytes = settings.journal.max_queued_bytes;
  options.tail_records = settings.journal.tail_records;
  options.tail_bytes = settings.journal.tail_bytes;
  options.checkpoint_pages = settings.journal.checkpoint_pages;
  options.fatal = [](const std::string& what) {  // of a command; a server says it in its log
    std::fprintf(stderr, "groundtruth: %s\n", printable(what).c_str());
    std::_Exit(static_cast<int>(ExitCode::broken));
  };
  return options;
}

journal::KafkaJournalOptions kafka_options(const Settings& settings) {
  journal::KafkaJournalOptions options;
  options.brokers = settings.kafka->brokers;
  options.topic_prefix = settings.kafka->topic_prefix;
  options.properties = settings.kafka->properties;
  options.dev = settings.dev;
  return options;
}

std::unique_ptr<journal::KafkaJournal> open_kafka(const Settings& settings, Use use,
                                                  std::function<void(int, const std::string&)> log,
                                                  KafkaStatistics* statistics) {
  auto options = kafka_options(settings);
  options.log = std::move(log);
  options.stats_interval = settings.kafka->stats_interval;
  if (statistics != nullptr)
    options.stats = [statistics](std::string_view role, const std::string& client, std::string json) {
      statistics->take(role, client, std::move(json));
    };
  try {
    auto journal = journal::KafkaJournal::open(std::move(options), journal::system_clock());
    std::string wrong;
    for (const auto& problem : journal->problems()) wrong += "\n  " + problem;
    if (!wrong.empty() && use == Use::write)
      throw CommandError(ExitCode::failed, "the journal's topics are not as they must be:" + wrong);
    return journal;
  } catch (const CommandError&) {
    throw;
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
}

void refuse_keys_without_journal(const journal::DataDirectory& directory) {
  if (has_content(directory.journal_file()) || !has_content(directory.keys_file())) return;
  std::uint64_t keys = 0;
  journal::open_wrapped_keys_file(directory.keys_file())
      ->for_each([&](const std::string& owner, const journal::WrappedKey&) {
        if (owner != journal::kMasterKeyCheck) ++keys;
      });
  if (keys > 0)
    throw CommandError(ExitCode::failed,
                       "there is no journal at " + directory.journal_file().string() + ", and " +
                           directory.keys_file().string() + " has " + std::to_string(keys) +
                           " data keys of one.\nRestore the newest copy of the journal, or begin in an empty "
                           "directory.");
}

NodeAssembly::NodeAssembly(const Settings& settings, std::shared_ptr<spdlog::logger> log,
                           std::function<void(std::string)> fatal)
    : log_(std::move(log)), has_workers_(settings.roles.workers) {
  auto& clock = journal::system_clock();
  auto& randomness = journal::system_randomness();
  try {
    using Absent = journal::DataDirectory::Absent;
    directory_ = std::make_unique<journal::DataDirectory>(
        settings.data, settings.dev ? Absent::create : Absent::refuse, clock);
    keep_private(settings);
    if (settings.kafka) {
      open_kafka_journal(settings);
      auto shared = open_shared_keys(settings);
      open_master_key(settings, shared->known(journal::kMasterKeyCheck).has_value());
      keys_place_ = "the topic on Kafka";
      keys_ = journal::open_key_store(std::move(shared), keys_place_, *master_, randomness);
    } else {
      if (settings.dev) refuse_keys_without_journal(*directory_);
      open_master_key(settings, has_content(directory_->keys_file()));
      open_journal(settings, fatal);
      open_keys(fatal);
    }
    const auto uuid = settings.dev ? journal::init_journal(*journal_, journal::new_uuid(randomness), clock)
                                   : journal::check_genesis(*journal_);
    codec_ = std::make_unique<journal::CommitCodec>(uuid, keys_, randomness);

    projections::ProjectorOptions projector;
    projector.directory = directory_->read_models();
    projector.journal_uuid = uuid;
    projector.max_batch_commits = settings.read_models.max_batch_commits;
    projector.max_readers = settings.read_models.max_readers;
    projector.log = [log = log_](const std::string& what) { log->warn("{}", what); };
    projector_ = std::make_unique<projections::Projector>(std::move(projector));
  } catch (const CommandError&) {
    throw;
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  executor_ = journal::make_thread_executor("core");
  auto node_options = settings.node;
  node_options.reads_only = settings.roles.reads;
  node_ = std::make_unique<journal::Node>(*journal_, *codec_, *projector_, clock, randomness, *executor_,
                                          node_options);

  make_duties(settings);
  make_preferred_writers(settings);
  make_erasure();
  make_relay();
  node_->on_accepted([this](const journal::Accepted& accepted) {
    if (writers_) writers_->observe(accepted);
    erasure_->observe(accepted);
    settling_->observe(accepted);
  });
  make_clock_workers();
}

NodeAssembly::~NodeAssembly() {
  stop();
}

void NodeAssembly::make_duties(const Settings& settings) {
  if (!settings.kafka || !has_workers_) {
    duties_ = std::make_unique<journal::AllDuties>();
    return;
  }
  auto options = kafka_options(settings);
  options.log = log_to(log_);
  duties_ = std::make_unique<journal::GroupMember>(std::move(options), "workers");
}

void NodeAssembly::make_preferred_writers(const Settings& settings) {
  if (!settings.kafka || settings.roles.reads) return;
  journal::PreferredWritersOptions options;
  // Another for each copy of a journal: whoever works on one must not hand commands to those on another.
  options.secret = master_->derive("peers/" + kafka_->place());
  options.journal = codec_->journal_uuid();
  options.log = [log = log_](const std::string& what) { log->info("peers: {}", what); };
  std::unique_ptr<journal::Duties> duties;
  if (settings.internal) {
    options.host = settings.internal->host;
    options.port = settings.internal->port;
    options.advertised = settings.internal_advertised;
    auto group = kafka_options(settings);
    group.log = log_to(log_);
    duties = std::make_unique<journal::GroupMember>(std::move(group), "writers");
  }
  try {
    writers_ = std::make_unique<journal::PreferredWriters>(*node_, *projector_, journal::system_clock(),
                                                           journal::system_randomness(), std::move(duties),
                                                           std::move(options));
  } catch (const std::system_error& failure) {
    throw CommandError(ExitCode::failed, "cannot listen on " + to_string(*settings.internal) +
                                             " (--internal): " + failure.code().message() +
                                             ".\nStop what holds the port, or choose another address.");
  }
  if (settings.internal) log_->info("other nodes hand over commands at {}", writers_->address());
  node_->delegate_to(*writers_);
}

void NodeAssembly::make_erasure() {
  auto alive = [tasks = projections::TaskQueries(projector_->readers("tasks"))](
                   const domain::AccountId& account, std::uint32_t limit) {
    std::vector<domain::TaskId> found;
    for (const auto status : {domain::TaskStatus::open, domain::TaskStatus::funding}) {
      const auto left = limit - static_cast<std::uint32_t>(found.size());
      if (left == 0) break;
      for (auto& task : tasks.page({account, status, {}, {}}, 0, left).items)
        found.push_back(std::move(task.state.id));
    }
    return found;
  };
  task_ender_ = std::make_unique<workers::TaskEnder>(
      std::move(alive), [this](journal::Submission submission) { node_->submit(std::move(submission)); },
      journal::system_clock());
  auto kept = [people = projections::WorkerQueries(projector_->readers("workers")),
               assignments = projections::AssignmentQueries(projector_->readers("assignments"))](
                  const domain::WorkerId& worker, std::uint32_t limit) {
    const auto found = people.worker(worker);
    if (!found || found->state.status != domain::WorkerStatus::erased)
      return std::vector<domain::Assignment>();
    return assignments.kept_of(worker, limit);
  };
  work_discarder_ = std::make_unique<workers::WorkDiscarder>(
      std::move(kept), [this](journal::Submission submission) { node_->submit(std::move(submission)); },
      journal::system_clock(), journal::system_randomness());
  workers::ErasureOptions options;
  options.checkpoint_file = directory_->root() / "erasure.json";
  // Mails that --dev kept as files bear their recipient's id in their names.
  options.forget = [folder = directory_->root() / "mail"](const std::string& owner) {
    std::error_code none;
    for (const auto& file : std::filesystem::directory_iterator(folder, none))
      if (file.path().filename().string().find(owner) != std::string::npos)
        std::filesystem::remove(file.path());
  };
  options.log = [log = log_](const std::string& what) { log->info("{}", what); };
  erasure_ = std::make_unique<workers::ErasureWorker>(
      *journal_, *codec_, *node_, *keys_,
      [this](const domain::AccountId& account) { return task_ender_->end_all(account); },
      [this](const domain::WorkerId& worker) { return work_discarder_->discard_all(worker); }, *duties_,
      std::move(options));
}

void NodeAssembly::make_clock_workers() {
  clock_executor_ = journal::make_thread_executor("clock");
  const auto make = [this](workers::ClockWorker::Due due) {
    workers::ClockOptions options;
    options.log = [log = log_](const std::string& what) { log->warn("{}", what); };
    return std::make_unique<workers::ClockWorker>(
        std::move(due), [this](journal::Submission submission) { node_->submit(std::move(submission)); },
        journal::system_clock(), journal::system_randomness(), *clock_executor_, *duties_,
        std::move(options));
  };
  const auto due_of = [](auto queries) {
    return [queries](domain::Timestamp now, const std::optional<projections::DuePlace>& after,
                     std::uint32_t limit) { return workers::acts_of(queries.due(now, after, limit)); };
  };
  deadlines_ = make(due_of(projections::TaskQueries(projector_->readers("tasks"))));
  leases_ = make(due_of(projections::AssignmentQueries(projector_->readers("assignments"))));
  registrations_ = make(due_of(projections::WorkerQueries(projector_->readers("workers"))));
}

void NodeAssembly::make_relay() {
  workers::RelayOptions options;
  options.name = workers::kSettleRelay;
  options.following.checkpoint_file = directory_->root() / "relay-settle.json";
  options.following.markers = workers::settle_markers();
  options.following.max_open = kMaxRelayLane;
  options.following.shared_open = kSharedRelayLanes;
  options.following.log = [log = log_](const std::string& what) { log->warn("{}", what); };
  relay_executor_ = journal::make_thread_executor("relay");
  settling_ = std::make_unique<workers::Relay>(
      workers::settle_effect,
      [this](journal::Submission submission) { node_->submit(std::move(submission)); }, *journal_, *codec_,
      journal::system_clock(), journal::system_randomness(), *relay_executor_, *duties_, std::move(options));
}

void NodeAssembly::keep_private(const Settings& settings) const {
  const auto say = [this](const std::string& what) { log_->warn("{}", what); };
  directory_->keep_private(say);
  // A folder that many nodes share is their administrator's, not one node's.
  if (!settings.media_folder.empty() && !settings.kafka)
    journal::keep_media_private(settings.media_folder, say);
}

// Where keys were wrapped there was a master key; a new one would make everything personal unreadable
// without a word.
void NodeAssembly::open_master_key(const Settings& settings, bool had_keys) {
  const auto file = directory_->master_key_file();
  const bool is_new = !had_keys && !has_content(directory_->journal_file());
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  if (settings.dev && is_new && !unknown && size < journal::MasterKey::kFileBytes) {
    // What the first start of an older program left behind when it was interrupted. Nothing was sealed yet.
    std::filesystem::remove(file);
    log_->warn("{} was not finished; it is made anew, as nothing was sealed with it", file.string());
  }
  if (std::filesystem::symlink_status(file).type() == std::filesystem::file_type::not_found) {
    if (had_keys)
      throw CommandError(ExitCode::failed, "there is no master key at " + file.string() +
                                               ".\nPut the key there that this journal was made with" +
                                               (settings.kafka ? ", from another node." : "."));
    if (!settings.dev || !is_new)
      throw CommandError(ExitCode::failed, "there is no master key at " + file.string() +
                                               ".\nMake one with `groundtruth master-key create --data " +
                                               directory_->root().string() +
                                               "`, and keep a copy of it elsewhere.");
    journal::MasterKey::create(file, journal::system_randomness());
    log_->info("made a master key at {}", file.string());
  }
  master_ = std::make_unique<journal::MasterKey>(journal::MasterKey::load(file));
}

std::unique_ptr<journal::WrappedKeys> NodeAssembly::open_shared_keys(const Settings& settings) {
  auto options = kafka_options(settings);
  options.log = log_to(log_);
  auto shared = journal::open_key_topic(options, directory_->key_table());
  if (!shared->known(journal::kMasterKeyCheck)) refuse_history_without_keys();
  return shared;
}

void NodeAssembly::open_keys(const std::function<void(std::string)>& fatal) {
  const auto file = directory_->keys_file();
  if (!has_content(file)) refuse_lost_keys_file();
  keys_place_ = file.string();
  try {
    keys_ = journal::open_key_store(journal::open_wrapped_keys_file(file, fatal), keys_place_, *master_,
                                    journal::system_randomness());
  } catch (const sqlite::Error& error) {
    throw CommandError(ExitCode::failed,
                       std::string("the data keys cannot be opened: ") + error.what() +
                           (error.is_corrupt() ? ".\nKeep this file, and restore the newest copy of it; the "
                                                 "journal and the read models stay as they are."
                                               : ".\nCheck the disk, and the file's owner and mode."));
  }
}

// Before a new one is made: it would be in the way of the one that is restored.
void NodeAssembly::refuse_lost_keys_file() const {
  journal::KeyAudit audit(*journal_);
  audit.read_on();
  const auto found = journal::compare(audit.owners(), [](const journal::KeyStore::Row&) {});
  if (found.is_loss())
    throw CommandError(ExitCode::failed, "the file is missing or empty: " +
                                             journal::describe_loss(found, directory_->keys_file().string()));
}

// The read models say whose keys there must be, as far as they are, and the journal says the rest: to read
// all of it at each start would take too long. Neither comes from the key store.
void NodeAssembly::check_keys() {
  journal::KeyAudit audit(*journal_);
  try {
    const auto accounts = projector_->checkpoints("accounts"), people = projector_->checkpoints("workers");
    projections::for_each_owner(*projector_, [&audit](std::string owner, bool erased) {
      audit.owners().add(std::move(owner), erased);
    });
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto& behind = accounts[i].seq < people[i].seq ? accounts[i] : people[i];
      if (!accounts[i].exists || !people[i].exists) continue;
      audit.start_behind(journal::partition_at(i), {true, behind.seq, behind.id}, behind.offset + 1);
    }
  } catch (const std::runtime_error& failure) {
    log_->warn(
        "the read models do not say whose data keys there must be ({}): the whole journal is read for it",
        failure.what());
    audit = journal::KeyAudit(*journal_);
  }
  audit.read_on();
  const auto found = audit.check([this](const journal::KeyStore::Row& row) { keys_->for_each(row); });
  if (found.is_loss()) throw CommandError(ExitCode::failed, journal::describe_loss(found, keys_place_));
  for (const auto& owner : found.unmarked) keys_->destroy(owner);
  for (const auto& owner : found.revived) {
    keys_->destroy(owner);
    log_->warn(
        "the data key of {}, who was erased, was there: an older copy of the data keys brought it back, "
        "or this server stopped before it was destroyed. It is destroyed now",
        owner);
  }
}

void NodeAssembly::open_kafka_journal(const Settings& settings) {
  if (settings.dev) journal::KafkaJournal::create_topics(kafka_options(settings));
  auto journal = open_kafka(settings, Use::write, log_to(log_), &kafka_statistics_);
  kafka_ = journal.get();
  journal_ = std::move(journal);
  log_->info("journal: kafka at {}; {}", settings.kafka->brokers, journal_->info().durability);
}

void NodeAssembly::refuse_history_without_keys() const {
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    if (journal_->end_offset(journal::partition_at(i)) > 1)
      throw CommandError(ExitCode::failed,
                         "this journal has a history, and its data keys are not on these brokers.\nWithout "
                         "them everybody in it would look erased; `groundtruth journal copy` brings both.");
}

void NodeAssembly::open_journal(const Settings& settings, const std::function<void(std::string)>& fatal) {
  auto options = journal_options(settings, *directory_);
  options.fatal = fatal;
  auto& clock = journal::system_clock();
  if (settings.dev) {
    auto journal = journal::SqliteJournal::create(std::move(options), clock);
    embedded_ = journal.get();
    journal_ = std::move(journal);
  } else if (std::filesystem::exists(options.file)) {
    auto journal = journal::SqliteJournal::open(std::move(options), clock);
    embedded_ = journal.get();
    journal_ = std::move(journal);
  } else {
    throw CommandError(ExitCode::failed, "there is no journal at " + options.file.string() +
                                             ".\nMake one with `groundtruth journal init --data " +
                                             directory_->root().string() + "`.");
  }
  const auto info = journal_->info();
  log_->info("journal: {} at {}; {}", info.kind, directory_->journal_file().string(), info.durability);
}

bool NodeAssembly::start(const Progress& progress, const std::atomic<bool>& cancel) {
  started_ = true;
  projections::RebuildOptions rebuild;
  rebuild.cancel = &cancel;
  rebuild.progress = [&](const projections::RebuildProgress& step) {
    progress(step.phase, step.records, step.records_known);
  };
  try {
    progress("checking data keys", 0, 0);
    check_keys();
    for (const auto& name : projections::rebuild_empty(*projector_, *journal_, *codec_, rebuild))
      log_->info("built read model {}", name);
  } catch (const projections::RebuildCancelled&) {
    return false;
  } catch (const CommandError&) {
    throw;
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  node_->start();
  if (has_workers_) erasure_->start();
  for (;;) {
    const auto now = status();
    if (has_settled(now)) {
      if (writers_) writers_->start();
      if (has_workers_) start_workers();
      chain_clock_ = std::make_unique<ChainClock>(*node_, journal::system_clock(), *clock_executor_, log_);
      return true;
    }
    if (cancel) return false;
    if (now.partitions.size() == journal::kPartitionTotal) {
      std::uint64_t done = 0, total = 0;
      for (const auto& partition : now.partitions) {
        done += partition.projected_seq;
        total += partition.seq;
      }
      progress("reading", done, total);
    }
    std::this_thread::sleep_for(kPoll);
  }
}

void NodeAssembly::start_workers() {
  deadlines_->start();
  leases_->start();
  registrations_->start();
  settling_->start();
  duties_->start();
}

journal::NodeStatus NodeAssembly::status() {
  auto answer = std::make_shared<std::promise<journal::NodeStatus>>();
  auto result = answer->get_future();
  node_->status([answer](journal::NodeStatus status) { answer->set_value(std::move(status)); });
  return result.get();
}

void NodeAssembly::leave() {
  if (writers_) writers_->leave();
  duties_->leave();
}

void NodeAssembly::stop() {
  if (!node_) return;
  leave();
  // These submit nothing any more; their threads stay for answers on their way.
  chain_clock_.reset();
  deadlines_.reset();
  leases_.reset();
  registrations_.reset();
  settling_->stop();
  if (started_) {
    const auto drained = std::make_shared<std::promise<void>>();
    auto done = drained->get_future();
    node_->drain(std::chrono::steady_clock::now() + kDrain, [drained] { drained->set_value(); });
    done.wait_for(kDrain + std::chrono::seconds(1));
    // The writers' own commits are in the read models then; this waits for those of others.
    const auto deadline = std::chrono::steady_clock::now() + kFlush;
    while (projector_->backlog() > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(kPoll);
  }
  erasure_->stop();
  if (writers_) writers_->stop();
  node_.reset();
  executor_->stop();  // before the things go that the node's tasks use
  projector_.reset();
  embedded_ = nullptr;
  kafka_ = nullptr;
  journal_.reset();
  executor_.reset();
  writers_.reset();
  clock_executor_.reset();
  settling_.reset();
  relay_executor_.reset();
  erasure_.reset();
  duties_.reset();
  codec_.reset();
  keys_.reset();
  directory_.reset();
}

}  // namespace groundtruth::app
