// See tasks.hpp.
#include "api/worker/tasks.hpp"

#include <sodium.h>

#include <cstring>

namespace groundtruth::api::worker {
namespace {

constexpr std::string_view kTaskPrefix = "tsk_", kAssignmentPrefix = "asg_";
constexpr std::size_t kTimeAndBucketChars = 12;

}  // namespace

projections::TaskCache::Row find_task(const Services& services, std::string_view id) {
  if (!domain::is_id(id, kTaskPrefix)) return nullptr;
  auto task = services.tasks.task(domain::TaskId{std::string(id)});
  const bool was_open = task && task->state.funded_at;
  return was_open ? task : nullptr;
}

domain::AssignmentId assignment_of(const domain::TaskId& task, const domain::WorkerId& worker) {
  const std::string both = task.value + " " + worker.value;
  domain::RandomBits bits;
  crypto_generichash(reinterpret_cast<unsigned char*>(bits.data()), sizeof bits,
                     reinterpret_cast<const unsigned char*>(both.data()), both.size(), nullptr, 0);
  auto id = domain::encode_id(kAssignmentPrefix, {}, {}, bits);
  id.replace(kAssignmentPrefix.size(), kTimeAndBucketChars, task.value, kTaskPrefix.size(),
             kTimeAndBucketChars);
  return {std::move(id)};
}

}  // namespace groundtruth::api::worker
