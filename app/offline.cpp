// See offline.hpp.
#include "app/offline.hpp"

#include <cstdio>

#include "app/terminal.hpp"

namespace groundtruth::app {
namespace {

[[noreturn]] void fail_in_use(const std::runtime_error& in_use) {
  throw CommandError(
      ExitCode::unreachable,
      std::string(in_use.what()) + ".\nThat process does not answer (yet); try again when it is ready.");
}

}  // namespace

Settings settings_for(const ServerTarget& target) {
  CommandLine line;
  line.data = target.data.string();
  line.journal = target.journal;
  line.brokers = target.brokers;
  line.dev = target.dev;
  return load_settings(target.config, line);
}

LocalJournal lock_local(const ServerTarget& target, journal::DataDirectory::Absent absent) {
  LocalJournal local{settings_for(target), nullptr, nullptr};
  try {
    local.directory = std::make_unique<journal::DataDirectory>(target.data, absent, journal::system_clock());
    local.directory->keep_private(
        [](const std::string& what) { std::fprintf(stderr, "groundtruth: %s\n", printable(what).c_str()); });
  } catch (const journal::DataDirectoryInUse& in_use) {
    fail_in_use(in_use);
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  return local;
}

LocalJournal open_local_journal(const ServerTarget& target) {
  LocalJournal remote{settings_for(target), nullptr, nullptr};
  if (remote.settings.kafka) {  // whoever audits it needs no data directory
    remote.journal = open_kafka(remote.settings, Use::read);
    return remote;
  }
  auto local = lock_local(target, journal::DataDirectory::Absent::refuse);
  auto options = journal_options(local.settings, *local.directory);
  if (!std::filesystem::exists(options.file))
    throw CommandError(ExitCode::failed, "there is no journal at " + options.file.string() +
                                             ".\nMake one with `groundtruth journal init --data " +
                                             target.data.string() + "`.");
  try {
    local.journal = journal::SqliteJournal::open(std::move(options), journal::system_clock());
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  return local;
}

std::unique_ptr<NodeAssembly> open_local_node(const ServerTarget& target) {
  auto settings = settings_for(target);
  settings.log.level = "warning";
  // It takes this one command. On Kafka others may be at work, who need not share it out for so short a time.
  settings.roles = {.api = true, .workers = !settings.kafka, .reads = false};
  // A probe first: who holds the directory is told apart from everything else that may be wrong.
  lock_local(target, journal::DataDirectory::Absent::refuse);
  auto log = make_logger(settings.log);
  auto node = std::make_unique<NodeAssembly>(settings, log, [log](const std::string& what) {
    log->critical("{}", what);
    std::_Exit(static_cast<int>(ExitCode::broken));
  });
  ProgressBar bar("reading the journal");
  const std::atomic<bool> never{false};
  node->start([&](const std::string& phase, std::uint64_t done,
                  std::uint64_t total) { bar.update(done, total, phase); },
              never);
  return node;
}

}  // namespace groundtruth::app
