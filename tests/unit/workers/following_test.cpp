// A place in the journal: what is looked at, in which order, and from where after a stop.
#include "workers/following/following.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <set>
#include <thread>

#include "tests/unit/files.hpp"
#include "tests/unit/system_faults.hpp"
#include "tests/unit/workers/chains.hpp"
#include "tests/unit/workers/media_support.hpp"

using namespace groundtruth;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using adapters::testing::TemporaryFolder;
using journal::Partition;
using journal::Position;
using journal::Topic;

namespace {

constexpr Partition kFirst{Topic::tasks, 1}, kSecond{Topic::workers, 2};

domain::Event of_interest() {
  return domain::LeaseEnded{{"asg_1"}, {"tsk_1"}, {"wrk_1"}, domain::LeaseEnd::expired};
}
domain::Event of_none() {
  return domain::TaskCancelled{{"tsk_1"}, domain::CancelReason::by_customer, {}};
}
// Says the word and is none.
domain::Event boastful() {
  return domain::SubmissionRejected{{}, {}, {}, {}, {}, "lease.ended"};
}

// A worker in a folder, with the journal that it follows.
struct FollowingDesk {
  explicit FollowingDesk(std::size_t max_open = 4'096, std::size_t shared_open = 0)
      : max_open(max_open), shared_open(shared_open) {
    start();
  }

  void start() {
    FollowingOptions options;
    options.checkpoint_file = file();
    options.markers = {std::string(domain::LeaseEnded::kType)};
    options.max_open = max_open;
    options.shared_open = shared_open;
    options.log = [this](const std::string& what) { said.push_back(what); };
    looked.clear();
    terms.clear();
    following = std::make_unique<Following>(
        chains.journal(), chains.codec(), options,
        [this](const journal::Accepted& accepted, Following::Term term) { return look(accepted, term); });
    following->load();
    following->assign(journal::PartitionSet().set());
  }
  // As after a crash: whatever was not saved is forgotten.
  void restart() { start(); }

  std::size_t look(const journal::Accepted& accepted, Following::Term in) {
    std::size_t jobs = 0;
    for (const auto& event : accepted.commit->events)
      jobs += std::holds_alternative<domain::LeaseEnded>(event.data);
    if (jobs == 0) return jobs;
    looked.push_back({accepted.partition, accepted.seq});
    terms.push_back(in);
    return jobs;
  }
  // A job of the first term that there is.
  void finish(Position position) { following->finished(position, 1); }
  void assign(std::initializer_list<Partition> partitions) {
    journal::PartitionSet ours;
    for (const auto partition : partitions) ours.set(journal::index_of(partition));
    following->assign(ours);
  }
  void read() {
    while (following->read()) {
    }
  }
  std::filesystem::path file() const { return folder.path() / "place.json"; }

  TemporaryFolder folder;
  Chains chains;
  const std::size_t max_open, shared_open;
  std::vector<Position> looked;
  std::vector<Following::Term> terms;  // of each look
  std::vector<std::string> said;
  std::unique_ptr<Following> following;
};

}  // namespace

TEST_CASE("following: commits that are observed are looked at once, in order, and nothing need be read") {
  FollowingDesk desk;
  desk.following->observe(desk.chains.genesis(kFirst));
  desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
  desk.following->observe(desk.chains.append(kFirst, {of_none()}));
  desk.following->observe(desk.chains.append(kFirst, {of_interest(), of_none(), of_interest()}));
  CHECK(desk.looked == std::vector<Position>{{kFirst, 1}, {kFirst, 3}});
  CHECK(desk.following->open() == 2);
  desk.read();
  CHECK(desk.looked.size() == 2);
  CHECK_FALSE(desk.following->is_behind());
}

TEST_CASE("following: what was appended before is read, orphans and strangers passed over") {
  FollowingDesk desk;
  for (const auto partition : {kFirst, kSecond}) {
    for (int i = 0; i < 700; ++i) {
      desk.chains.append(partition, {i % 100 == 0 ? of_interest() : i % 7 == 0 ? boastful() : of_none()});
      if (i % 3 == 0) desk.chains.orphan(partition);
    }
  }
  CHECK(desk.following->is_behind());
  desk.read();
  CHECK_FALSE(desk.following->is_behind());
  REQUIRE(desk.looked.size() == 14);
  for (const auto partition : {kFirst, kSecond}) {
    std::vector<std::uint64_t> seqs;
    for (const auto& position : desk.looked)
      if (position.partition == partition) seqs.push_back(position.seq);
    CHECK(seqs == std::vector<std::uint64_t>{1, 101, 201, 301, 401, 501, 601});
  }
  SUBCASE("and what is observed goes on from there") {
    desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
    CHECK(desk.looked.back() == Position{kFirst, 701});
    CHECK_FALSE(desk.following->is_behind());
  }
  SUBCASE("and a gap in what is observed is read") {
    desk.chains.append(kFirst, {of_interest()});
    desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
    CHECK(desk.looked.size() == 14);
    CHECK(desk.following->is_behind());
    desk.read();
    CHECK(desk.looked.size() == 16);
    CHECK(desk.looked.back() == Position{kFirst, 702});
  }
  SUBCASE("and what is observed late is not looked at again") {
    const auto late = desk.chains.append(kFirst, {of_interest()});
    desk.following->observe(desk.chains.append(kFirst, {of_none()}));
    desk.read();
    desk.following->observe(late);
    CHECK(desk.looked.size() == 15);
  }
}

TEST_CASE("following: after a stop it goes on behind what was finished, and no further") {
  struct Row {
    const char* words;
    std::vector<std::uint64_t> finished;
    std::vector<std::uint64_t> again;
  };
  // Of interest are 1 (twice), 3 and 5.
  for (const Row& row : {Row{"nothing", {}, {1, 3, 5}}, Row{"half of the first", {1}, {1, 3, 5}},
                         Row{"the first", {1, 1}, {3, 5}}, Row{"the second alone", {3}, {1, 3, 5}},
                         Row{"the last before the first", {5, 1, 1}, {3, 5}}, Row{"all", {3, 1, 5, 1}, {}},
                         Row{"what nobody asked for", {2, 4, 9, 1, 1, 1}, {3, 5}}}) {
    CAPTURE(row.words);
    FollowingDesk desk;
    desk.chains.append(kFirst, {of_interest(), of_interest()});
    for (const bool interesting : {false, true, false, true, false})
      desk.chains.append(kFirst, {interesting ? of_interest() : of_none()});
    desk.read();
    REQUIRE(desk.looked.size() == 3);
    for (const auto seq : row.finished) desk.finish({kFirst, seq});
    CHECK(desk.following->open() == row.again.size() -
                                        (row.finished == std::vector<std::uint64_t>{3} ? 1 : 0) -
                                        (row.finished == std::vector<std::uint64_t>{5, 1, 1} ? 1 : 0));
    desk.following->save();
    desk.restart();
    desk.read();
    std::vector<std::uint64_t> again;
    for (const auto& position : desk.looked) again.push_back(position.seq);
    CHECK(again == row.again);
  }
}

TEST_CASE(
    "following: whichever call of saving fails, the old checkpoint or the new one stands, and it is saved "
    "again") {
  for (const int error : {EIO, ENOSPC}) {
    for (std::size_t n = 0;; ++n) {
      FollowingDesk desk;
      for (int i = 0; i < 2; ++i) desk.chains.append(kFirst, {of_interest()});
      desk.read();
      desk.finish({kFirst, 1});
      desk.following->save();
      desk.finish({kFirst, 2});
      groundtruth::testing::SystemFaults disk(desk.file().parent_path());
      disk.fail_at(n, error, groundtruth::testing::SystemFaults::Lasting::once);
      desk.following->save();
      const auto failed = disk.failed();
      disk.mend();
      CAPTURE(failed);
      const auto standing = groundtruth::testing::read_file(desk.file());
      CHECK((standing.find("\"seq\":1,") != std::string::npos ||
             standing.find("\"seq\":2,") != std::string::npos));
      desk.following->save();  // it has not moved since; what failed is made up for
      CHECK(groundtruth::testing::read_file(desk.file()).find("\"seq\":2,") != std::string::npos);
      if (failed.empty()) {
        CHECK(n > 4);
        break;
      }
    }
  }
}

TEST_CASE("following: a checkpoint that is lost, broken, of another journal or of another history is none") {
  FollowingDesk desk;
  for (int i = 0; i < 5; ++i) desk.chains.append(kFirst, {of_interest()});
  desk.read();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) desk.finish({kFirst, seq});
  desk.following->save();
  desk.restart();
  desk.read();
  REQUIRE(desk.looked.empty());

