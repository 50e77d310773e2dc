// Files as tests look at them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace groundtruth::testing {

// "" for what cannot be read.
inline std::string read_file(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string content(in ? static_cast<std::size_t>(in.tellg()) : 0, '\0');
  in.seekg(0).read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(in.gcount()));
  return content;
}

// How many files right below the directory, of names that begin so, hold the text.
inline int files_with(const std::filesystem::path& directory, std::string_view text,
                      std::string_view prefix = {}) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().filename().string().starts_with(prefix))
      found += read_file(entry.path()).find(text) != std::string::npos;
  return found;
}

}  // namespace groundtruth::testing
