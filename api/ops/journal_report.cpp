// See journal_report.hpp.
#include "api/ops/journal_report.hpp"

namespace groundtruth::ops {
namespace {

constexpr std::size_t kReadRecords = 4'096;
constexpr std::size_t kReadBytes = 256 * 1024;  // the size of one streamed piece
constexpr std::size_t kStatReadBytes = 4 * 1024 * 1024;

}  // namespace

PartitionStat partition_stat(journal::Partition partition, const journal::Head& head, std::uint64_t orphans) {
  return {std::string(journal::to_string(partition.topic)), partition.number, head.seq,
          journal::to_hex(head.id), orphans};
}

JournalStat stat_by_reading(const journal::Journal& journal, const ReadProgress& progress) {
  std::uint64_t total = 0, done = 0;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    total += journal.end_offset(journal::partition_at(i));
  JournalStat stat;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
    const auto partition = journal::partition_at(i);
    journal::Chain chain;
    std::uint64_t orphans = 0;
    std::uint64_t offset = journal.start_offset(partition);
    for (;;) {
      const auto records = journal::read_patiently(journal, partition, offset, kReadRecords, kStatReadBytes);
      if (records.empty()) break;
      for (const auto& record : records)
        if (!chain.feed(*record.value).accepted) ++orphans;
      offset = records.back().offset + 1;
      done += records.size();
      progress(done, total);
    }
    if (chain.head().exists) stat.partitions.push_back(partition_stat(partition, chain.head(), orphans));
  }
  return stat;
}

CommitStream::CommitStream(const journal::Journal& journal, journal::Partition partition, bool raw)
    : journal_(&journal),
      partition_(partition),
      raw_(raw),
      offset_(journal.start_offset(partition)),
      end_(journal.end_offset(partition)) {}

bool CommitStream::next(std::string& out) {
  const auto length_before = out.size();
  while (offset_ < end_ && out.size() == length_before) {  // a piece of nothing but orphans has no line
    const auto records = journal::read_patiently(*journal_, partition_, offset_, kReadRecords, kReadBytes);
    if (records.empty()) break;
    for (const auto& record : records) {
      offset_ = record.offset + 1;
      if (record.offset >= end_) break;
      const bool accepted = chain_.feed(*record.value).accepted;
      if (raw_) {
        out += std::to_string(record.offset) + ' ' + std::to_string(record.value->size()) + ' ';
      } else if (!accepted) {
        continue;
      }
      out += *record.value;
      out += '\n';
    }
  }
  return out.size() != length_before && offset_ < end_;
}

}  // namespace groundtruth::ops