  SUBCASE("lost") {
    std::filesystem::remove(desk.file());
  }
  SUBCASE("empty") {
    std::ofstream(desk.file(), std::ios::trunc).close();
  }
  SUBCASE("half written") {
    std::filesystem::resize_file(desk.file(), std::filesystem::file_size(desk.file()) / 2);
  }
  SUBCASE("of another journal") {
    Chains other("00000000-0000-4000-8000-000000000002");
    other.append(kFirst, {of_interest()});
    FollowingOptions options;
    options.checkpoint_file = desk.file();
    options.markers = {std::string(domain::LeaseEnded::kType)};
    Following theirs(other.journal(), other.codec(), options,
                     [](const journal::Accepted&, Following::Term) { return 0; });
    theirs.assign(journal::PartitionSet().set());
    while (theirs.read()) {
    }
    theirs.save();
  }
  SUBCASE("of another history") {
    Chains other;  // the same name, another chain
    for (int i = 0; i < 3; ++i) other.append(kFirst, {of_interest(), of_interest()});
    FollowingOptions options;
    options.checkpoint_file = desk.file();
    options.markers = {std::string(domain::LeaseEnded::kType)};
    Following theirs(other.journal(), other.codec(), options,
                     [](const journal::Accepted&, Following::Term) { return 0; });
    theirs.assign(journal::PartitionSet().set());
    while (theirs.read()) {
    }
    theirs.save();
  }
  desk.restart();
  desk.read();
  CHECK(desk.looked.size() == 5);
  CHECK_FALSE(desk.following->is_behind());
}

