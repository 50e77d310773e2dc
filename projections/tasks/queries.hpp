// Reads of the tasks projection: a task, and an account's list of tasks.
//
// Threads: any; each call leases a connection. Errors: sqlite::Error; a missing row is null or nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "domain/task.hpp"
#include "projections/due.hpp"
#include "projections/read_pool.hpp"
#include "projections/tasks/cache.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

// Whose tasks, and which of them. Times are of `created_at`.
struct TaskFilter {
  domain::AccountId account;
  std::optional<domain::TaskStatus> status;
  std::optional<domain::Timestamp> created_from;   // at or after
  std::optional<domain::Timestamp> created_until;  // before
};

// Lists are newest first: by `created_at`, then by place in the account's chain, which never changes. So a
// walk by `page_after` neither repeats nor skips a task that was there all along, whatever is created or
// changes meanwhile; a task whose status changes comes or goes with the filter.
class TaskQueries {
 public:
  // With a cache, someone must tell it of every commit (cache.hpp).
  explicit TaskQueries(ReadPool& readers, TaskCache* cache = nullptr) : readers_(&readers), cache_(cache) {}

  // Null when there is no such task.
  TaskCache::Row task(const domain::TaskId& id) const;

  // 1 ≤ limit ≤ kMaxPage. Past the end: no items, and the total.
  Page<domain::Task> page(const TaskFilter& filter, std::uint64_t offset, std::uint32_t limit) const;

  // The tasks behind `after` (the last item of the page before); from the start without it. The filter may
  // differ from the page before. nullopt: `after` is no task of this account.
  std::optional<Page<domain::Task>> page_after(const TaskFilter& filter,
                                               const std::optional<domain::TaskId>& after,
                                               std::uint32_t limit) const;

  // Those whose deadline was at or before `now`, the longest overdue first, behind `after` where it is given
  // (due.hpp). At most `limit`, any number.
  DueLook<domain::ExpireTask> due(domain::Timestamp now, const std::optional<DuePlace>& after,
                                  std::uint32_t limit) const;

  // Quick however many there are, unless the filter bounds the time.
  std::uint64_t count(const TaskFilter& filter) const;

 private:
  TaskCache::Row read(const domain::TaskId& id) const;

  ReadPool* readers_;
  TaskCache* cache_;
};

}  // namespace groundtruth::projections
