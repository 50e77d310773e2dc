// What a projection is: a named, versioned set of tables that is a pure function of the journal (DESIGN,
// section 5).
//
// A definition is made once; an Applier is bound to the one writing connection of one file. The projector
// (or a rebuild) opens a transaction, calls `apply` for each accepted commit in chain order within a
// partition, then `flush`, moves the checkpoints and commits. Anything thrown rolls the batch back; `discard`
// then makes the applier forget it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "journal/read_models.hpp"
#include "journal/sqlite/db.hpp"

namespace groundtruth::projections {

// A commit that a projection cannot take. It names the partition, so that the others go on.
class ApplyFailure : public std::runtime_error {
 public:
  ApplyFailure(journal::Partition partition, std::uint64_t seq, const std::string& reason)
      : std::runtime_error(reason), partition_(partition), seq_(seq) {}
  journal::Partition partition() const { return partition_; }
  std::uint64_t seq() const { return seq_; }

 private:
  journal::Partition partition_;
  std::uint64_t seq_;
};

class Applier {
 public:
  virtual ~Applier() = default;
  // False when `apply` of this commit would leave the tables as they are: then nothing need be written.
  virtual bool concerns(const journal::Commit& commit) const = 0;
  virtual void apply(const journal::Accepted& accepted) = 0;
  virtual void flush() = 0;  // writes what the batch left in memory
  virtual void discard() = 0;
  // True once after a batch that erased personal data: the file's log must then be emptied too.
  virtual bool take_erased() { return false; }
};

// A table's part in the digest: its rows in canonical order, without anything that depends on when or in what
// batches they were written (row numbers, say).
struct DigestTable {
  std::string name;
  std::string rows;  // SELECT … ORDER BY
  int columns = 0;   // of that SELECT
};

// Loads the aggregates of one kind (an index in domain::Aggregate) from the projection's file.
struct StateLoader {
  std::size_t kind = 0;
  std::optional<journal::LoadedAggregate> (*load)(sqlite::Connection& connection,
                                                  std::string_view stream) = nullptr;
};

// `apply`, with everything that it throws about the commit itself turned into an ApplyFailure of it.
void apply_one(Applier& applier, const journal::Accepted& accepted);

struct Definition {
  std::string name;
  int version = 1;        // a changed schema or meaning is a new version, hence a new file
  std::string schema;     // tables, and the indexes that `apply` needs
  std::string indexes;    // IF NOT EXISTS; only queries need them: a rebuild makes them after loading
  bool personal = false;  // freed bytes are zeroed
  std::vector<DigestTable> digest;
  std::vector<StateLoader> loaders;
  std::unique_ptr<Applier> (*make_applier)(sqlite::Connection& connection) = nullptr;

  std::string file_name() const { return name + ".v" + std::to_string(version) + ".db"; }
};

// accounts, tasks, assignments, workers, wallets, commands, writers.
std::vector<Definition> all_projections();

}  // namespace groundtruth::projections