TEST_CASE("following: without room nothing more is taken, and with room all of it, in order") {
  FollowingDesk desk(3);
  for (int i = 0; i < 20; ++i) desk.chains.append(kFirst, {of_interest()});
  desk.read();
  const std::size_t first = desk.looked.size();
  CHECK(first >= 1);
  CHECK(first <= 3);
  CHECK(desk.following->open() == first);
  CHECK(desk.following->is_behind());
  for (int i = 0; i < 10; ++i) desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
  CHECK(desk.looked.size() == first);
  for (std::uint64_t seq = 1; seq <= 30; ++seq) {
    desk.finish({kFirst, seq});
    desk.read();
    REQUIRE(desk.following->open() <= 3);
  }
  REQUIRE(desk.looked.size() == 30);
  for (std::uint64_t i = 0; i < 30; ++i) CHECK(desk.looked[i] == Position{kFirst, i + 1});
  CHECK_FALSE(desk.following->is_behind());
}

TEST_CASE("following: beyond its own room one takes what all share, and leaves the others theirs") {
  FollowingDesk desk(1, 3);
  for (const auto partition : {kFirst, kSecond}) desk.following->observe(desk.chains.genesis(partition));
  for (int i = 0; i < 5; ++i) desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
  CHECK(desk.looked == std::vector<Position>{{kFirst, 1}, {kFirst, 2}, {kFirst, 3}});
  for (int i = 0; i < 2; ++i) desk.following->observe(desk.chains.append(kSecond, {of_interest()}));
  CHECK(desk.looked.size() == 4);
  CHECK(desk.looked.back() == Position{kSecond, 1});
  for (std::uint64_t seq = 1; seq <= 3; ++seq) desk.finish({kFirst, seq});
  desk.read();
  CHECK(desk.looked.size() == 6);
  desk.finish({kSecond, 1});
  desk.read();
  CHECK(desk.looked.size() == 7);
  CHECK(desk.following->open() == 3);
}

