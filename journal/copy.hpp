// Moves a journal's history from one log to another, record for record: orphans too, so that every offset,
// and with it every read model and every place of a worker, stays good.
//
// Nobody may write either log meanwhile. What the target already has must be the beginning of the source, so
// a copy that was interrupted goes on where it stopped. Blocks; uses the memory of a few batches. Errors:
// CopyRefused where the logs do not fit together, std::runtime_error where one cannot be read or written;
// each names the partition.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#include "journal/journal.hpp"

namespace groundtruth::journal {

struct CopyRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct CopyReport {
  std::string journal_uuid;
  std::uint64_t records = 0;  // in either log now
  std::uint64_t commits = 0;  // of these, accepted
  std::uint64_t orphans = 0;
  std::uint64_t bytes = 0;
  std::uint64_t appended = 0;  // by this call; the rest was there
};

// `progress` is called now and then with the records done of all partitions. The source is audited while it
// is read and the target after it was written; returns only when both are sound and hold the same.
CopyReport copy_journal(const Journal& from, Journal& to,
                        const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

}  // namespace groundtruth::journal
