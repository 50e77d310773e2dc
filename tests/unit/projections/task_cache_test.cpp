// The cache of tasks: what it may answer, and what it must not.
#include <doctest/doctest.h>

#include <string>

#include "projections/tasks/cache.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using projections::TaskCache;
using projections::Versioned;

namespace {

TaskCache::Row row(const std::string& id, std::uint32_t version, std::size_t text_bytes = 10) {
  Task task;
  task.id = TaskId{id};
  task.instructions = std::string(text_bytes, 'x');
  return std::make_shared<const Versioned<Task>>(Versioned<Task>{std::move(task), version});
}

journal::Accepted commit_of(const std::string& stream, const Event& event) {
  auto commit = std::make_shared<journal::Commit>();
  commit->events.push_back({stream, 2, event});
  journal::Accepted accepted{};
  accepted.commit = commit;
  return accepted;
}

struct Reading {
  explicit Reading(std::size_t bytes = 1 << 20) : cache(bytes) {}
  std::uint32_t version_of(const std::string& id) {
    const auto found = cache.get(TaskId{id}, generation, [&] {
      ++loads;
      return row(id, stored, text_bytes);
    });
    return found->version;
  }
  TaskCache cache;
  std::uint64_t generation = 0;
  std::uint32_t stored = 1;
  std::size_t text_bytes = 10;
  int loads = 0;
};

}  // namespace

TEST_CASE("task cache: a second read costs no load, and a commit of the task makes the next one load again") {
  Reading reading;
  CHECK(reading.version_of("tsk_a") == 1);
  CHECK(reading.version_of("tsk_a") == 1);
  CHECK(reading.loads == 1);
  reading.stored = 2;
  reading.cache.observe(commit_of("tsk_b", TaskFunded{}));
  CHECK(reading.version_of("tsk_a") == 1);
  reading.cache.observe(commit_of("tsk_a", TaskFunded{}));
  CHECK(reading.version_of("tsk_a") == 2);
  CHECK(reading.loads == 2);
}

TEST_CASE("task cache: what was read before a commit is not kept after it") {
  Reading reading;
  const auto old = reading.cache.get(TaskId{"tsk_a"}, 0, [&] {
    reading.cache.observe(commit_of("tsk_a", TaskFunded{}));  // comes between the read and its end
    return row("tsk_a", 1);
  });
  CHECK(old->version == 1);
  reading.stored = 2;
  CHECK(reading.version_of("tsk_a") == 2);
}

TEST_CASE("task cache: no task is not remembered, for it may come") {
  Reading reading;
  CHECK_FALSE(reading.cache.get(TaskId{"tsk_a"}, 0, [] { return TaskCache::Row{}; }));
  CHECK(reading.version_of("tsk_a") == 1);
}

TEST_CASE("task cache: an erased account leaves nothing behind") {
  Reading reading;
  reading.version_of("tsk_a");
  reading.stored = 2;
  reading.cache.observe(commit_of("org_a", AccountErased{}));
  CHECK(reading.version_of("tsk_a") == 2);
}

TEST_CASE("task cache: what was read from a file that was replaced since is not answered with") {
  Reading reading;
  CHECK(reading.version_of("tsk_a") == 1);
  reading.stored = 2;
  reading.generation = 1;
  CHECK(reading.version_of("tsk_a") == 2);
  // A load that began before the swap and ends after somebody else has asked for another task of the shard.
  const auto old = reading.cache.get(TaskId{"tsk_b"}, 1, [&] {
    reading.generation = 2;
    reading.cache.get(TaskId{"tsk_b"}, 2, [] { return TaskCache::Row{}; });
    return row("tsk_b", 1);
  });
  CHECK(old->version == 1);
  CHECK(reading.version_of("tsk_b") == 2);
}

TEST_CASE("task cache: it stays within its memory") {
  Reading reading(64 * 10'000);
  reading.text_bytes = 1'000;
  for (int i = 0; i < 10'000; ++i) reading.version_of("tsk_" + std::to_string(i));
  reading.loads = 0;
  for (int i = 0; i < 10'000; ++i) reading.version_of("tsk_" + std::to_string(i));
  CHECK(reading.loads > 9'000);  // 64 shards with room for about five each
  reading.text_bytes = 20'000;   // more than a shard may hold
  reading.loads = 0;
  reading.version_of("tsk_large");
  reading.version_of("tsk_large");
  CHECK(reading.loads == 2);
}