TEST_CASE("following: a lane that is full stands still, and its place is kept beside those of the others") {
  TemporaryFolder folder;
  Chains chains;
  std::map<std::size_t, std::vector<std::uint64_t>> looked;  // by lane
  const auto open = [&] {
    FollowingOptions options;
    options.checkpoint_file = folder.path() / "place.json";
    options.markers = {std::string(domain::LeaseEnded::kType)};
    options.lanes = 3;
    options.max_open = 2;
    looked.clear();
    auto following = std::make_unique<Following>(
        chains.journal(), chains.codec(), options,
        [&](const journal::Accepted& accepted, const Following::Lanes& lanes, Following::Term) {
          Following::LaneJobs jobs{};
          const std::size_t lane = accepted.seq % 2;  // lane 2 has nothing to do, ever
          if (!lanes[lane] || accepted.commit->find<domain::LeaseEnded>() == nullptr) return jobs;
          looked[lane].push_back(accepted.seq);
          jobs[lane] = 1;
          return jobs;
        });
    following->load();
    following->assign(journal::PartitionSet().set());
    return following;
  };
  auto following = open();
  const auto read = [&] {
    while (following->read()) {
    }
  };
  // Lane 0 gets nothing done; what lane 1 is given is done at once.
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    following->observe(chains.append(kFirst, {of_interest()}));
    read();
    following->finished({kFirst, seq}, 1, 1);
  }
  CHECK(looked[0] == std::vector<std::uint64_t>{2, 4});
  CHECK(looked[1] == std::vector<std::uint64_t>{1, 3, 5, 7, 9, 11, 13, 15, 17, 19});
  CHECK(following->open() == 2);
  CHECK(following->is_behind());
  following->finished({kFirst, 2}, 1, 1);  // of another lane: no job of its
  CHECK(following->open() == 2);
  following->finished({kFirst, 2}, 1, 0);
  following->save();

  following = open();
  read();
  CHECK(looked[0] == std::vector<std::uint64_t>{4, 6});
  CHECK(looked[1].empty());
  for (std::uint64_t seq = 4; seq <= 20; seq += 2) {
    following->finished({kFirst, seq}, 1, 0);
    read();
  }
  CHECK(looked[0] == std::vector<std::uint64_t>{4, 6, 8, 10, 12, 14, 16, 18, 20});
  CHECK_FALSE(following->is_behind());
  following->save();
  following = open();
  read();
  CHECK(looked.empty());
}

TEST_CASE("following: a checkpoint from before there were lanes holds for all of them") {
  FollowingDesk desk;
  for (int i = 0; i < 3; ++i) desk.chains.append(kFirst, {of_interest()});
  desk.read();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) desk.finish({kFirst, seq});
  desk.following->save();
  FollowingOptions options;
  options.checkpoint_file = desk.file();
  options.markers = {std::string(domain::LeaseEnded::kType)};
  options.lanes = Following::kMaxLanes;
  int looks = 0;
  Following following(desk.chains.journal(), desk.chains.codec(), options,
                      [&](const journal::Accepted&, const Following::Lanes&, Following::Term) {
                        ++looks;
                        return Following::LaneJobs{};
                      });
  following.load();
  following.assign(journal::PartitionSet().set());
  while (following.read()) {
  }
  CHECK(looks == 0);
  following.observe(desk.chains.append(kFirst, {of_interest()}));
  CHECK(looks == 1);
}

TEST_CASE("following: a file that cannot be written is said, and work goes on") {
  FollowingDesk desk;
  std::filesystem::create_directory(desk.file());
  desk.chains.append(kFirst, {of_none()});
  desk.read();
  desk.following->save();
  REQUIRE(desk.said.size() == 1);
  CHECK(desk.said[0].find("place.json") != std::string::npos);
  // It is tried again, though nothing has moved since.
  std::filesystem::remove(desk.file());
  desk.following->save();
  CHECK(std::filesystem::is_regular_file(desk.file()));
}

TEST_CASE("following: a log that was cut under its feet is not read on, and nobody runs in circles") {
  FollowingDesk desk;
  for (int i = 0; i < 4; ++i) desk.chains.append(kFirst, {of_interest()});
  desk.read();
  const auto last = desk.chains.append(kFirst, {of_none()});
  desk.chains.journal().truncate_tail(kFirst, 2);
  desk.following->observe(journal::Accepted{kFirst, 9, 9, {}, last.bytes, nullptr});
  int rounds = 0;
  while (rounds < 100 && desk.following->read()) ++rounds;
  CHECK(rounds < 100);
}

TEST_CASE("following: a partition of others is not looked at, and from its place on once it is ours") {
  FollowingDesk desk;
  desk.assign({kSecond});
  desk.following->observe(desk.chains.genesis(kFirst));
  for (int i = 0; i < 3; ++i)
    for (const auto partition : {kFirst, kSecond})
      desk.following->observe(desk.chains.append(partition, {of_interest()}));
  desk.read();
  CHECK(desk.looked == std::vector<Position>{{kSecond, 1}, {kSecond, 2}, {kSecond, 3}});
  CHECK_FALSE(desk.following->is_behind());

  desk.assign({kFirst, kSecond});
  CHECK(desk.following->is_behind());
  // It comes in its turn, not before those that were passed over.
  desk.following->observe(desk.chains.append(kFirst, {of_interest()}));
  CHECK(desk.looked.size() == 3);
  desk.read();
  REQUIRE(desk.looked.size() == 7);
  for (std::uint64_t i = 0; i < 4; ++i) CHECK(desk.looked[3 + i] == Position{kFirst, i + 1});
  CHECK_FALSE(desk.following->is_behind());
  CHECK(desk.following->open() == 7);
}

