// `groundtruth journal`: make it, look at it, audit it; by the operator API, or on the files where no server
// runs.

#include "api/ops/journal_report.hpp"
#include "api/ops/verify_report.hpp"
#include "app/commands.hpp"
#include "app/offline.hpp"
#include "app/result_stream.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/copy.hpp"
#include "journal/genesis.hpp"
#include "journal/key_audit.hpp"

namespace groundtruth::app {
namespace {

void print_stat(const ops::JournalStat& stat) {
  Table table({{"PARTITION"}, {"SEQ", Table::Align::right}, {"HEAD"}, {"ORPHANS", Table::Align::right}});
  std::size_t only_genesis = 0;
  std::uint64_t commits = 0;
  for (const auto& each : stat.partitions) {
    commits += each.seq + 1;
    if (each.seq == 0 && each.orphans == 0) {
      ++only_genesis;
      continue;
    }
    table.add({each.topic + "/" + std::to_string(each.partition), grouped(each.seq),
               each.id.substr(0, 16) + "…", grouped(each.orphans)});
  }
  if (!table.empty()) put(table.render());
  put((table.empty() ? "" : "\n") + grouped(commits) + " commits in " +
      std::to_string(stat.partitions.size()) + " partitions, " + std::to_string(only_genesis) +
      " of which hold their genesis alone.\n");
}

void print_verified(const ops::VerifyView& view) {
  Table table({{"PARTITION"},
               {"COMMITS", Table::Align::right},
               {"ORPHANS", Table::Align::right},
               {"BYTES", Table::Align::right},
               {"PROBLEM"}});
  for (const auto& each : view.partitions)
    if (each.commits > 1 || each.orphans > 0 || each.problem)
      table.add({each.partition, grouped(each.commits), grouped(each.orphans), human_bytes(each.bytes),
                 each.problem.value_or("")});
  if (!table.empty()) put(table.render() + "\n");
  put("journal " + (view.journal.empty() ? "without a genesis" : view.journal) + ": " +
      grouped(view.commits) + " commits, " + grouped(view.orphans) + " orphans, " + human_bytes(view.bytes) +
      "\n");
  for (const auto& note : view.notes) put("note: " + printable(note) + "\n");
  put(view.sound ? "sound: every commit follows the one before it, byte for byte\n" : "NOT SOUND\n");
}

ops::VerifyView verify_by_server(HttpClient& server) {
  return read_answer<ops::VerifyView>(run_streamed(server, "/ops/journal/verify", "verifying"));
}

// What this end keeps of Kafka's keys on this disk: removed with it.
class ScratchFile {
 public:
  ScratchFile() : folder_((std::filesystem::temp_directory_path() / "groundtruth-XXXXXX").string()) {
    if (::mkdtemp(folder_.data()) == nullptr)
      throw CommandError(ExitCode::failed, "no directory can be made at " + folder_);
  }
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  std::filesystem::path path() const { return std::filesystem::path(folder_) / "keys.db"; }

