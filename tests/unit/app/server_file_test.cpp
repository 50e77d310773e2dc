// DATA/server.json: what is written is read, and what is broken is nothing.
#include "app/server_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "app/files.hpp"

using namespace groundtruth::app;

namespace {

struct Directory {
  std::filesystem::path path;
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "gt_app_XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("server.json makes the round trip") {
  const Directory directory;
  CHECK_FALSE(read_server_file(directory.path).has_value());
  const ServerFile written{1234, "127.0.0.1:8080", "[::1]:8081"};
  write_server_file(directory.path, written);
  CHECK(read_server_file(directory.path) == written);
  CHECK(read_file(server_file_path(directory.path)) ==
        "{\"pid\":1234,\"listen\":\"127.0.0.1:8080\",\"ops\":\"[::1]:8081\"}\n");
}

TEST_CASE("a file that is no server.json is as none") {
  const Directory directory;
  for (const char* text : {"", "{", "[]", R"({"pid":1})", R"({"pid":"1","listen":"","ops":""})"}) {
    std::ofstream(server_file_path(directory.path)) << text;
    CHECK_FALSE(read_server_file(directory.path).has_value());
  }
}

TEST_CASE("only the process that wrote it removes it") {
  const Directory directory;
  write_server_file(directory.path, {1234, "a", "b"});
  remove_server_file(directory.path, 99);
  CHECK(read_server_file(directory.path).has_value());
  remove_server_file(directory.path, 1234);
  CHECK_FALSE(std::filesystem::exists(server_file_path(directory.path)));
}

TEST_CASE("a process is alive or it is not") {
  CHECK(is_alive(::getpid()));
  CHECK_FALSE(is_alive(0));
  CHECK_FALSE(is_alive(-1));
}
