// Reads of the commands projection: which commands and keyed requests a partition has seen in the last 25
// hours of its own time (JOURNAL, Writer 9), and how far relays have come.
//
// Threads: the free functions use the caller's connection; CommandQueries leases one for each call. Errors:
// sqlite::Error.
#pragma once

#include <optional>
#include <string_view>

#include "journal/read_models.hpp"
#include "projections/read_pool.hpp"

namespace groundtruth::projections {

std::optional<journal::PastCommand> find_command(sqlite::Connection& connection, journal::Partition partition,
                                                 const domain::CommandId& id);
std::optional<journal::PastCommand> find_key(sqlite::Connection& connection, journal::Partition partition,
                                             const journal::CommandKey& key);
std::optional<journal::RelayMark> relay_mark(sqlite::Connection& connection, journal::Partition partition,
                                             std::string_view relay);

class CommandQueries {
 public:
  explicit CommandQueries(ReadPool& readers) : readers_(&readers) {}

  std::optional<journal::PastCommand> command(journal::Partition partition,
                                              const domain::CommandId& id) const {
    const auto lease = readers_->lease();
    return find_command(*lease, partition, id);
  }
  std::optional<journal::PastCommand> keyed(journal::Partition partition,
                                            const journal::CommandKey& key) const {
    const auto lease = readers_->lease();
    return find_key(*lease, partition, key);
  }

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