 private:
  std::string folder_;
};

// Where the data keys are that no server has open; null: there are none.
std::unique_ptr<journal::WrappedKeys> open_keys_of(const LocalJournal& local, const ScratchFile& scratch) {
  if (local.settings.kafka) return journal::open_key_topic(kafka_options(local.settings), scratch.path());
  const auto file = local.directory->keys_file();
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  if (unknown || size == 0) return nullptr;  // an empty one would be made: nothing is to change here
  return journal::open_wrapped_keys_file(file);
}

// Every row of a key store, for who has no master key: what is there may be damaged.
journal::AllKeys rows_of(journal::WrappedKeys& keys) {
  return [&keys](const journal::KeyStore::Row& row) {
    keys.for_each([&](const std::string& owner, const journal::WrappedKey& key) {
      using State = journal::KeyStore::State;
      if (owner != journal::kMasterKeyCheck) row(owner, key.is_destroyed() ? State::destroyed : State::live);
    });
  };
}

// Whether the keys are there, and, where the master key lies beside them, whether they open with it.
void check_keys(ops::VerifyView& view, journal::SealedOwners& owners, const LocalJournal& local,
                const std::filesystem::path& data) {
  const ScratchFile scratch;
  const auto place = local.settings.kafka ? "the topic on Kafka" : local.directory->keys_file().string();
  journal::AllKeys all = [](const journal::KeyStore::Row&) {};
  try {
    auto wrapped = open_keys_of(local, scratch);
    std::unique_ptr<journal::KeyStore> keys;
    const auto master = data / "master.key";
    if (wrapped && std::filesystem::exists(master)) {
      keys = journal::open_key_store(std::move(wrapped), place, journal::MasterKey::load(master),
                                     journal::system_randomness());
      all = [&](const journal::KeyStore::Row& row) { keys->for_each(row); };
    } else if (wrapped) {
      view.notes.push_back("there is no master key at " + master.string() +
                           ": whether the data keys open with it was not tried");
      all = rows_of(*wrapped);
    }
    auto found = journal::compare(owners, all);
    if (local.settings.kafka) found.destroyed.clear();  // other nodes may erase somebody meanwhile
    ops::add_findings(view, found, place);
  } catch (const std::runtime_error& failure) {
    view.sound = false;
    view.problem =
        std::string("the data keys cannot be read: ") + failure.what() +
        ". Keep what is there, and restore the newest copy of the data keys and of the master key; "
        "the journal and the read models stay as they are. With --chain-only the journal is read "
        "without them";
  }
}

ops::VerifyView verify_by_reading(const ServerTarget& target, const VerifyOptions& how) {
  ProgressBar bar("verifying");
  auto options =
      ops::counting_options(0, [&](std::uint64_t done, std::uint64_t) { bar.update(done, 0, "records"); });
  journal::SealedOwners owners;
  if (!how.chain_only)
    options.decode = [&owners](journal::Partition, const journal::Record& record) {
      owners.look(*record.value);
    };
  LocalJournal local{settings_for(target), nullptr, nullptr};
  journal::VerifyReport report;
  if (local.settings.kafka) {  // whoever audits it needs no data directory
    if (how.repair_marker) throw CommandError(ExitCode::usage, "--repair-marker is for the embedded journal");
    local.journal = open_kafka(local.settings, Use::read);
    report = journal::verify_journal(*local.journal, options);
  } else {
    local = lock_local(target, journal::DataDirectory::Absent::refuse);
    report = journal::verify_sqlite_journal(journal_options(local.settings, *local.directory),
                                            journal::system_clock(), options, how.repair_marker);
  }
  auto view = ops::view_of(report);
  // What is wrong with the journal comes first.
  if (view.sound && !how.chain_only) check_keys(view, owners, local, target.data);
  return view;
}

// One end of a copy.
struct End {
  LocalJournal local;
  std::string place;  // for people
  std::unique_ptr<journal::WrappedKeys> keys;
};

End open_end(const CommonOptions& common, const std::string& text, Use use, const ScratchFile& scratch) {
  constexpr std::string_view kSqlite = "sqlite:", kKafka = "kafka:";
  ServerTarget target = common.target;
  if (text.starts_with(kKafka)) {
    target.journal = "kafka";
    target.brokers = text.substr(kKafka.size());
    LocalJournal local{settings_for(target), nullptr, nullptr};
    const auto options = kafka_options(local.settings);
    if (use == Use::write) journal::KafkaJournal::create_topics(options);
    local.journal = open_kafka(local.settings, use);
    return {std::move(local), "Kafka at " + *target.brokers,
            journal::open_key_topic(options, scratch.path())};
  }
  if (!text.starts_with(kSqlite))
    throw CommandError(ExitCode::usage, "'" + printable(text) +
                                            "' is no journal; write sqlite:DIRECTORY or kafka:HOST:PORT,…");
  target.journal = "sqlite";
  target.brokers.reset();
  target.data = text.substr(kSqlite.size());
  target.ops.clear();
  if (find_server(target))
    throw CommandError(ExitCode::failed, "a server runs on " + target.data.string() + "; stop it first");
  const auto with_keys = [&target](LocalJournal local) {
    auto keys = journal::open_wrapped_keys_file(local.directory->keys_file());
    return End{std::move(local), target.data.string(), std::move(keys)};
  };
  if (use == Use::read) return with_keys(open_local_journal(target));
  auto local = lock_local(target, journal::DataDirectory::Absent::create);
  local.journal = journal::SqliteJournal::create(journal_options(local.settings, *local.directory),
                                                 journal::system_clock());
  return with_keys(std::move(local));
}

// A copy without them would be of a history that nobody can read.
void refuse_incomplete_keys(const End& source) {
  journal::KeyAudit audit(*source.local.journal);
  audit.read_on();
  const auto found = audit.check(rows_of(*source.keys));
  if (found.is_loss()) throw CommandError(ExitCode::failed, journal::describe_loss(found, source.place));
}

}  // namespace

ExitCode journal_copy(const CommonOptions& common, const std::string& from, const std::string& to) {
  if (from == to) throw CommandError(ExitCode::usage, "--from and --to name the same journal");
  try {
    const ScratchFile scratch;
    const auto source = open_end(common, from, Use::read, scratch);
    const auto target = open_end(common, to, Use::write, scratch);
    refuse_incomplete_keys(source);
    const auto keys = journal::copy_keys(*source.keys, *target.keys);
    journal::CopyReport report;
    {
      ProgressBar bar("copying");
      report =
          journal::copy_journal(*source.local.journal, *target.local.journal,
                                [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
    }
    if (common.json) {
      put("{\"journal\":\"" + report.journal_uuid + "\",\"records\":" + std::to_string(report.records) +
          ",\"commits\":" + std::to_string(report.commits) +
          ",\"orphans\":" + std::to_string(report.orphans) + ",\"bytes\":" + std::to_string(report.bytes) +
          ",\"appended\":" + std::to_string(report.appended) + ",\"keys\":" + std::to_string(keys) + "}\n");
      return ExitCode::ok;
    }
    put("journal " + report.journal_uuid + ": " + grouped(report.records) + " records, " +
        human_bytes(report.bytes) + ", in " + source.place + " and in " + target.place + "; " +
        grouped(report.appended) + " of them were copied now\n");
    put("sound: both were read commit by commit and end with the same heads\n");
    put(grouped(keys) +
        " data keys were copied in wrapped form: they need the same master key. "
        "The master key and media were not copied: take them along with the data directory.\n");
  } catch (const CommandError&) {
    throw;
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  return ExitCode::ok;
}

ExitCode journal_init(const CommonOptions& common) {
  if (find_server(common.target))
    throw CommandError(ExitCode::failed,
                       "a server runs on " + common.target.data.string() + ": its journal is there already");
  auto local = lock_local(common.target, journal::DataDirectory::Absent::create);
  try {
    if (local.settings.kafka) {
      journal::KafkaJournal::create_topics(kafka_options(local.settings));
      local.journal = open_kafka(local.settings, Use::write);
    } else {
      refuse_keys_without_journal(*local.directory);
      local.journal = journal::SqliteJournal::create(journal_options(local.settings, *local.directory),
                                                     journal::system_clock());
    }
    const auto uuid = journal::init_journal(*local.journal, journal::new_uuid(journal::system_randomness()),
                                            journal::system_clock());
    if (common.json) {
      put("{\"journal\":\"" + uuid + "\"}\n");
    } else {
      put("journal " + uuid + " at " +
          (local.settings.kafka ? local.settings.kafka->brokers : local.directory->journal_file().string()) +
          "\n");
      if (!std::filesystem::exists(local.directory->master_key_file()))
        put("Next, make its master key, and keep a copy of it elsewhere:\n  groundtruth master-key create "
            "--data " +
            local.directory->root().string() + "\n");
    }
  } catch (const CommandError&) {
    throw;
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  return ExitCode::ok;
}

ExitCode journal_stat(const CommonOptions& common) {
  ops::JournalStat stat;
  if (auto server = find_server(common.target)) {
    const auto json = success(server->get("/ops/journal"));
    if (common.json) {
      put(json);
      return ExitCode::ok;
    }
    stat = read_answer<ops::JournalStat>(json);
  } else {
    const auto local = open_local_journal(common.target);
    ProgressBar bar("reading the journal");
    stat = ops::stat_by_reading(*local.journal,
                                [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total); });
  }
  if (common.json) {
    put(journal::codec::to_json(stat) + "\n");
  } else {
    print_stat(stat);
  }
  return ExitCode::ok;
}

ExitCode journal_cat(const CommonOptions& common, const std::string& partition, bool raw) {
  const auto parsed = journal::parse_partition(partition);
  if (!parsed)
    throw CommandError(ExitCode::usage,
                       "'" + printable(partition) +
                           "' is no partition; write TOPIC/NUMBER, e.g. tasks/3. `groundtruth journal "
                           "stat` lists them.");
  if (auto server = find_server(common.target)) {
    HttpClient::Call call;
    call.path = "/ops/journal/" + journal::to_string(*parsed) + (raw ? "?raw=true" : "");
    call.on_data = put;
    success(server->send(call));
    return ExitCode::ok;
  }
  const auto local = open_local_journal(common.target);
  ops::CommitStream stream(*local.journal, *parsed, raw);
  std::string piece;
  for (bool more = true; more; piece.clear()) {
    more = stream.next(piece);
    put(piece);
  }
  return ExitCode::ok;
}

ExitCode journal_verify(const CommonOptions& common, const VerifyOptions& options) {
  auto server = find_server(common.target);
  if (server && options.repair_marker)
    throw CommandError(ExitCode::failed,
                       "--repair-marker is for a journal that no server has open; stop the server first");
  const auto view = server ? verify_by_server(*server) : verify_by_reading(common.target, options);
  if (common.json) {
    put(journal::codec::to_json(view) + "\n");
  } else {
    print_verified(view);
  }
  if (view.sound) return ExitCode::ok;
  throw CommandError(ExitCode::verification_failed,
                     printable(view.problem.value_or("the journal is not sound")));
}

}  // namespace groundtruth::app
