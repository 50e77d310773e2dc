// The failures of a table of aggregates, in words (stream_table.hpp).
#include "projections/stream_table.hpp"

#include <sqlite3.h>

namespace groundtruth::projections {

void throw_unreadable_state(std::string_view what) {
  throw std::runtime_error("a stored aggregate cannot be read (" + std::to_string(what.size()) +
                           " bytes): the file was not written by this version");
}

void throw_version_gap(const journal::Accepted& accepted, const journal::CommittedEvent& event,
                       std::uint32_t have) {
  throw ApplyFailure(accepted.partition, accepted.seq,
                     "stream " + event.stream + ": event " + std::to_string(event.version) +
                         " cannot follow version " + std::to_string(have));
}

void rethrow_write_failure(const sqlite::Error& error, journal::Partition partition, std::uint64_t seq,
                           std::string_view stream) {
  if ((error.code() & 0xff) == SQLITE_CONSTRAINT)
    throw ApplyFailure(partition, seq, "stream " + std::string(stream) + " exists already: " + error.what());
  throw;
}

}  // namespace groundtruth::projections
