// One JSON line for each request; what a slow disk has no room for is counted.
#include "app/access_log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "app/files.hpp"

using namespace groundtruth;
using namespace groundtruth::app;

namespace {

http::AccessEntry entry(std::string path) {
  http::AccessEntry entry;
  entry.request_id = "req_1";
  entry.traceparent = "00-1-2-00";
  entry.remote_address = "127.0.0.1";
  entry.method = "GET";
  entry.path = std::move(path);
  entry.surface = "groundtruth";
  entry.operation = "listTasks";
  entry.status = 200;
  entry.response_bytes = 12;
  entry.duration = std::chrono::microseconds(34);
  return entry;
}

std::filesystem::path temporary(const char* name) {
  return std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()) + ".log");
}

}  // namespace

TEST_CASE("a line holds the request and is JSON whatever the path holds") {
  std::string line;
  append_access_line(line, entry("/a\"b\n"), 0);
  CHECK(line ==
        R"({"at":"1970-01-01T00:00:00.000Z","request_id":"req_1","traceparent":"00-1-2-00",)"
        R"("remote":"127.0.0.1","method":"GET",)"
        R"("path":"/a\"b\n","surface":"groundtruth","operation":"listTasks","status":200,"request_bytes":0,)"
        R"("response_bytes":12,"duration_us":34})"
        "\n");
}

TEST_CASE("what was written is in the file when the log is gone") {
  const auto file = temporary("gt_access_");
  {
    AccessLog log(file, {}, 1024 * 1024);
    for (int i = 0; i < 100; ++i) log.write(entry("/x"));
    CHECK(log.dropped() == 0);
  }
  const auto text = read_file(file);
  std::filesystem::remove(file);
  REQUIRE(text.has_value());
  CHECK(std::count(text->begin(), text->end(), '\n') == 100);
}

TEST_CASE("lines past the bound are dropped and counted") {
  const auto file = temporary("gt_access_full_");
  {
    AccessLog log(file, {}, 10);
    log.write(entry("/x"));
    CHECK(log.dropped() == 1);
  }
  std::filesystem::remove(file);
}

TEST_CASE("whatever a client sends, its line has a bound and stays JSON in UTF-8") {
  std::string line;
  append_access_line(line, entry(std::string(16 * 1024, '\x01')), 0);
  CHECK(line.size() <= AccessLog::kMaxLineBytes);
  line.clear();
  append_access_line(line, entry(std::string(AccessLog::kMaxFieldBytes - 1, 'a') + "éé"), 0);
  CHECK(line.find(std::string(AccessLog::kMaxFieldBytes - 1, 'a') + "…\"") != std::string::npos);
  CHECK(shortened("é", 1) == "…");
  CHECK(shortened("é", 2) == "é");
}
