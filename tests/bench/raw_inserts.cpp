// What the disk and SQLite alone can do: copies the rows of every read model of a data directory into fresh
// files with the same tables, indexes and pragmas by prepared inserts, and prints rows a second as JSON.
// `scripts/bench rebuild` compares a rebuild from the journal with it.
//
//   raw_inserts DATA [BATCH_ROWS]     reads DATA/read_models/*.db, works in DATA/raw_inserts, which it
//   removes again
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

namespace fs = std::filesystem;

// As a projection runs: 128 rows a transaction, and no sync, because a read model can be made again.
constexpr std::size_t kBatchRows = 128;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

[[noreturn]] void fail(sqlite3* database, std::string_view what) {
  throw std::runtime_error(std::string(what) + ": " + sqlite3_errmsg(database));
}

Database open(const fs::path& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) fail(raw, path.string());
  return database;
}

void execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(database, sql);
}

Statement prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) fail(database, sql);
  return Statement(raw);
}

bool step(sqlite3* database, sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) fail(database, "step");
  return code == SQLITE_ROW;
}

std::string text(sqlite3_stmt* statement, int column) {
  const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return value == nullptr ? std::string() : std::string(value);
}

// The first column of every row.
std::vector<std::string> column(sqlite3* database, const std::string& sql) {
  std::vector<std::string> values;
  const auto statement = prepare(database, sql);
  while (step(database, statement.get())) values.push_back(text(statement.get(), 0));
  return values;
}

std::string quoted(const std::string& name) {
  std::string result = "\"";
  for (const char letter : name) result.append(letter == '"' ? 2 : 1, letter);
  return result + '"';
}

struct FreeValue {
  void operator()(sqlite3_value* value) const { sqlite3_value_free(value); }
};
using Value = std::unique_ptr<sqlite3_value, FreeValue>;

// A table as it stands in the source, its rows in memory one value after the other.
struct Table {
  std::string insert;
  std::size_t columns = 0;
  std::vector<Value> values;
  std::size_t rows() const { return columns == 0 ? 0 : values.size() / columns; }
};

Table load(sqlite3* source, const std::string& name) {
  Table table;
  std::string names;
  std::string marks;
  // Generated columns and hidden ones cannot be inserted.
  for (const auto& entry : column(source, "SELECT name FROM pragma_table_xinfo(" + quoted(name) +
                                              ") WHERE hidden = 0 ORDER BY cid")) {
    names += (names.empty() ? "" : ",") + quoted(entry);
    marks += marks.empty() ? "?" : ",?";
    ++table.columns;
  }
  table.insert = "INSERT INTO " + quoted(name) + "(" + names + ") VALUES(" + marks + ")";
  const auto rows = prepare(source, "SELECT " + names + " FROM " + quoted(name));
  while (step(source, rows.get())) {
    for (int index = 0; index < static_cast<int>(table.columns); ++index) {
      table.values.emplace_back(sqlite3_value_dup(sqlite3_column_value(rows.get(), index)));
      if (!table.values.back()) throw std::bad_alloc();
    }
  }
  return table;
}

void insert(sqlite3* target, const Table& table, std::size_t batch_rows) {
  const auto statement = prepare(target, table.insert);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (row % batch_rows == 0) execute(target, "BEGIN IMMEDIATE");
    for (std::size_t index = 0; index < table.columns; ++index) {
      const auto* value = table.values[row * table.columns + index].get();
      if (sqlite3_bind_value(statement.get(), static_cast<int>(index) + 1, value) != SQLITE_OK)
        fail(target, "bind");
    }
    step(target, statement.get());
    sqlite3_reset(statement.get());
    if (row % batch_rows == batch_rows - 1 || row + 1 == table.rows()) execute(target, "COMMIT");
  }
}

struct Measured {
  std::size_t rows = 0;
  double seconds = 0;
};

Measured copy(const fs::path& from, const fs::path& to, std::size_t batch_rows) {
  const auto source = open(from, SQLITE_OPEN_READONLY);
  const auto target = open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  for (const auto* pragma : {"page_size", "encoding", "auto_vacuum", "journal_mode"}) {
    const auto value = column(source.get(), std::string("PRAGMA ") + pragma);
    if (!value.empty()) execute(target.get(), std::string("PRAGMA ") + pragma + "=" + quoted(value.front()));
  }
  execute(target.get(), "PRAGMA synchronous=OFF");

  // A projection has its indexes from the first row on, so the yardstick has them too. Shadow tables of a
  // virtual table come with it, and nothing of SQLite's own is copied.
  constexpr std::string_view kSchema =
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
      "AND type IN ('table', 'index') AND sql NOT LIKE 'CREATE VIRTUAL%' "
      "ORDER BY type = 'index', rowid";
  for (const auto& sql : column(source.get(), std::string(kSchema))) execute(target.get(), sql);

  std::vector<Table> tables;
  for (const auto& name : column(target.get(),
                                 "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                                 "'sqlite\\_%' ESCAPE '\\' ORDER BY rowid")) {
    tables.push_back(load(source.get(), name));
  }

  Measured measured;
  const auto start = std::chrono::steady_clock::now();
  for (const auto& table : tables) {
    insert(target.get(), table, batch_rows);
    measured.rows += table.rows();
  }
  measured.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return measured;
}

double rate(const Measured& measured) {
  return measured.seconds > 0 ? static_cast<double>(measured.rows) / measured.seconds : 0;
}

int run(const fs::path& data, std::size_t batch_rows) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data / "read_models")) {
    if (entry.path().extension() == ".db") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  const auto scratch = data / "raw_inserts";  // the same file system as the read models
  fs::remove_all(scratch);
  fs::create_directories(scratch);

  Measured total;
  std::string parts;
  for (const auto& file : files) {
    const auto part = copy(file, scratch / file.filename(), batch_rows);
    total.rows += part.rows;
    total.seconds += part.seconds;
    parts += std::string(parts.empty() ? "" : ",") + "{\"file\":\"" + file.filename().string() +
             "\",\"rows\":" + std::to_string(part.rows) + ",\"seconds\":" + std::to_string(part.seconds) +
             "}";
  }
  fs::remove_all(scratch);
  std::printf("{\"rows\":%zu,\"seconds\":%.6f,\"rows_per_second\":%.0f,\"files\":[%s]}\n", total.rows,
              total.seconds, rate(total), parts.c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t batch_rows = kBatchRows;
  if (count == 3) {
    const std::string_view given = arguments[2];
    const auto parsed = std::from_chars(given.data(), given.data() + given.size(), batch_rows);
    if (parsed.ec != std::errc() || batch_rows == 0) count = 0;
  }
  if (count < 2 || count > 3) {
    std::fputs("usage: raw_inserts DATA [BATCH_ROWS]\n", stderr);
    return 2;
  }
  try {
    return run(arguments[1], batch_rows);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "raw_inserts: %s\n", error.what());
    return 1;
  }
}