TEST_CASE("following: a partition that is lost is let go with what is open, and keeps its place") {
  FollowingDesk desk;
  for (const auto jobs : {1U, 2U, 1U, 1U})
    desk.chains.append(kFirst, std::vector<domain::Event>(jobs, of_interest()));
  desk.chains.append(kSecond, {of_interest()});
  desk.read();
  desk.finish({kFirst, 1});
  desk.finish({kFirst, 2});  // one of its two
  desk.finish({kFirst, 4});
  CHECK(desk.following->is_ours(kFirst, 1));
  desk.assign({kSecond});
  CHECK_FALSE(desk.following->is_ours(kFirst, 1));
  CHECK(desk.following->is_ours(kSecond, 1));
  CHECK(desk.following->open() == 1);
  CHECK_FALSE(desk.following->is_behind());
  for (const auto seq : {2U, 3U, 4U, 99U}) desk.finish({kFirst, seq});  // too late
  const auto seqs_again = [&] {
    desk.looked.clear();
    desk.assign({kFirst, kSecond});
    desk.read();
    std::vector<std::uint64_t> seqs;
    for (const auto& position : desk.looked)
      if (position.partition == kFirst) seqs.push_back(position.seq);
    return seqs;
  };
  const std::vector<std::uint64_t> behind_the_first{2, 3, 4};
  SUBCASE("for the next stop") {
    desk.following->save();
    desk.restart();
    CHECK(seqs_again() == behind_the_first);
  }
  SUBCASE("and for when it is gained back, where a job of before is nobody's") {
    CHECK(seqs_again() == behind_the_first);
    CHECK_FALSE(desk.following->is_ours(kFirst, 1));
    CHECK(desk.following->is_ours(kFirst, 2));
    for (const auto seq : {2U, 2U, 3U, 4U}) desk.finish({kFirst, seq});
    CHECK(desk.following->open() == 4);
    for (const auto seq : {2U, 2U, 3U, 4U}) desk.following->finished({kFirst, seq}, 2);
    CHECK(desk.following->open() == 1);
    desk.following->save();
    desk.restart();
    CHECK(seqs_again().empty());
  }
}

TEST_CASE("following: each lane of a partition that is lost keeps a place of its own") {
  TemporaryFolder folder;
  Chains chains;
  FollowingOptions options;
  options.checkpoint_file = folder.path() / "place.json";
  options.markers = {std::string(domain::LeaseEnded::kType)};
  options.lanes = 2;
  std::map<std::size_t, std::vector<std::uint64_t>> looked;  // by lane
  Following following(chains.journal(), chains.codec(), options,
                      [&](const journal::Accepted& accepted, const Following::Lanes& lanes, Following::Term) {
                        Following::LaneJobs jobs{};
                        const std::size_t lane = accepted.seq % 2;
                        if (!lanes[lane]) return jobs;
                        looked[lane].push_back(accepted.seq);
                        jobs[lane] = 1;
                        return jobs;
                      });
  const auto all = journal::PartitionSet().set();
  following.assign(all);
  for (int i = 0; i < 6; ++i) following.observe(chains.append(kFirst, {of_interest()}));
  while (following.read()) {
  }
  for (const auto seq : {1U, 3U, 5U}) following.finished({kFirst, seq}, 1, 1);
  following.finished({kFirst, 2}, 1, 0);
  following.assign({});
  CHECK(following.open() == 0);
  looked.clear();
  following.assign(all);
  while (following.read()) {
  }
  CHECK(looked[0] == std::vector<std::uint64_t>{4, 6});
  CHECK(looked[1].empty());
}

