// `groundtruth master-key` and `groundtruth keys`: the key that wraps all others is made, and lost ones are
// given up, where no server runs.

#include "app/commands.hpp"
#include "app/offline.hpp"
#include "app/terminal.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/key_audit.hpp"
#include "journal/wrapped_keys.hpp"

namespace groundtruth::app {

ExitCode master_key_create(const CommonOptions& common) {
  if (find_server(common.target))
    throw CommandError(ExitCode::failed,
                       "a server runs on " + common.target.data.string() + ": it has its master key already");
  const auto local = lock_local(common.target, journal::DataDirectory::Absent::create);
  const auto file = local.directory->master_key_file();
  std::error_code unknown;
  // Another key would make what these hold unreadable for ever, and look as if it had worked.
  if (const auto keys = std::filesystem::file_size(local.directory->keys_file(), unknown);
      !unknown && keys > 0)
    throw CommandError(ExitCode::failed,
                       local.directory->keys_file().string() +
                           " holds data keys that another master key wraps.\nPut that one at " +
                           file.string() + "; a new one could not open them.");
  try {
    journal::MasterKey::create(file, journal::system_randomness());
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  if (common.json) {
    put("{\"file\":" + journal::codec::to_json(file.string()) + "}\n");
    return ExitCode::ok;
  }
  put("made a master key at " + file.string() +
      "\nKeep a copy of it elsewhere: without it the personal data in the journal cannot be read, and "
      "whoever "
      "has it and the data keys can read that. On Kafka, all nodes of a journal are given this one.\n");
  return ExitCode::ok;
}

ExitCode keys_give_up(const CommonOptions& common) {
  if (find_server(common.target))
    throw CommandError(ExitCode::failed,
                       "a server runs on " + common.target.data.string() + "; stop it first");
  const auto local = open_local_journal(common.target);
  std::vector<std::string> given_up;
  try {
    const auto place = local.directory->keys_file().string();
    const auto master = journal::MasterKey::load(local.directory->master_key_file());
    const auto keys = journal::open_key_store(journal::open_wrapped_keys_file(place), place, master,
                                              journal::system_randomness());
    journal::KeyAudit audit(*local.journal);
    audit.read_on();
    auto found = audit.check([&](const journal::KeyStore::Row& row) { keys->for_each(row); });
    given_up = std::move(found.lost);
    given_up.insert(given_up.end(), found.damaged.begin(), found.damaged.end());
    given_up.insert(given_up.end(), found.destroyed.begin(), found.destroyed.end());
    for (const auto& owner : given_up) {
      keys->destroy(std::string(journal::kGivenUp) +
                    owner);  // first: without it the next would be a loss too
      keys->destroy(owner);
    }
  } catch (const std::runtime_error& failure) {
    throw CommandError(ExitCode::failed, failure.what());
  }
  if (common.json) {
    put("{\"given_up\":" + journal::codec::to_json(given_up) + "}\n");
    return ExitCode::ok;
  }
  for (const auto& owner : given_up) put(printable(owner) + "\n");
  put(given_up.empty()
          ? "no data key is lost\n"
          : "What these said of themselves can never be read again, and they cannot log in.\nErase them "
            "on the running server, and their addresses are free: groundtruth account erase ID\n");
  return ExitCode::ok;
}

}  // namespace groundtruth::app
