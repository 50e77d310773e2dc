// Media that is looked at by processes which can be broken without harm: tests/tools/media_helper.cpp does
// what a parser might be brought to do.
#include "workers/adapters/child_media_probe.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/workers/memory_blob_store.hpp"
#include "workers/adapters/media_sandbox.hpp"

using namespace groundtruth;
using adapters::ChildMediaProbe;
using adapters::ChildMediaProbeOptions;
using workers::testing::MemoryBlobStore;

namespace {

constexpr std::string_view kProbeKey = "proofs/1";

ChildMediaProbeOptions options() {
  ChildMediaProbeOptions options;
  options.program =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "tools/tool_media_helper";
  return options;
}

// "none", or the type.
std::string look(ChildMediaProbe& probe, const std::string& content, std::stop_token stop = {}) {
  MemoryBlobStore store;
  store.put({std::string(kProbeKey), "", 0, ""}, content);
  const auto facts = probe.probe(store, kProbeKey, std::move(stop));
  return facts ? facts->content_type : "none";
}

}  // namespace

TEST_CASE("a child that breaks has found nothing, and the next one works") {
  ChildMediaProbe probe(options());
  for (const char* deed : {"crash", "spin", "eat", "lie", "leave"}) {
    if (std::string_view(deed) == "eat" && !adapters::can_limit_memory()) continue;
    CAPTURE(deed);
    CHECK(look(probe, deed) == "none");
    CHECK(look(probe, "a text") == "text/plain");
  }
  CHECK(probe.counters().broken >= 4);
  CHECK(probe.counters().running == 0);
}

TEST_CASE("a child that hangs is ended") {
  auto little = options();
  little.time = std::chrono::milliseconds(200);
  ChildMediaProbe probe(little);
  CHECK(look(probe, "hang") == "none");
  CHECK(probe.counters().broken == 1);
}

TEST_CASE("a child has no file, network, process, signal or environment") {
  ChildMediaProbe probe(options());
  CHECK(look(probe, "look") == "image/png");
}

TEST_CASE("work ends when nobody waits for it") {
  ChildMediaProbe probe(options());
  std::stop_source gone;
  std::atomic<bool> is_away{false};
  std::thread waiting([&] {
    try {
      look(probe, "hang", gone.get_token());
    } catch (const ports::MediaProbeAway&) {
      is_away = true;
    }
  });
  while (probe.counters().running == 0) std::this_thread::yield();
  CHECK(look(probe, "a text") == "text/plain");
  gone.request_stop();
  waiting.join();
  CHECK(is_away);
  CHECK(probe.counters().stopped == 1);
  CHECK(look(probe, "a text") == "text/plain");
}

TEST_CASE("so many at a time, and the others wait their turn") {
  auto one = options();
  one.max_running = 1;
  ChildMediaProbe probe(one);
  std::stop_source gone, gone_too;
  std::vector<std::thread> waiting;
  std::atomic<int> away{0};
  for (auto* source : {&gone, &gone_too})
    waiting.emplace_back([&probe, &away, token = source->get_token()] {
      try {
        look(probe, "hang", token);
      } catch (const ports::MediaProbeAway&) {
        ++away;
      }
    });
  while (probe.counters().running == 0) std::this_thread::yield();
  CHECK(probe.counters().running == 1);
  gone.request_stop();
  gone_too.request_stop();
  for (auto& thread : waiting) thread.join();
  CHECK(away == 2);
  CHECK(look(probe, "a text") == "text/plain");
}

TEST_CASE("stopping ends what runs, and takes nothing new") {
  ChildMediaProbe probe(options());
  std::atomic<bool> is_away{false};
  std::thread waiting([&] {
    try {
      look(probe, "hang");
    } catch (const ports::MediaProbeAway&) {
      is_away = true;
    }
  });
  while (probe.counters().running == 0) std::this_thread::yield();
  probe.stop();
  waiting.join();
  CHECK(is_away);
  CHECK_THROWS_AS(look(probe, "a text"), ports::MediaProbeAway);
}

TEST_CASE("a store that breaks is no broken file") {
  ChildMediaProbe probe(options());
  MemoryBlobStore store;
  CHECK_THROWS_AS(probe.probe(store, kProbeKey), ports::BlobStoreError);
  store.put({std::string(kProbeKey), "", 0, ""}, std::string(1'000'000, 'x'));
  store.reads_until_broken = 1;
  CHECK_THROWS_AS(probe.probe(store, kProbeKey), ports::BlobStoreError);
  store.reads_until_broken = 1'000;
  CHECK(probe.probe(store, kProbeKey));
}

TEST_CASE("a helper that cannot be started is an error that says so") {
  ChildMediaProbeOptions wrong;
  wrong.program = "/nonexistent/groundtruth";
  CHECK_THROWS_AS(ChildMediaProbe{wrong}, std::runtime_error);
  wrong.program = "/bin/true";
  CHECK_THROWS_AS(ChildMediaProbe{wrong}, std::runtime_error);
}
