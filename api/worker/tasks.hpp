// Tasks as a worker sees them, and the name of their work on one.
#pragma once

#include <string_view>

#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

// Null for tasks that are not there for workers: unknown, or not paid for yet.
projections::TaskCache::Row find_task(const Services& services, std::string_view id);

// A pure function, kept for ever: it is why a worker cannot hold two places of a task. The task's time and
// bucket, and 70 bits of BLAKE2b of both ids.
domain::AssignmentId assignment_of(const domain::TaskId& task, const domain::WorkerId& worker);

}  // namespace groundtruth::api::worker
