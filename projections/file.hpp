// One projection's SQLite file: whose it is, the one connection that writes it, where it stands in the
// journal.
//
// Read models are rebuildable, so nothing is synced while they grow (`synchronous=OFF`): a killed process
// loses nothing, a machine that lost power may leave pages of different ages. The file therefore remembers in
// which boot it was in use; one that was not closed in order and comes from another boot is not trusted.
//
// Threads: one at a time. Errors: sqlite::Error, or std::runtime_error in words for an operator.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "journal/position.hpp"
#include "journal/read_models.hpp"
#include "journal/sqlite/db.hpp"
#include "projections/projection.hpp"

namespace groundtruth::projections {

using Checkpoints = std::array<journal::Checkpoint, journal::kPartitionTotal>;  // by index_of(partition)

Checkpoints read_checkpoints(sqlite::Connection& connection);

using Log = std::function<void(const std::string&)>;

class ProjectionFile {
 public:
  enum class Mode : std::uint8_t {
    live,   // WAL, readers beside it
    build,  // no journal at all, no readers: thrown away unless it is finished
  };

  // Opens or makes the file. Another journal's file throws; one that is unreadable is moved aside to
  // `<file>.corrupt-<time>`, one of a boot that ended without closing it is deleted; both are said in `log`.
  ProjectionFile(std::filesystem::path file, const Definition& definition, const std::string& journal_uuid,
                 Mode mode, const Log& log);
  ProjectionFile(const ProjectionFile&) = delete;
  ProjectionFile& operator=(const ProjectionFile&) = delete;
  ~ProjectionFile();

  enum class Closed : std::uint8_t {
    in_order,  // the file alone is the whole projection, on disk
    with_log,  // it needs its log: a reader or a lack of room kept that from being moved
    lost,      // a write or sync failed, and the file was deleted: the next start builds it again
  };
  Closed close();  // last call; the destructor's too

  sqlite::Connection& connection() { return *connection_; }
  const std::filesystem::path& path() const { return file_; }

  // Within a transaction of the caller's.
  void write_checkpoint(journal::Partition partition, const journal::Checkpoint& checkpoint);

  // Moves the log's content into the file and empties the log, so that no freed bytes stay there. False while
  // a reader still needs the log: try again later.
  bool empty_log();

  // Moves the log's content into the file once it has grown long, as far as readers let it. Between
  // transactions; but for empty_log nothing else does it while the file is in use.
  void shorten_log();

  void make_indexes();
  // Closes a build so that the file alone is the whole projection, ready to be renamed. Last call.
  void finish_build();

 private:
  void open(const std::string& journal_uuid);
  void forget(const std::string& why) noexcept;

  const std::filesystem::path file_;
  const Definition& definition_;
  const Mode mode_;
  const Log log_;
  int log_pages_ = 0;  // of the log after the last transaction; the connection's hook writes it
  std::unique_ptr<sqlite::Connection> connection_;
};

// For who reads a file that no process has open, beside the journal that it is of: that journal's UUID.
// nullopt when there is no such file or what it holds is not to be trusted; ProjectionFile would build it
// anew. Changes nothing, at most the index of its log beside it. Throws sqlite::Error when it cannot be
// opened at all.
std::optional<std::string> journal_of(const std::filesystem::path& file, const Definition& definition);

// Says that a file turned out corrupt: the next start moves it aside.
void mark_suspect(const std::filesystem::path& file, const Log& log) noexcept;

// A build beside the file that it will replace: "tasks.v1.db.building".
inline constexpr std::string_view kBuildExtension = ".building";

void remove_log(const std::filesystem::path& file);

// Deletes what other versions of a projection and files moved aside left beside `file`: an erasure does not
// reach them. Builds under way stay: they read of the erasure themselves.
void remove_leftovers(const std::filesystem::path& file, const std::string& projection, const Log& log);

// Deletes a database with its log and index of the log. Missing files are fine.
void remove_database(const std::filesystem::path& file);

}  // namespace groundtruth::projections
