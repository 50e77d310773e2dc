// Read models on a disk that is full or fails: what is trusted afterwards is whole, all else comes back from
// the journal.
#include <doctest/doctest.h>

#include <cerrno>

#include "projections/file.hpp"
#include "story.hpp"
#include "tests/unit/system_faults.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;
using groundtruth::testing::SystemCall;
using groundtruth::testing::SystemFaults;
namespace fs = std::filesystem;

namespace {

using Lasting = SystemFaults::Lasting;

struct Shelf {
  TempDir directory;
  SystemFaults disk{directory.path()};
  std::vector<std::string> lines;
  Definition definition = [] {
    for (auto& each : all_projections())
      if (each.name == "wallets") return std::move(each);
    throw std::logic_error("there is no such projection");
  }();
  fs::path path = directory.path() / definition.file_name();
  std::string failed;

  std::unique_ptr<ProjectionFile> open() {
    return std::make_unique<ProjectionFile>(path, definition, Story::kJournal, ProjectionFile::Mode::live,
                                            [this](const std::string& line) { lines.push_back(line); });
  }
  void mend() {
    failed = disk.failed();
    disk.mend();
  }
  // Whatever a lack of room keeps from being done is merely not done; nothing that was done is lost.
  bool is_lost(int error) const {
    if (failed.empty() || failed == "sync of ")
      return false;  // a directory's, which holds nothing irreplaceable
    return (error == EIO || !failed.starts_with("write")) && !failed.starts_with("create");
  }
};

void write(ProjectionFile& file, std::uint64_t seq) {
  sqlite::Transaction transaction(file.connection());
  for (std::size_t i = 0; i < journal::kPartitionTotal; ++i)
    file.write_checkpoint(journal::partition_at(i), {true, seq, seq, {}});
  transaction.commit();
}

std::uint64_t seq_in(ProjectionFile& file) {
  const auto checkpoints = read_checkpoints(file.connection());
  for (const auto& each : checkpoints) CHECK(each.seq == checkpoints.front().seq);
  return checkpoints.front().exists ? checkpoints.front().seq : 0;
}

}  // namespace

TEST_CASE("file: where any call of a clean stop fails, it does not count as closed, and is built again") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      Shelf shelf;
      auto closed = ProjectionFile::Closed::in_order;
      {
        const auto file = shelf.open();
        write(*file, 7);
        shelf.disk.fail_at(n, error, Lasting::once);
        closed = file->close();
        shelf.mend();
      }
      CAPTURE(shelf.failed);
      CAPTURE(error);
      CHECK((closed == ProjectionFile::Closed::in_order) == shelf.failed.empty());
      CHECK((closed == ProjectionFile::Closed::lost) == shelf.is_lost(error));
      if (closed == ProjectionFile::Closed::lost) {
        CHECK_FALSE(fs::exists(shelf.path));
        REQUIRE(shelf.lines.size() == 1);
        CHECK(shelf.lines.front().find("builds it from the journal") != std::string::npos);
      }
      const auto file = shelf.open();
      CHECK(seq_in(*file) == (closed == ProjectionFile::Closed::lost ? 0 : 7));
      if (shelf.failed.empty()) {
        CHECK(n > 4);
        break;
      }
    }
  }
}

TEST_CASE("file: where any call of a start fails, it is refused or built again, and the next start has it") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      Shelf shelf;
      write(*shelf.open(), 7);
      shelf.disk.fail_at(n, error, Lasting::once);
      std::string refusal;
      try {
        const auto file = shelf.open();
        shelf.mend();
        const auto seq = seq_in(*file);
        CAPTURE(shelf.failed);
        CHECK((seq == 7 || (seq == 0 && !shelf.lines.empty())));
        if (shelf.is_lost(error)) CHECK(seq == 0);
      } catch (const std::exception& failure) {
        refusal = failure.what();
        shelf.mend();
      }
      CAPTURE(shelf.failed);
      if (!refusal.empty()) CHECK(refusal.find("wallets") != std::string::npos);
      const auto file = shelf.open();
      write(*file, 8);
      CHECK(seq_in(*file) == 8);
      if (shelf.failed.empty()) {
        CHECK(n > 4);
        break;
      }
    }
  }
}

TEST_CASE("file: a disk that was full for a while stops no read model for good") {
  Story story(9);
  story.steps(80);
  const TempDir elsewhere;
  Desk whole(elsewhere.path());
  whole.catch_up(story);
  for (const int error : {ENOSPC, EDQUOT}) {
    for (std::size_t n = 0; n < 120; n += 40) {
      const TempDir directory;
      Desk desk(directory.path());
      SystemFaults disk(directory.path());
      disk.decide([n, error, at = std::size_t{0}](SystemCall call, const std::string&) mutable {
        if (call != SystemCall::write) return 0;
        const auto now = at++;
        return now >= n && now < n + 2 ? error : 0;
      });
      desk.catch_up(story);
      CAPTURE(disk.failed());
      CHECK(desk.failures().empty());
      disk.mend();
      CHECK(desk.digests() == whole.digests());
    }
  }
}
