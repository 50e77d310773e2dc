// Reads of the assignments projection: a worker's hold on a task, submissions, and what time is to act on.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error; a missing row is nullopt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "domain/assignment.hpp"
#include "projections/due.hpp"
#include "projections/read_pool.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

// Of one task. Times are of the submission.
struct SubmissionFilter {
  domain::TaskId task;
  domain::AssignmentStatus status = domain::AssignmentStatus::approved;  // pending, approved or rejected
};

// Submissions of one filter in the order of their lists, newest first, a few at a time. Between two calls it
// holds nothing but its place, so it may be slow; what is new meanwhile does not come, and what changes its
// status may.
class SubmissionWalk {
 public:
  SubmissionWalk(ReadPool& readers, SubmissionFilter filter);
  // Appends up to `limit`; false: there are no more.
  bool next(std::uint32_t limit, const std::function<void(const domain::Assignment&)>& take);

 private:
  ReadPool* readers_;
  SubmissionFilter filter_;
  std::int64_t created_at_, row_;
};

class AssignmentQueries {
 public:
  explicit AssignmentQueries(ReadPool& readers) : readers_(&readers) {}

  std::optional<Versioned<domain::Assignment>> assignment(const domain::AssignmentId& id) const;
  // True while the worker may not take that task: they hold a lease, or have submitted.
  bool is_held(const domain::AssignmentId& id) const;
  // What a worker holds at `now`, and how their leases ended. Of those that ended without work, so many at
  // most are counted.
  domain::LeaseRecord lease_record(const domain::WorkerId& worker, domain::Timestamp now,
                                   std::uint32_t most_fruitless) const;
  std::optional<Versioned<domain::Assignment>> of_submission(const domain::SubmissionId& id) const;

  // Newest first. 1 ≤ limit ≤ kMaxPage.
  Page<domain::Assignment> page(const SubmissionFilter& filter, std::uint64_t offset,
                                std::uint32_t limit) const;
  // Behind `after`, the last submission of the page before. nullopt: it is none of this task.
  std::optional<Page<domain::Assignment>> page_after(const SubmissionFilter& filter,
                                                     const std::optional<domain::SubmissionId>& after,
                                                     std::uint32_t limit) const;
  SubmissionWalk walk(SubmissionFilter filter) const { return {*readers_, std::move(filter)}; }

  // Contested submissions, the longest waiting first, behind `after` where it is given. nullopt: `after` is
  // no submission that ever waited here.
  std::optional<Page<domain::Assignment>> contests_after(const std::optional<domain::SubmissionId>& after,
                                                         std::uint32_t limit) const;

  // Of a worker: leases, and what was rejected and whose media is still there; at most `limit`.
  std::vector<domain::Assignment> kept_of(const domain::WorkerId& worker, std::uint32_t limit) const;

  // Leases, reviews and times to contest that ended at or before `now` (due.hpp).
  DueLook<domain::PassTime> due(domain::Timestamp now, const std::optional<DuePlace>& after,
                                std::uint32_t limit) const;

 private:
  ReadPool* readers_;
};

}  // namespace groundtruth::projections
