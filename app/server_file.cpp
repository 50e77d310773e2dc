// See server_file.hpp.
#include "app/server_file.hpp"

#include <signal.h>

#include <cerrno>

#include "app/files.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/durable_file.hpp"

namespace groundtruth::app {

std::filesystem::path server_file_path(const std::filesystem::path& data) {
  return data / "server.json";
}

void write_server_file(const std::filesystem::path& data, const ServerFile& content) {
  journal::replace_durably(server_file_path(data), journal::codec::to_json(content) + "\n");
}

std::optional<ServerFile> read_server_file(const std::filesystem::path& data) {
  try {
    const auto text = read_file(server_file_path(data));
    if (!text) return std::nullopt;
    return journal::codec::decode_json<ServerFile>(*text).value;
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

void remove_server_file(const std::filesystem::path& data, std::int64_t pid) {
  const auto present = read_server_file(data);
  if (!present || present->pid != pid) return;
  std::error_code ignored;
  std::filesystem::remove(server_file_path(data), ignored);
}

bool is_alive(std::int64_t pid) {
  if (pid <= 0 || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno != EPERM)) return false;
  // A killed process that its parent has not asked about still has its id, and nothing else.
  try {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const auto after_name = stat ? stat->rfind(')') : std::string::npos;
    return after_name == std::string::npos || stat->compare(after_name, 3, ") Z") != 0;
  } catch (const std::system_error&) {
    return true;
  }
}

}  // namespace groundtruth::app
