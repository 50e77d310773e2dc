// See projection_report.hpp.
#include "api/ops/projection_report.hpp"

#include "projections/digest.hpp"

namespace groundtruth::ops {

ProjectionList list_projections(const projections::Projector& projector, const Heads& heads) {
  ProjectionList list;
  for (const auto& status : projector.status()) {
    ProjectionRow row{status.name, status.version, status.generation, 0, 0, status.failed};
    const auto checkpoints = projector.checkpoints(status.name);
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto seen = checkpoints[i].exists ? static_cast<std::int64_t>(checkpoints[i].seq) + 1 : 0;
      row.commits += static_cast<std::uint64_t>(seen);
      if (heads[i] + 1 > seen) row.lag += static_cast<std::uint64_t>(heads[i] + 1 - seen);
    }
    list.projections.push_back(std::move(row));
  }
  return list;
}

DigestReport digest_projections(projections::Projector& projector) {
  DigestReport report{projector.options().journal_uuid, {}};
  for (const auto& status : projector.status()) {
    // Taken before the walk, so that the walk's content has at least this. A file need not say so itself: it
    // writes down seldom where it stands when commits leave its tables alone.
    auto reached = projector.checkpoints(status.name);
    const auto lease = projector.readers(status.name).lease_lengthy();
    const auto digest = projections::digest_of(*lease, projector.definition(status.name));
    ProjectionDigest row{status.name, status.version, digest.hex, {}};
    for (std::size_t i = 0; i < journal::kPartitionTotal; ++i) {
      const auto& written = digest.checkpoints[i];
      if (written.exists && (!reached[i].exists || reached[i].seq < written.seq)) reached[i] = written;
      if (reached[i].exists) row.positions[journal::to_string(journal::partition_at(i))] = reached[i].seq;
    }
    report.projections.push_back(std::move(row));
  }
  return report;
}

}  // namespace groundtruth::ops
