// See verify_report.hpp.
#include "api/ops/verify_report.hpp"

#include <memory>

#include "journal/codec/json_writer.hpp"

namespace groundtruth::ops {
namespace {

struct Cancelled : std::runtime_error {
  Cancelled() : std::runtime_error("the audit was cancelled") {}
};

}  // namespace

VerifyView view_of(const journal::VerifyReport& report) {
  VerifyView view;
  view.sound = report.sound();
  view.journal = report.journal_uuid;
  view.records = report.records;
  view.commits = report.commits;
  view.orphans = report.orphans;
  view.bytes = report.bytes;
  if (report.problem) view.problem = journal::to_string(*report.problem);
  for (const auto& each : report.partitions) {
    VerifiedRow row{journal::to_string(each.partition), each.commits, each.orphans, each.bytes, {}, {}, {}};
    if (each.head.exists) {
      row.seq = each.head.seq;
      row.id = journal::to_hex(each.head.id);
    }
    if (each.problem) row.problem = journal::to_string(*each.problem);
    view.partitions.push_back(std::move(row));
  }
  return view;
}

void add_findings(VerifyView& view, const journal::KeyFindings& found, const std::string& place) {
  for (const auto& owner : found.revived)
    view.notes.push_back(
        "the data key of " + owner +
        ", who was erased, is not destroyed: that was under way, or an older copy of the keys "
        "brought it back; the next start destroys it");
  if (!found.is_loss()) return;
  view.sound = false;
  view.problem = journal::describe_loss(found, place);
}

std::uint64_t records_in(const journal::Journal& journal) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    total += journal.end_offset(journal::partition_at(i));
  return total;
}

journal::VerifyOptions counting_options(std::uint64_t total, VerifyProgress progress) {
  struct Count {
    std::uint64_t before = 0;  // in partitions that are done
    std::optional<journal::Partition> current;
    std::uint64_t in_current = 0;
  };
  journal::VerifyOptions options;
  options.progress = [count = std::make_shared<Count>(), total, progress = std::move(progress)](
                         journal::Partition partition, std::uint64_t next_offset, std::uint64_t) {
    if (count->current != partition) {
      count->before += count->in_current;
      count->current = partition;
    }
    count->in_current = next_offset;
    progress(count->before + count->in_current, total);
  };
  return options;
}

void verify_live(const journal::Journal& journal, const journal::CommitCodec& codec, Report& report) {
  auto options = counting_options(records_in(journal), [&report](std::uint64_t done, std::uint64_t total) {
    if (report.cancelled()) throw Cancelled();
    report.progress("reading", done, total);
  });
  journal::KeyAudit audit(journal);
  options.decode = [&](journal::Partition, const journal::Record& record) {
    audit.owners().look(*record.value);
    try {
      codec.decode(*record.value);
    } catch (const journal::LostKey&) {
      // It is told below, with all others, unless its owner was erased.
    }
  };
  const auto read = journal::verify_journal(journal, options);
  auto view = view_of(read);
  for (const auto& each : read.partitions) audit.start_behind(each.partition, each.head, each.records);
  if (read.sound())  // what is wrong with the journal comes first
    add_findings(view, audit.check([&](const journal::KeyStore::Row& row) { codec.keys().for_each(row); }),
                 "of this server");
  report.result(journal::codec::to_json(view));
}

}  // namespace groundtruth::ops
