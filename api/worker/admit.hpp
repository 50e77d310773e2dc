// Who may send a large body: whoever holds the task that it is for. Found out before the body is read, for a
// stranger's ten megabytes cost as much as anybody's.
#pragma once

#include <optional>

#include "api/common/problem.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

struct HeldWork {
  std::optional<projections::Versioned<domain::Assignment>> assignment;  // the caller's on that task
  bool holds_lease = false;
  std::optional<Problem> behind;  // the read models are, and it cannot be known
};
// A lease may have been given a moment ago and cannot be seen yet: that is waited for. One that is seen was
// not given back since: that is answered when it can be seen.
http::Async<HeldWork> find_work(Services& services, const http::Request& request, domain::TaskId task);

// For routes of a task that take large bodies (Route::admit). A small body is let through: the chain answers
// it, so that a retry gets the same answer.
http::Async<std::optional<http::Response>> admit_work(Services& services, http::Request& request);

}  // namespace groundtruth::api::worker
