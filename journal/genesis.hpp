// Genesis: the first record of every partition, written once by `groundtruth journal init` (JOURNAL,
// "Record").
#pragma once

#include <stdexcept>
#include <string>

#include "journal/journal.hpp"
#include "journal/ports.hpp"

namespace groundtruth::journal {

// The journal is not one that this program may serve; the message names the partition and the mend.
struct BadGenesis : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Writes genesis into every partition that is empty and checks all others. An interrupted run is finished by
// the next one: where a partition has a genesis already, its UUID is taken for the rest instead of `uuid`.
// Returns the journal's UUID. Waits for the journal's reports, so it must not be called on the journal's own
// thread. Throws BadGenesis, and std::runtime_error when the journal refuses to write.
std::string init_journal(Journal& journal, const std::string& uuid, const Clock& clock);

// The UUID of a journal that was initialised completely. Throws BadGenesis.
std::string check_genesis(const Journal& journal);

}  // namespace groundtruth::journal
