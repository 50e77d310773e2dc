// A data directory that no server holds, opened by the command line itself.
#pragma once

#include <memory>

#include "app/node_assembly.hpp"
#include "app/ops_client.hpp"
#include "journal/data_directory.hpp"
#include "journal/sqlite/sqlite_journal.hpp"

namespace groundtruth::app {

// The journal alone, for what needs no keys and no read models.
struct LocalJournal {
  Settings settings;
  std::unique_ptr<journal::DataDirectory> directory;  // holds the lock; null for a journal on Kafka
  std::unique_ptr<journal::Journal> journal;
};

// What the command line says of a server that does not run; throws CommandError.
Settings settings_for(const ServerTarget& target);
inline bool is_on_kafka(const ServerTarget& target) {
  return settings_for(target).kafka.has_value();
}

// Throws CommandError: `unreachable` when a process holds the directory and does not answer, `failed`
// otherwise.
LocalJournal lock_local(const ServerTarget& target, journal::DataDirectory::Absent absent);
LocalJournal open_local_journal(const ServerTarget& target);

// The whole node without any server, its read models at the journal's head.
std::unique_ptr<NodeAssembly> open_local_node(const ServerTarget& target);

}  // namespace groundtruth::app
