// Small files in one go: read whole, or replaced so that a reader sees the old or the new one, never half of
// it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::app {

// nullopt when it does not exist. Throws std::system_error, naming the file, when it cannot be read.
std::optional<std::string> read_file(const std::filesystem::path& file);

// Throws std::system_error, naming the file.
void replace_file(const std::filesystem::path& file, std::string_view content, mode_t mode);

}  // namespace groundtruth::app
