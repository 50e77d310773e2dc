// Keeping and forgetting of tasks (contract in cache.hpp).
#include "projections/tasks/cache.hpp"

#include <variant>

#include "domain/domain.hpp"

namespace groundtruth::projections {
namespace {

// What an entry takes besides the texts of its task: list and map nodes, and the allocator's rounding.
constexpr std::size_t kOverhead = 512;

std::size_t size_of(const domain::Task& task) {
  return sizeof(Versioned<domain::Task>) + kOverhead + task.title.size() + task.instructions.size() +
         task.metadata.text.size() + task.funding_url.size();
}

}  // namespace

TaskCache::TaskCache(std::size_t max_bytes) : max_shard_bytes_(max_bytes / kShards) {}

TaskCache::Row TaskCache::get(const domain::TaskId& id, std::uint64_t generation,
                              const std::function<Row()>& load) {
  Shard& shard = shard_of(id.value);
  std::uint64_t seen = 0;
  {
    const std::lock_guard lock(shard.mutex);
    if (generation > shard.generation) {
      clear(shard);
      shard.generation = generation;
    }
    const auto found = shard.by_id.find(id.value);
    if (found != shard.by_id.end()) {
      shard.recent.splice(shard.recent.begin(), shard.recent, found->second);
      return found->second->row;
    }
    seen = shard.changes;
  }
  Row row = load();
  if (!row) return row;
  const std::size_t bytes = size_of(row->state);
  const std::lock_guard lock(shard.mutex);
  const bool may_be_old = shard.changes != seen || shard.generation != generation;
  if (may_be_old || bytes > max_shard_bytes_ || shard.by_id.contains(id.value)) return row;
  shard.recent.push_front({id.value, row, bytes});
  shard.by_id.emplace(shard.recent.front().id, shard.recent.begin());
  shard.bytes += bytes;
  while (shard.bytes > max_shard_bytes_) drop(shard, std::prev(shard.recent.end()));
  return row;
}

void TaskCache::observe(const journal::Accepted& accepted) {
  if (!accepted.commit) return;
  for (const auto& event : accepted.commit->events) {
    const bool of_a_task =
        std::visit([]<class E>(const E&) { return domain::EvolvesBy<domain::Task, E>; }, event.data);
    if (of_a_task) forget(event.stream);
    if (std::holds_alternative<domain::AccountErased>(event.data)) forget_all();
  }
}

void TaskCache::drop(Shard& shard, std::list<Entry>::iterator entry) {
  shard.bytes -= entry->bytes;
  shard.by_id.erase(entry->id);
  shard.recent.erase(entry);
}

void TaskCache::clear(Shard& shard) {
  shard.by_id.clear();
  shard.recent.clear();
  shard.bytes = 0;
}

void TaskCache::forget(std::string_view id) {
  Shard& shard = shard_of(id);
  const std::lock_guard lock(shard.mutex);
  ++shard.changes;
  const auto found = shard.by_id.find(id);
  if (found != shard.by_id.end()) drop(shard, found->second);
}

void TaskCache::forget_all() {
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    ++shard.changes;
    clear(shard);
  }
}

}  // namespace groundtruth::projections
