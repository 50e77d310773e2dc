// The SQL behind look-ups of past commands and relay marks.
#include "projections/commands/queries.hpp"

#include "projections/commands/request_hash.hpp"
#include "projections/place.hpp"
#include "projections/stream_key.hpp"

namespace groundtruth::projections {
namespace {

// The first that was accepted, of those that are not gone yet. A row is looked at before its cutoff is: most
// look-ups find nothing.
std::optional<journal::PastCommand> past(sqlite::Connection& connection, sqlite::Statement found,
                                         journal::Partition partition, std::string_view key) {
  const auto first = place_of(partition, 0);
  found.bind_blob(1, key).bind(2, first).bind(3, first + (std::int64_t{1} << kSeqBits));
  std::optional<std::int64_t> cutoff;
  while (found.step()) {
    if (!cutoff) {
      auto statement = connection.cached("SELECT at FROM cutoffs WHERE partition = ?1");
      statement.bind(1, static_cast<std::int64_t>(journal::index_of(partition)));
      cutoff = statement.step() ? statement.int64(0) : 0;
    }
    if (found.int64(1) < *cutoff) continue;
    return journal::PastCommand{seq_of(found.int64(0)), static_cast<std::uint64_t>(found.int64(2)),
                                unpack_request_hash(found.blob(3))};
  }
  return std::nullopt;
}

}  // namespace

std::optional<journal::PastCommand> find_command(sqlite::Connection& connection, journal::Partition partition,
                                                 const domain::CommandId& id) {
  if (id.empty()) return std::nullopt;
  const Snapshot snapshot(connection);
  return past(connection,
              connection.cached("SELECT place, at, offset, request_hash FROM seen WHERE command = ?1 AND "
                                "place >= ?2 AND place < ?3 ORDER BY place"),
              partition, stream_key(id.value));
}

std::optional<journal::PastCommand> find_key(sqlite::Connection& connection, journal::Partition partition,
                                             const journal::CommandKey& key) {
  const Snapshot snapshot(connection);
  return past(connection,
              connection.cached("SELECT place, at, offset, request_hash FROM seen WHERE key = ?1 AND "
                                "place >= ?2 AND place < ?3 ORDER BY place"),
              partition, {reinterpret_cast<const char*>(key.data()), key.size()});
}

std::optional<journal::RelayMark> relay_mark(sqlite::Connection& connection, journal::Partition partition,
                                             std::string_view relay) {
  auto statement = connection.cached("SELECT seq, event FROM relays WHERE partition = ?1 AND relay = ?2");
  statement.bind(1, static_cast<std::int64_t>(journal::index_of(partition))).bind_text(2, relay);
  if (!statement.step()) return std::nullopt;
  return journal::RelayMark{static_cast<std::uint64_t>(statement.int64(0)),
                            static_cast<std::uint32_t>(statement.int64(1))};
}

}  // namespace groundtruth::projections
