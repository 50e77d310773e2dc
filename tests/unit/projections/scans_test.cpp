// No statement of a projection reads a whole table, or sorts what it has read, but for those that are named
// here with their reason: SQLite's own plan of every statement in the sources is looked at.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "journal/sqlite/db.hpp"
#include "projections/projection.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using groundtruth::projections::test::TempDir;

namespace {

// Besides the digests, which walk whole tables on purpose.
const std::map<std::string, std::string, std::less<>> kMayScan = {
    {"SELECT id, version, state FROM wallets ORDER BY id", "the ledger's check walks all wallets"},
    {"SELECT partition, hour, at FROM cutoffs", "one row a partition"},
    {"SELECT state FROM accounts WHERE state LIKE '{%'",
     "each start holds all owners against their data keys"},
    {"SELECT state FROM workers WHERE state LIKE '{%'",
     "each start holds all owners against their data keys"},
    {"SELECT count(*) FROM contests", "operators ask, and those that wait to be decided are few"},
};

// Every piece of SQL that stands in a source: runs of string literals, which the compiler would join.
std::vector<std::string> statements_in(const std::string& source) {
  std::vector<std::string> found;
  std::string run;
  const auto end_run = [&] {
    for (const char* verb : {"SELECT ", "INSERT ", "UPDATE ", "DELETE ", "REPLACE "})
      if (run.starts_with(verb)) found.push_back(run);
    run.clear();
  };
  for (std::size_t at = 0; at < source.size(); ++at) {
    const char c = source[at];
    if (source.compare(at, 2, "//") == 0) {
      at = std::min(source.find('\n', at), source.size() - 1);
    } else if (source.compare(at, 6, "R\"sql(") == 0) {
      end_run();
      at = source.find(")sql\"", at) + 4;
    } else if (c == '\'' && std::isalnum(static_cast<unsigned char>(source[at - 1])) != 0) {
      continue;  // of a number
    } else if (c == '\'') {
      at = source.find('\'', at + 1 + (source[at + 1] == '\\' ? 1 : 0));
    } else if (c == '"') {
      for (++at; source[at] != '"'; ++at) {
        if (source[at] == '\\') ++at;
        run += source[at];
      }
    } else if (c != ' ' && c != '\n' && c != '\\') {
      end_run();
    }
  }
  end_run();
  return found;
}

std::string plan_of(sqlite::Connection& db, const std::string& sql) {
  std::string plan;
  auto statement = db.prepare("EXPLAIN QUERY PLAN " + sql);
  while (statement.step()) plan += std::string(statement.text(3)) + "\n";
  return plan;
}

// A walk along an index up to a LIMIT is no scan, nor is sorting a page.
bool scans_table(const std::string& sql, const std::string& plan, const std::set<std::string>& tables) {
  const bool is_limited = sql.find("LIMIT") != std::string::npos;
  std::istringstream lines(plan);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("USE TEMP B-TREE") && !is_limited) return true;
    if (!line.starts_with("SCAN ")) continue;
    const auto name = line.substr(5, line.find(' ', 5) - 5);
    const bool is_table = tables.contains(name) || name.size() == 1;  // or its alias
    const bool is_result = name == "l" || name == "s";                // of a subquery that has a LIMIT
    const bool is_along_index = line.find(" USING ") != std::string::npos;
    if (is_table && !(is_limited && (is_along_index || is_result))) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("no statement of a projection reads a whole table") {
  const TempDir directory;
  std::vector<std::unique_ptr<sqlite::Connection>> files;
  std::set<std::string> tables, digests;
  for (const auto& definition : all_projections()) {
    auto& db = *files.emplace_back(std::make_unique<sqlite::Connection>(
        directory.path() / definition.file_name(), sqlite::OpenOptions{sqlite::OpenMode::create, 0, {}}));
    db.exec(definition.schema);
    db.exec(definition.indexes);
    for (const auto& table : definition.digest) digests.insert(table.rows);
    auto names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'");
    while (names.step()) tables.insert(std::string(names.text(0)));
  }
  std::size_t planned = 0;
  std::vector<std::string> unplanned;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(GT_SOURCE_DIR) + "/projections")) {
    if (entry.path().extension() != ".cpp") continue;
    if (entry.path().filename() == "file.cpp" || entry.path().filename() == "rebuild.cpp") continue;
    std::ifstream in(entry.path());
    std::ostringstream text;
    text << in.rdbuf();
    for (const auto& sql : statements_in(text.str())) {
      CAPTURE(entry.path().filename().string());
      CAPTURE(sql);
      bool is_planned = false;
      for (auto& db : files) {
        std::string plan;
        try {
          plan = plan_of(*db, sql);
        } catch (const sqlite::Error&) {
          continue;  // another projection's
        }
        is_planned = true;
        CAPTURE(plan);
        CHECK((digests.contains(sql) || kMayScan.contains(sql) || !scans_table(sql, plan, tables)));
      }
      if (is_planned)
        ++planned;
      else
        unplanned.push_back(sql);
    }
  }
  CHECK(planned > 60);
  // Put together by a macro: its pieces are no statements.
  for (const auto& sql : unplanned) {
    CAPTURE(sql);
    CHECK((sql.starts_with("SELECT t.version, t.state FROM (") ||
           sql.starts_with("SELECT created_at AS c, row AS r")));
  }
}
