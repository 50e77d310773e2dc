// Reading a journal that may be away for a while (contract in journal.hpp).
#include "journal/journal.hpp"

#include <thread>

namespace groundtruth::journal {

std::vector<Record> read_patiently(const Journal& journal, Partition partition, std::uint64_t from,
                                   std::size_t max_records, std::size_t max_bytes,
                                   std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kPause{200};
  const auto until = std::chrono::steady_clock::now() + patience;
  while (true) {
    try {
      auto found = journal.read(partition, from, max_records, max_bytes);
      const bool is_there = journal.end_offset(partition) > from && max_records > 0;
      if (!found.empty() || !is_there || std::chrono::steady_clock::now() >= until) return found;
    } catch (const JournalUnavailable&) {
      if (std::chrono::steady_clock::now() >= until) throw;
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace groundtruth::journal
