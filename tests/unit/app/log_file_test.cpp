// Logs are bounded in size, opened anew on demand, and name the request that a line belongs to.
#include "app/log_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "app/files.hpp"
#include "app/log.hpp"

using namespace groundtruth::app;

namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("gt_log_" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
};

std::string text_of(const fs::path& file) {
  return read_file(file).value_or("(none)");
}

void add(LogFile& log, std::string_view lines) {
  std::size_t written = 0;
  CHECK(log.append(lines, written));
  CHECK(written == lines.size());
}

}  // namespace

TEST_CASE(
    "a file that would grow past its bound becomes the first of the old ones, and the last is dropped") {
  const Folder folder;
  const auto file = folder.path / "a.log";
  LogFile log(file, {10, 2});
  for (const auto* line : {"one 5\n", "two 5\n", "three\n", "four.\n"}) add(log, line);
  CHECK(text_of(file) == "four.\n");
  CHECK(text_of(folder.path / "a.log.1") == "three\n");
  CHECK(text_of(folder.path / "a.log.2") == "two 5\n");
  CHECK(!fs::exists(folder.path / "a.log.3"));
}

TEST_CASE("what comes at once and is larger than a file is split between lines") {
  const Folder folder;
  const auto file = folder.path / "a.log";
  LogFile log(file, {10, 3});
  add(log, "aaa\nbbb\nccc\nddd\nlonger than a file\ne\n");
  CHECK(text_of(file) == "e\n");
  CHECK(text_of(folder.path / "a.log.1") == "longer than a file\n");
  CHECK(text_of(folder.path / "a.log.2") == "ccc\nddd\n");
  CHECK(text_of(folder.path / "a.log.3") == "aaa\nbbb\n");
}

TEST_CASE("without old files the one there is begins anew") {
  const Folder folder;
  const auto file = folder.path / "a.log";
  LogFile log(file, {10, 0});
  add(log, "aaaaaaa\n");
  add(log, "bbbbbbb\n");
  CHECK(text_of(file) == "bbbbbbb\n");
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 1);
}

TEST_CASE("a file that was renamed is written to until it is opened anew; a truncated one counts anew") {
  const Folder folder;
  const auto file = folder.path / "a.log";
  LogFile log(file, {100, 1});
  add(log, "one\n");
  fs::rename(file, folder.path / "moved");
  add(log, "two\n");
  log.reopen();
  add(log, "three\n");
  CHECK(text_of(folder.path / "moved") == "one\ntwo\n");
  CHECK(text_of(file) == "three\n");
  fs::resize_file(file, 0);
  add(log, std::string(99, 'x') + "\n");
  CHECK(text_of(file).size() == 100);
  CHECK(!fs::exists(folder.path / "a.log.1"));
}

TEST_CASE("where no file can be opened anew the one that is open stays in use") {
  const Folder folder;
  fs::create_directories(folder.path / "sub");
  LogFile log(folder.path / "sub" / "a.log", {100, 1});
  fs::rename(folder.path / "sub", folder.path / "away");
  CHECK_THROWS_AS(log.reopen(), std::system_error);
  add(log, "kept\n");
  CHECK(text_of(folder.path / "away" / "a.log") == "kept\n");
}

TEST_CASE("a line of a request has its names as fields, another has none, and each has a bound") {
  const Folder folder;
  const auto file = folder.path / "app.log";
  const auto log = make_logger({"info", file.string(), {}});
  log_of_request(*log, {"req_7", "00-1-2-00"}, "it broke");
  log->info("ready");
  log->info(std::string(100'000, 'x'));
  const auto text = text_of(file);
  CHECK(text.find(R"("level":"error","request_id":"req_7","traceparent":"00-1-2-00",)"
                  R"("message":"request req_7: it broke"})") != std::string::npos);
  CHECK(text.find(R"("level":"info","message":"ready"})") != std::string::npos);
  CHECK(text.size() < 10'000);
  fs::rename(file, folder.path / "app.log.old");
  reopen(*log);
  log->info("again");
  CHECK(text_of(file).find("again") != std::string::npos);
}
