// `groundtruth version`: what this program is made of.
#include "app/version.hpp"

#include <crypt.h>
#include <curl/curl.h>
#include <sodium.h>
#include <spdlog/version.h>

#include <CLI/Version.hpp>
#include <boost/describe.hpp>
#include <boost/version.hpp>
#include <cstdio>
#include <map>

#include "app/commands.hpp"
#include "journal/codec/json_writer.hpp"
#include "journal/commit.hpp"
#include "journal/kafka/kafka_journal.hpp"
#include "journal/sqlite/db.hpp"

namespace groundtruth::app {
namespace {

struct Version {
  std::string version, source, compiler, build;
  int journal_format = journal::Genesis::kFormat;
  std::map<std::string, std::string> libraries;
};
BOOST_DESCRIBE_STRUCT(Version, (), (version, source, compiler, build, journal_format, libraries))

std::string boost_version() {
  return std::to_string(BOOST_VERSION / 100'000) + "." + std::to_string(BOOST_VERSION / 100 % 1'000) + "." +
         std::to_string(BOOST_VERSION % 100);
}

std::string spdlog_version() {
  return std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) + "." +
         std::to_string(SPDLOG_VER_PATCH);
}

std::string sqlite_version() {
  sqlite::Connection none(":memory:", {sqlite::OpenMode::create, 0, ""});
  return none.query_text("SELECT sqlite_version()");
}

}  // namespace

ExitCode version(const CommonOptions& common) {
  const Version version{GT_VERSION,
                        GT_DESCRIBE,
                        GT_COMPILER,
                        GT_BUILD_TYPE,
                        journal::Genesis::kFormat,
                        {{"boost", boost_version()},
                         {"cli11", CLI11_VERSION},
                         {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
                         {"librdkafka", journal::librdkafka_version()},
                         {"libsodium", sodium_version_string()},
                         {"libxcrypt", XCRYPT_VERSION_STR},
                         {"prometheus-cpp", GT_PROMETHEUS},
                         {"simdjson", GT_SIMDJSON},
                         {"spdlog", spdlog_version()},
                         {"sqlite", sqlite_version()}}};
  if (common.json) {
    std::printf("%s\n", journal::codec::to_json(version).c_str());
    return ExitCode::ok;
  }
  std::printf("groundtruth %s (%s)\n", version.version.c_str(), version.source.c_str());
  std::printf("compiler        %s, %s\njournal format  %d\n", version.compiler.c_str(), version.build.c_str(),
              version.journal_format);
  for (const auto& [name, number] : version.libraries)
    std::printf("%-15s %s\n", name.c_str(), number.c_str());
  return ExitCode::ok;
}

}  // namespace groundtruth::app
