// Small files, read in one go; journal/durable_file.hpp writes them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace groundtruth::app {

// nullopt when it does not exist. Throws std::system_error, naming the file, when it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& file);

}  // namespace groundtruth::app