// A worker that stops at any moment, that gains and loses partitions, with a file of any age, and does its
// jobs in any order.
TEST_CASE("following: nothing is missed, whatever stops, is lost or gained back") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  std::mt19937_64 dice(seed);
  const auto upto = [&](std::uint64_t bound) { return dice() % bound; };
  for (int round = 0; round < 25; ++round) {
    FollowingDesk desk(1 + upto(6));
    std::map<Position, std::size_t> jobs;  // of each commit
    std::set<Position> done;
    std::vector<std::pair<Position, Following::Term>> open;
    std::vector<journal::Accepted> accepted;  // not observed yet
    const std::vector<Partition> partitions{kFirst, kSecond, {Topic::tasks, 3}};
    std::size_t taken = 0;  // of desk.looked, into `open`
    const auto take = [&] {
      for (; taken < desk.looked.size(); ++taken)
        for (std::size_t i = 0; i < jobs.at(desk.looked[taken]); ++i)
          open.emplace_back(desk.looked[taken], desk.terms[taken]);
    };
    for (int step = 0; step < 150; ++step) {
      switch (upto(8)) {
        case 0:
          desk.following->save();
          break;
        case 1:
          if (upto(6) > 0) break;
          if (upto(3) == 0) std::filesystem::remove(desk.file());
          desk.restart();
          taken = 0;
          open.clear();
          accepted.clear();  // the node finds them in the journal again, and so must this
          break;
        case 2:
          if (upto(4) == 0) {
            journal::PartitionSet ours;
            for (const auto& partition : partitions) ours.set(journal::index_of(partition), upto(2) == 0);
            desk.following->assign(ours);
          }
          desk.following->read();
          break;
        case 3:
        case 4: {
          take();
          if (open.empty()) break;
          const auto which = upto(open.size());
          const auto job = open[which];
          open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
          if (std::find(open.begin(), open.end(), job) == open.end()) done.insert(job.first);
          desk.following->finished(job.first, job.second);
          break;
        }
        default: {
          const auto where = partitions[upto(3)];
          std::vector<domain::Event> events{of_none()};
          for (auto count = upto(3); count > 0; --count) events.push_back(of_interest());
          const auto made = desk.chains.append(where, events);
          if (events.size() > 1) jobs[{where, made.seq}] = events.size() - 1;
          if (upto(4) == 0) desk.chains.orphan(where);
          accepted.push_back(made);
          if (upto(3) == 0) break;
          for (const auto& one : std::exchange(accepted, {})) desk.following->observe(one);
        }
      }
      take();
      for (const auto& partition : partitions) {
        std::vector<std::pair<Following::Term, std::uint64_t>> here;
        for (std::size_t i = 0; i < desk.looked.size(); ++i)
          if (desk.looked[i].partition == partition) here.emplace_back(desk.terms[i], desk.looked[i].seq);
        REQUIRE(std::adjacent_find(here.begin(), here.end(), std::greater_equal<>{}) == here.end());
      }
    }
    // In the end all is done that ever was to be done.
    desk.following->assign(journal::PartitionSet().set());
    for (const auto& one : accepted) desk.following->observe(one);
    for (;;) {
      desk.read();
      take();
      if (open.empty()) break;
      for (const auto& [position, term] : std::exchange(open, {})) {
        desk.following->finished(position, term);
        done.insert(position);
      }
    }
    REQUIRE(done.size() == jobs.size());
    REQUIRE(desk.following->open() == 0);
    desk.following->save();
    desk.restart();
    desk.read();
    REQUIRE(desk.looked.empty());
  }
}

TEST_CASE("following: observing, reading, finishing and saving from threads of their own") {
  FollowingDesk desk(64);
  constexpr int kCommits = 3'000;
  std::vector<journal::Accepted> commits;
  for (int i = 0; i < kCommits; ++i) commits.push_back(desk.chains.append(kFirst, {of_interest()}));
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Position> todo;
  std::uint64_t looked = 0;
  bool in_order = true;
  FollowingOptions options;
  options.checkpoint_file = desk.file();
  options.markers = {std::string(domain::LeaseEnded::kType)};
  options.max_open = 64;
  Following following(desk.chains.journal(), desk.chains.codec(), options,
                      [&](const journal::Accepted& accepted, Following::Term) {
                        const std::lock_guard lock(mutex);
                        todo.push_back({accepted.partition, accepted.seq});
                        in_order = in_order && accepted.seq == ++looked;
                        changed.notify_all();
                        return std::size_t{1};
                      });
  following.assign(journal::PartitionSet().set());
  std::thread observer([&] {
    for (const auto& accepted : commits) following.observe(accepted);
  });
  std::thread finisher([&] {
    for (int i = 0; i < kCommits; ++i) {
      Position position;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !todo.empty(); });
        position = todo.front();
        todo.pop_front();
      }
      following.finished(position, 1);
      if (i % 64 == 0) following.save();
    }
  });
  std::thread reader([&] {
    for (;;) {
      following.read();
      const std::lock_guard lock(mutex);
      if (looked == kCommits) return;
    }
  });
  observer.join();
  finisher.join();
  reader.join();
  CHECK(in_order);
  CHECK(following.open() == 0);
  CHECK_FALSE(following.is_behind());
}
