// See resources.hpp.
#include "api/groundtruth/resources.hpp"

namespace groundtruth::api::groundtruth {

bool may_own(const Caller& caller, std::string_view id, std::string_view prefix) {
  return domain::is_id(id, prefix) && domain::bucket_of(id) == caller.credential->bucket;
}

projections::TaskCache::Row find_task(const Services& services, const Caller& caller, std::string_view id) {
  if (!may_own(caller, id, kTaskPrefix)) return nullptr;
  auto task = services.tasks.task(domain::TaskId{std::string(id)});
  if (task && task->state.account != caller.account()) return nullptr;
  return task;
}

std::optional<domain::Assignment> find_submission(const Services& services, const Caller& caller,
                                                  std::string_view id) {
  if (!may_own(caller, id, kSubmissionPrefix)) return std::nullopt;
  auto found = services.assignments.of_submission(domain::SubmissionId{std::string(id)});
  if (!found || found->state.account != caller.account()) return std::nullopt;
  return std::move(found->state);
}

}  // namespace groundtruth::api::groundtruth
