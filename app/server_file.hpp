// DATA/server.json: where the running server of a data directory is, for the command line and for other
// programs.
#pragma once

#include <sys/types.h>

#include <boost/describe.hpp>
#include <filesystem>
#include <optional>
#include <string>

namespace groundtruth::app {

struct ServerFile {
  std::int64_t pid = 0;
  std::string listen;  // "127.0.0.1:8080", with the port that was bound; "": there is no public listener
  std::string ops;
  friend bool operator==(const ServerFile&, const ServerFile&) = default;
};
BOOST_DESCRIBE_STRUCT(ServerFile, (), (pid, listen, ops))

std::filesystem::path server_file_path(const std::filesystem::path& data);

// Whole or not at all: readers poll for it. Throws std::system_error.
void write_server_file(const std::filesystem::path& data, const ServerFile& content);

// nullopt when there is none, or none that can be read.
std::optional<ServerFile> read_server_file(const std::filesystem::path& data);

// Removes the file if it is still this process's. Never throws.
void remove_server_file(const std::filesystem::path& data, std::int64_t pid);

// A server that was killed leaves its file behind.
bool is_alive(std::int64_t pid);

}  // namespace groundtruth::app
