// Small files that are on disk when the call returns. Throws std::system_error that names the file.
#pragma once

#include <filesystem>
#include <string_view>

namespace groundtruth::journal {

void sync_directory_of(const std::filesystem::path& file);
// Replaces the content; mode 0600.
void write_durably(const std::filesystem::path& file, std::string_view content);
void remove_durably(const std::filesystem::path& file);
// Asks the kernel to forget its copy, so that what is read next comes from the disk. Never fails; it is a
// hint.
void forget_cached(const std::filesystem::path& file);

}  // namespace groundtruth::journal
