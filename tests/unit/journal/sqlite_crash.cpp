// What was reported as written is there after the process was killed and after the machine lost its power.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <random>

#include "conformance_support.hpp"
#include "journal/sqlite/sqlite_journal.hpp"
#include "sqlite_fault_vfs.hpp"

namespace groundtruth::journal::testing {
namespace {

constexpr std::size_t kPartitionsUsed = 5;

struct Told {
  std::uint32_t partition;
  std::uint32_t number;
  std::uint64_t offset;
};

std::string value_of(std::uint32_t partition, std::uint32_t number) {
  return std::to_string(partition) + ":" + std::to_string(number) + ":" + std::string(number % 900, 'x');
}

// Appends for ever with a window in flight and tells the pipe of each success.
[[noreturn]] void append_until_killed(const SqliteJournalOptions& options, const Clock& clock, int pipe) {
  const auto journal = SqliteJournal::open(options, clock);
  const auto producer = journal->open_producer();
  std::mutex mutex;
  std::condition_variable room;
  int in_flight = 0;
  for (std::uint32_t number = 0;; ++number) {
    std::unique_lock lock(mutex);
    room.wait(lock, [&] { return in_flight < 16; });
    ++in_flight;
    lock.unlock();
    const auto partition = static_cast<std::uint32_t>(number % kPartitionsUsed);
    producer->append(
        partition_at(partition), {bytes(value_of(partition, number))},
        [&, partition, number](AppendReport r) {
          const Told told{partition, number, r.first_offset};
          if (r.outcome != AppendOutcome::written || ::write(pipe, &told, sizeof told) != sizeof told)
            ::_exit(1);
          const std::lock_guard inner(mutex);
          --in_flight;
          room.notify_one();
        });
  }
}

// Reads reports until the pipe ends; kills the child after `kill_after` of them.
std::vector<Told> listen_and_kill(int pipe, pid_t child, std::size_t kill_after) {
  std::vector<Told> out;
  Told told{};
  while (::read(pipe, &told, sizeof told) == static_cast<ssize_t>(sizeof told)) {
    out.push_back(told);
    if (out.size() == kill_after) ::kill(child, SIGKILL);
  }
  return out;
}

void check_all_there(const Journal& journal, const std::vector<Told>& told) {
  for (const auto& one : told) {
    const auto found = journal.read(partition_at(one.partition), one.offset, 1);
    REQUIRE(found.size() == 1);
    REQUIRE(found.front().offset == one.offset);
    REQUIRE(*found.front().value == value_of(one.partition, one.number));
  }
}

void check_dense(const Journal& journal) {
  for (std::size_t i = 0; i < kPartitionsUsed; ++i) {
    const auto records = journal.read(partition_at(i), 0, SIZE_MAX, SIZE_MAX);
    REQUIRE(records.size() == journal.end_offset(partition_at(i)));
    for (std::size_t k = 0; k < records.size(); ++k) REQUIRE(records[k].offset == k);
  }
}

}  // namespace

TEST_CASE("sqlite crash: a killed process loses nothing that it reported") {
  FixedClock clock;
  TempDirectory directory;
  SqliteJournalOptions options;
  options.file = directory.path() / "journal.db";
  options.checkpoint_pages = 50;  // so that some die in a checkpoint
  SqliteJournal::create(options, clock);
  std::mt19937 random(7);
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(ends[0]);
      try {
        append_until_killed(options, clock, ends[1]);
      } catch (...) {
        ::_exit(2);
      }
    }
    ::close(ends[1]);
    const auto told = listen_and_kill(ends[0], child, 1 + random() % 400);
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE_FALSE(told.empty());
    if (round % 3 == 2) {  // a torn end of the write-ahead log is no harm either: it was never reported
      std::ofstream wal(options.file.string() + "-wal", std::ios::binary | std::ios::app);
      wal << std::string(random() % 10'000, '\x5a');
    }
    const auto journal = SqliteJournal::open(options, clock);
    check_all_there(*journal, told);
    check_dense(*journal);
  }
}

TEST_CASE("sqlite crash: what was reported was synced, at every instant") {
  FixedClock clock;
  TempDirectory directory;
  FaultVfs vfs;
  SqliteJournalOptions options;
  options.file = directory.path() / "journal.db";
  options.vfs = FaultVfs::name();
  options.checkpoint_pages = 12;
  vfs.keep_synced_images(true);
  const auto journal = SqliteJournal::create(options, clock);
  const auto producer = journal->open_producer();
  std::vector<Told> told;
  for (std::uint32_t number = 0; number < 60; ++number) {
    const auto partition = static_cast<std::uint32_t>(number % kPartitionsUsed);
    std::uint64_t offset = 0;
    std::filesystem::path after = directory.path() / ("after_" + std::to_string(number) + ".db");
    // Within the report nothing else runs, so the images are those of a loss of power right after it.
    Reports reports;
    producer->append(partition_at(partition), {bytes(value_of(partition, number))},
                     [&, done = reports.next()](AppendReport report) {
                       offset = report.first_offset;
                       for (const auto* suffix : {"", "-wal"}) {
                         const auto image = FaultVfs::synced_image(options.file.string() + suffix);
                         if (std::filesystem::exists(image))
                           std::filesystem::copy_file(image, after.string() + suffix);
                       }
                       done(std::move(report));
                     });
    REQUIRE(reports.wait().front().outcome == AppendOutcome::written);
    told.push_back({partition, number, offset});

    SqliteJournalOptions lost;
    lost.file = after;
    const auto recovered = SqliteJournal::open(lost, clock);
    check_all_there(*recovered, told);
    check_dense(*recovered);
  }
  CHECK(journal->counters().checkpoints > 3);
}

}  // namespace groundtruth::journal::testing
