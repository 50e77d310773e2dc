// Long work behind a streamed answer: its lines, its bounds, its end.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "api/ops/streaming.hpp"

using namespace groundtruth::ops;

namespace {

std::string read_all(const groundtruth::http::Response& response) {
  std::string text;
  while (response.next_chunk(text)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return text;
}

bool wait_until(const std::atomic<bool>& flag) {
  for (int i = 0; i < 5'000 && !flag; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return flag;
}

}  // namespace

TEST_CASE("the last line is the result") {
  Jobs jobs(1);
  const auto text = read_all(jobs.stream([](Report& report) { report.result("{\"a\":1}"); }));
  CHECK(text == "{\"result\":{\"a\":1}}\n");
}

TEST_CASE("an exception becomes the error line") {
  Jobs jobs(1);
  const auto text = read_all(jobs.stream([](Report&) { throw std::runtime_error("no \"room\""); }));
  CHECK(text == "{\"error\":{\"code\":\"failed\",\"message\":\"no \\\"room\\\"\"}}\n");
}

TEST_CASE("progress that nobody read is replaced, not queued") {
  Jobs jobs(1);
  std::atomic<bool> counted{false};
  const auto response = jobs.stream([&](Report& report) {
    for (std::uint64_t i = 1; i <= 1'000; ++i) report.progress("reading", i, 1'000);
    report.result("1");
    counted = true;
  });
  REQUIRE(wait_until(counted));
  CHECK(read_all(response) ==
        "{\"progress\":{\"phase\":\"reading\",\"done\":1000,\"total\":1000}}\n{\"result\":1}\n");
}

TEST_CASE("a client that goes away cancels its work, and more work than allowed is refused") {
  std::atomic<bool> cancelled{false};
  Jobs jobs(1);
  {
    const auto response = jobs.stream([&](Report& report) {
      while (!report.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      cancelled = true;
    });
    CHECK(jobs.stream([](Report&) {}).status == 503);
    CHECK_FALSE(jobs.run([] {}));
  }
  CHECK(wait_until(cancelled));
}

TEST_CASE("closing cancels what runs and refuses what comes") {
  std::atomic<bool> cancelled{false};
  Jobs jobs(2);
  const auto response = jobs.stream([&](Report& report) {
    while (!report.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    cancelled = true;
  });
  jobs.close();
  CHECK(cancelled);
  CHECK_FALSE(jobs.run([] {}));
}
