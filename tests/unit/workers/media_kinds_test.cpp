// The table of kinds that are taken: without contradictions, and what the documentation lists.
#include "workers/ports/media_kinds.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>

#include "tests/unit/files.hpp"

using namespace groundtruth;
using ports::kMediaKinds;

namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string file(const char* name) {
  return groundtruth::testing::read_file(std::filesystem::path(GT_SOURCE_DIR) / name);
}

}  // namespace

TEST_CASE("every name of a kind means that kind alone") {
  std::map<std::string, std::string> types, extensions;
  for (const auto& kind : kMediaKinds) {
    CHECK(types.emplace(kind.type, kind.type).second);
    for (const auto& alias : words(kind.aliases))
      CHECK_MESSAGE(types.emplace(alias, kind.type).second, alias);
    for (const auto& extension : words(kind.extensions)) {
      CHECK_MESSAGE(extensions.emplace(extension, kind.type).second, extension);
      CHECK_MESSAGE(!ports::detail::has_word(ports::kRefusedExtensions, extension), extension);
    }
  }
  for (const auto& [name, type] : types) {
    const auto* kind = ports::find_media_kind(name);
    REQUIRE_MESSAGE(kind != nullptr, name);
    CHECK(kind->type == type);
  }
  CHECK(ports::find_media_kind("Audio/X-WAV")->type == "audio/wav");
  CHECK(ports::find_media_kind("image/svg+xml") == nullptr);
  CHECK(ports::find_media_kind("") == nullptr);
  CHECK(ports::kind_of_extension(ports::extension_of("My Holiday.MOV"))->type == "video/quicktime");
  CHECK(ports::kind_of_extension(ports::extension_of("mp4")) == nullptr);
}

TEST_CASE("the documentation lists each kind with all its names") {
  const std::string page = file("docs/media.md"), api = file("schemas/openapi/worker.yaml");
  for (const auto& kind : kMediaKinds) {
    CHECK_MESSAGE(api.find(std::string(kind.type)) != std::string::npos, kind.type);
    std::string row = "| `" + std::string(kind.type) + "` | ";
    for (const auto& extension : words(kind.extensions)) row += "`" + extension + "` ";
    row += "| ";
    for (const auto& alias : words(kind.aliases)) row += "`" + alias + "` ";
    row += "|";
    CHECK_MESSAGE(page.find(row) != std::string::npos, row);
  }
}
