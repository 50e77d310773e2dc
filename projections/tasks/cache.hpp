// Tasks that were read lately, as they stand: a task that is asked for again costs no SQL and no decoding.
//
// A commit's tasks are forgotten on the projector's thread (Projector::on_offered), after the file has the
// commit and before anybody is told so: who reads after an answer reads what it answered. Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domain/task.hpp"
#include "journal/read_models.hpp"
#include "projections/versioned.hpp"

namespace groundtruth::projections {

class TaskCache {
 public:
  using Row = std::shared_ptr<const Versioned<domain::Task>>;

  // About as much memory at most; the ones longest unused make room. 0 keeps nothing.
  explicit TaskCache(std::size_t max_bytes);

  // `load` reads the task from the file, null where there is none; it runs without a lock. `generation` is
  // that of the file, asked for before: what was read from a file that was since replaced is not kept.
  Row get(const domain::TaskId& id, std::uint64_t generation, const std::function<Row()>& load);

  void observe(const journal::Accepted& accepted);

 private:
  struct Entry {
    std::string id;
    Row row;
    std::size_t bytes = 0;
  };
  struct Shard {
    std::mutex mutex;
    std::uint64_t changes = 0;  // what was read before the last one is not kept
    std::uint64_t generation = 0;
    std::size_t bytes = 0;
    std::list<Entry> recent;  // most recently used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id;
  };
  static constexpr std::size_t kShards = 64;

  Shard& shard_of(std::string_view id) { return shards_[std::hash<std::string_view>{}(id) % kShards]; }
  static void drop(Shard& shard, std::list<Entry>::iterator entry);
  static void clear(Shard& shard);
  void forget(std::string_view id);
  void forget_all();

  const std::size_t max_shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace groundtruth::projections
