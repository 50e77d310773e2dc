// Media that nobody names goes, and what a submission names or may name stays: whoever is quicker.
#include "workers/collecting/media_collector.hpp"

#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <set>

#include "tests/unit/workers/chains.hpp"
#include "tests/unit/workers/media_support.hpp"
#include "tests/unit/workers/memory_blob_store.hpp"
#include "workers/adapters/folder_blob_store.hpp"
#include "workers/ports/blob_keys.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::workers;
using namespace groundtruth::workers::test;
using adapters::testing::sha256_of;
using adapters::testing::spec_of;
using adapters::testing::TemporaryFolder;
using ports::blob_key;

namespace {

constexpr journal::Partition kPartition{journal::Topic::tasks, 1};
constexpr std::chrono::milliseconds kKeep{7'200'000};
constexpr std::chrono::seconds kAgain{62};  // between two removals, and a look more

// A store where something may happen while an object is being removed.
class Store final : public groundtruth::workers::testing::MemoryBlobStore {
 public:
  void remove(std::string_view key) override {
    if (broken) throw ports::BlobStoreError("the store is away");
    if (before_removal) before_removal(std::string(key));
    MemoryBlobStore::remove(key);
  }
  bool holds(const AssignmentId& id, const std::string& content, std::uint32_t lease = 1) {
    return find(blob_key(id, lease, sha256_of(content))).has_value();
  }
  std::function<void(const std::string& key)> before_removal;
  bool broken = false;
};

AssignmentId assignment_in(std::uint64_t number) {
  return new_id<AssignmentId>("asg_", {1}, Bucket{1}, {number, number});
}

struct CollectorDesk {
  explicit CollectorDesk(ports::BlobStore* other = nullptr) : blobs(other != nullptr ? *other : store) {
    chains.genesis(kPartition);
    start();
  }
  ~CollectorDesk() { collector.reset(); }

  void start() {
    CollectorOptions options;
    options.checkpoint_file = file();
    options.keep = kKeep;
    options.log = [this](const std::string& what) { said.push_back(what); };
    collector = std::make_unique<MediaCollector>([this](const AssignmentId& id) { return find(id); }, blobs,
                                                 chains.journal(), chains.codec(), clock, executor, duties,
                                                 std::move(options));
    duties.start();
    collector->start();
    run();
  }
  std::optional<Assignment> find(const AssignmentId& id) {
    const auto found = models.find(id);
    return found == models.end() ? std::nullopt : std::optional(found->second);
  }
  void run() { executor.run(clock.steady()); }
  void pass(std::chrono::milliseconds time) {
    clock.wall_ms += time.count();
    clock.steady_ms += time.count();
    run();
  }
  void announce(const AssignmentId& id, const std::string& content) {
    const Upload upload{{"upl"}, "video/mp4", static_cast<std::int64_t>(content.size()), sha256_of(content)};
    models[id].uploads.push_back(upload);
    collector->observe(chains.append(kPartition, {UploadAnnounced{id, models[id].lease, upload}}));
    run();
  }
  void put(const AssignmentId& id, const std::string& content) {
    blobs.put(spec_of(blob_key(id, models[id].lease, sha256_of(content)), content), content);
  }
  // A worker who has announced and uploaded `content`, in that state by now.
  AssignmentId brought(const std::string& content, AssignmentStatus status,
                       const std::vector<std::string>& named = {}) {
    const auto id = assignment_in(++numbers);
    auto& assignment = models[id];
    assignment.id = id;
    assignment.lease = 1;
    assignment.lease_until = {clock.wall_ms + 1'800'000};
    announce(id, content);
    put(id, content);
    assignment.status = status;
    for (const auto& name : named)
      assignment.media.push_back({"video/mp4", 1, sha256_of(name), std::nullopt});
    return id;
  }
  std::filesystem::path file() const { return folder.path() / "collector.json"; }

  TemporaryFolder folder;
  Chains chains;
  FakeClock clock;
  FakeRandomness randomness;
  FakeExecutor executor;
  FakeDuties duties;
  Store store;
  ports::BlobStore& blobs;
  std::map<AssignmentId, Assignment> models;  // what the read models say
  std::vector<std::string> said;
  std::uint64_t numbers = 0;
  std::unique_ptr<MediaCollector> collector;
};

}  // namespace

TEST_CASE("media: names of objects") {
  const AssignmentId id = assignment_in(1);
  const std::string hash = sha256_of("film");
  CHECK(blob_key(id, 12, hash) == id.value + "/12-" + hash);
  CHECK(blob_key(id, 0, hash) == id.value + "/" + hash);
  for (const std::string& name : {hash, "1-" + hash, "4294967295-" + hash}) CHECK(ports::is_blob_name(name));
  for (const std::string& name :
       {"-" + hash, "0-" + hash, "01-" + hash, "1--" + hash, "1-1-" + hash, "a-" + hash,
        "12345678901-" + hash, "1-" + hash + "0", std::string("1-"), std::string()})
    CHECK_FALSE(ports::is_blob_name(name));
}

TEST_CASE("media: what becomes of an upload once its URL is over") {
  struct Row {
    const char* words;
    AssignmentStatus status;
    std::vector<std::string> named;
    bool stays;
  };
  using Status = AssignmentStatus;
  for (const Row& row :
       {Row{"the lease lapsed or was given back", Status::lapsed, {}, false},
        Row{"it is still held", Status::leased, {}, true},
        Row{"a submission waits that names it", Status::pending, {"other", "film"}, true},
        Row{"a submission waits that names something else", Status::pending, {"other"}, false},
        Row{"a submission was bought that names it", Status::approved, {"film"}, true},
        Row{"a submission was bought that names something else", Status::approved, {"other"}, false},
        Row{"a submission was rejected that names it", Status::rejected, {"film"}, true},
        Row{"a submission was rejected that names something else", Status::rejected, {"other"}, false}}) {
    CAPTURE(row.words);
    CollectorDesk desk;
    const auto id = desk.brought("film", row.status, row.named);
    desk.pass(kKeep - std::chrono::milliseconds(2'000));
    CHECK(desk.store.holds(id, "film"));
    desk.pass(std::chrono::milliseconds(2'000));
    CHECK(desk.store.holds(id, "film") == row.stays);
    CHECK(desk.collector->removed() == (row.stays ? 0 : 1));
    desk.pass(kAgain);
    CHECK(desk.collector->removed() == (row.stays ? 0 : 1));
    CHECK(desk.collector->waiting() == (row.status == Status::leased ? 1 : 0));
  }
}

TEST_CASE("media: of a partition of others it stays, and is looked at once that is ours") {
  CollectorDesk desk;
  const auto first = desk.brought("film", AssignmentStatus::lapsed);
  CHECK(desk.collector->waiting() == 1);
  desk.duties.give(kPartition, false);
  const auto second = desk.brought("song", AssignmentStatus::lapsed);
  CHECK(desk.collector->waiting() == 0);
  desk.pass(2 * kKeep);
  CHECK(desk.store.holds(first, "film"));
  CHECK(desk.store.holds(second, "song"));
  desk.duties.give(kPartition, true);
  desk.pass(std::chrono::seconds(2));
  CHECK_FALSE(desk.store.holds(first, "film"));
  CHECK_FALSE(desk.store.holds(second, "song"));
  CHECK(desk.collector->removed() == 2);
  desk.pass(kAgain);
  CHECK(desk.collector->waiting() == 0);
}

TEST_CASE("media: of a lease that outlives its uploads' URLs it stays until the chain says that it is over") {
  CollectorDesk desk;
  const auto id = desk.brought("film", AssignmentStatus::leased);
  desk.models[id].lease_until = {desk.clock.wall_ms + 4 * kKeep.count()};
  desk.pass(2 * kKeep);
  CHECK(desk.store.holds(id, "film"));
  desk.pass(3 * kKeep);  // its time has passed, and nobody has said so
  CHECK(desk.store.holds(id, "film"));
  desk.models[id].status = AssignmentStatus::lapsed;
  desk.pass(std::chrono::seconds(2));
  CHECK_FALSE(desk.store.holds(id, "film"));
}

TEST_CASE("media: what a lease has left goes, whatever a later one brings") {
  CollectorDesk desk;
  const auto id = desk.brought("film", AssignmentStatus::lapsed);
  auto& assignment = desk.models[id];
  assignment.uploads.clear();
  assignment.lease = 2;
  SUBCASE("which is held") {
    assignment.status = AssignmentStatus::leased;
  }
  SUBCASE("whose submission names the same bytes") {
    assignment.status = AssignmentStatus::pending;
    assignment.media.push_back({"video/mp4", 4, sha256_of("film"), std::nullopt});
  }
  desk.announce(id, "film");
  desk.put(id, "film");
  assignment.lease_until = {desk.clock.wall_ms + 4 * kKeep.count()};
  desk.pass(kKeep);
  CHECK_FALSE(desk.store.holds(id, "film", 1));
  CHECK(desk.store.holds(id, "film", 2));
  CHECK(desk.collector->removed() == 1);
}

TEST_CASE("media: of a lease that the read models do not show yet it stays") {
  CollectorDesk desk;
  const auto id = desk.brought("film", AssignmentStatus::pending, {"film"});
  const Assignment now = std::exchange(desk.models[id], {});
  SUBCASE("they show nothing") {
    desk.models.erase(id);
  }
  SUBCASE("they show the lease before, which has ended") {
    desk.models[id].status = AssignmentStatus::lapsed;
  }
  SUBCASE("they show the lease before, which is held") {
    desk.models[id].status = AssignmentStatus::leased;
  }
  desk.pass(3 * kKeep);
  CHECK(desk.store.holds(id, "film"));
  CHECK(desk.collector->waiting() == 1);
  desk.models[id] = now;
  desk.pass(kAgain);
  CHECK(desk.store.holds(id, "film"));
  CHECK(desk.collector->waiting() == 0);
  CHECK(desk.collector->removed() == 0);
}

TEST_CASE("media: what a proof stores once more as its lease ends goes too") {
  CollectorDesk desk;
  const auto id = desk.brought("film", AssignmentStatus::lapsed);
  desk.pass(kKeep);
  CHECK_FALSE(desk.store.holds(id, "film"));
  desk.put(id, "film");
  desk.pass(kAgain);
  CHECK_FALSE(desk.store.holds(id, "film"));
  CHECK(desk.collector->waiting() == 0);
}

TEST_CASE("media: of leases that were not counted") {
  CollectorDesk desk;
  const auto gone = desk.brought("gone", AssignmentStatus::lapsed);
  const auto named = desk.brought("named", AssignmentStatus::approved, {"named"});
  for (const auto& [id, content] : {std::pair{gone, "gone"}, {named, "named"}}) {
    desk.models[id].lease = 0;
    desk.announce(id, content);
    desk.put(id, content);
    CHECK(desk.store.find(id.value + "/" + sha256_of(content)));
  }
  desk.pass(kKeep);
  CHECK_FALSE(desk.store.holds(gone, "gone", 0));
  CHECK(desk.store.holds(named, "named", 0));
}

TEST_CASE("media: a store that is away is asked again") {
  CollectorDesk desk;
  const auto id = desk.brought("film", AssignmentStatus::lapsed);
  desk.store.broken = true;
  desk.pass(kKeep);
  CHECK(desk.said.size() == 1);
  CHECK(desk.collector->waiting() == 1);
  desk.store.broken = false;
  desk.pass(std::chrono::seconds(60));
  CHECK_FALSE(desk.store.holds(id, "film"));
  desk.pass(kAgain);
  CHECK(desk.collector->waiting() == 0);
}

TEST_CASE("media: a stop at any moment, and a lost place, forget nothing") {
  CollectorDesk desk;
  const auto gone = desk.brought("gone", AssignmentStatus::lapsed);
  const auto named = desk.brought("named", AssignmentStatus::pending, {"named"});
  desk.pass(std::chrono::seconds(5));
  desk.collector.reset();
  SUBCASE("the place was kept") {}
  SUBCASE("the place is lost") {
    std::filesystem::remove(desk.file());
  }
  desk.start();
  CHECK(desk.collector->waiting() == 2);
  desk.pass(kKeep);
  CHECK_FALSE(desk.store.holds(gone, "gone"));
  CHECK(desk.store.holds(named, "named"));
  desk.pass(kAgain);
  desk.collector.reset();
  desk.start();
  CHECK(desk.collector->waiting() == 0);
  desk.collector.reset();
  std::filesystem::remove(desk.file());  // looked at again, and nothing changes
  desk.start();
  desk.pass(std::chrono::seconds(2));
  desk.pass(kAgain);
  CHECK(desk.collector->waiting() == 0);
  CHECK(desk.store.holds(named, "named"));
}

TEST_CASE("media: in a folder") {
  TemporaryFolder folder;
  adapters::FolderBlobStore blobs(folder.path() / "media", adapters::testing::master_key());
  CollectorDesk desk(&blobs);
  const std::string large(100'000, 'g');
  const auto gone = desk.brought("gone", AssignmentStatus::lapsed);
  const auto file = desk.brought(large, AssignmentStatus::lapsed);
  const auto named = desk.brought("named", AssignmentStatus::approved, {"named"});
  const auto never = assignment_in(77);  // announced, and nothing ever came
  desk.models[never].status = AssignmentStatus::lapsed;
  desk.models[never].lease = 1;
  desk.announce(never, "nothing");
  desk.pass(kKeep);
  CHECK_FALSE(blobs.find(blob_key(gone, 1, sha256_of("gone"))));
  CHECK(blobs.find(blob_key(named, 1, sha256_of("named"))));
  CHECK_FALSE(blobs.find(blob_key(file, 1, sha256_of(large))));
  for (const auto& left : std::filesystem::recursive_directory_iterator(folder.path() / "media" / "objects"))
    CHECK_FALSE(left.is_regular_file());
  desk.pass(kAgain);
  CHECK(desk.collector->waiting() == 0);
}

namespace {

// Workers, proofs and the collector in any order, proofs on one node and the collector on another. What the
// chain says reaches the read models of each later; and while an object is being removed, anything else may
// happen.
class Race {
 public:
  Race(std::uint64_t seed, bool leases_are_counted) : dice_(seed), leases_are_counted_(leases_are_counted) {
    for (std::uint64_t i = 0; i < kAssignments; ++i) {
      const auto id = assignment_in(500 + i);
      ids_.push_back(id);
      chain_[id].id = id;
    }
    desk_.models = proofs_models_ = chain_;
    desk_.store.before_removal = [this](const std::string&) {
      for (int i = 0; i < 8; ++i) step(false);
    };
  }

  // How often a submission named something that is gone.
  int play() {
    int lost = 0;
    for (int i = 0; i < 600; ++i) {
      step(true);
      for (const auto& [id, assignment] : chain_)
        for (const auto& media : assignment.media)
          lost += !desk_.store.find(blob_key(id, assignment.lease, media.sha256)).has_value();
    }
    return lost;
  }
  // In the end nothing lies there that is not named.
  bool is_tidy() {
    desk_.store.before_removal = {};
    proofs_.clear();
    for (auto& [id, assignment] : chain_)
      if (assignment.status == AssignmentStatus::leased) assignment.status = AssignmentStatus::lapsed;
    desk_.models = chain_;
    for (const auto& one : std::exchange(unobserved_, {})) desk_.collector->observe(one);
    for (int i = 0; i < 20; ++i) desk_.pass(kKeep);
    for (const auto& [id, assignment] : chain_)
      for (std::uint32_t lease = 1; lease <= assignment.lease; ++lease)
        for (const auto& content : kContents)
          if (desk_.store.holds(id, content, lease) !=
              (lease == assignment.lease && names(assignment, content)))
            return false;
    return desk_.collector->waiting() == 0;
  }

 private:
  static constexpr std::uint64_t kAssignments = 3;
  static inline const std::array<std::string, 2> kContents{"one", "two"};

  struct Proof {
    AssignmentId id;
    std::string content;
    Timestamp lease_until;  // of the lease under which it was verified: another one for each
  };

  static bool names(const Assignment& assignment, const std::string& content) {
    return std::any_of(assignment.media.begin(), assignment.media.end(),
                       [&](const auto& media) { return media.sha256 == sha256_of(content); });
  }
  std::uint64_t upto(std::uint64_t bound) { return dice_() % bound; }

  void step(bool with_collector) {
    const auto id = ids_[upto(ids_.size())];
    const auto& content = kContents[upto(kContents.size())];
    auto& assignment = chain_[id];
    switch (upto(with_collector ? 11 : 9)) {
      case 0:  // accepts
        if (assignment.has_submission() || assignment.status == AssignmentStatus::leased) break;
        assignment.status = AssignmentStatus::leased;
        assignment.uploads.clear();
        ++assignment.lease_until.ms;
        if (leases_are_counted_) ++assignment.lease;
        break;
      case 1:  // releases
        if (assignment.status == AssignmentStatus::leased && upto(2) == 0)
          assignment.status = AssignmentStatus::lapsed;
        break;
      case 2:
      case 3: {  // announces, and mostly uploads
        if (assignment.status != AssignmentStatus::leased) break;
        const Upload upload{{"upl"}, "video/mp4", 3, sha256_of(content)};
        assignment.uploads.push_back(upload);
        unobserved_.push_back(
            desk_.chains.append(kPartition, {UploadAnnounced{id, assignment.lease, upload}}));
        const auto key = blob_key(id, assignment.lease, upload.sha256);
        if (upto(3) > 0) desk_.store.put(spec_of(key, content), content);
        break;
      }
      case 4:
      case 5: {  // a proof looks at what was announced
        const auto& seen = proofs_models_[id];
        if (seen.status == AssignmentStatus::leased && seen.has_announced(sha256_of(content)) &&
            desk_.store.holds(id, content, seen.lease))
          proofs_.push_back({id, content, seen.lease_until});
        break;
      }
      case 6:  // and is decided in the chain
        if (!proofs_.empty()) decide(upto(proofs_.size()));
        break;
      case 7:
        if (upto(2) == 0) proofs_models_ = chain_;
        break;
      case 8:
        if (upto(2) == 0) desk_.models = chain_;
        break;
      case 9:  // committed by the read models, or read from the journal by a process that is behind
        if (upto(2) == 0) desk_.models = chain_;
        for (const auto& one : std::exchange(unobserved_, {})) desk_.collector->observe(one);
        break;
      default:
        desk_.pass(std::chrono::milliseconds(upto(3) == 0 ? kKeep.count() : 1'000));
    }
  }

  void decide(std::size_t which) {
    const Proof proof = proofs_[which];
    proofs_.erase(proofs_.begin() + static_cast<std::ptrdiff_t>(which));
    auto& assignment = chain_[proof.id];
    if (assignment.status != AssignmentStatus::leased || proof.lease_until != assignment.lease_until) return;
    assignment.status = AssignmentStatus::pending;
    assignment.submission = {"sub_1"};
    assignment.media = {{"video/mp4", 3, sha256_of(proof.content), std::nullopt}};
  }

  std::mt19937_64 dice_;
  const bool leases_are_counted_;
  CollectorDesk desk_;
  std::vector<AssignmentId> ids_;
  std::map<AssignmentId, Assignment> chain_, proofs_models_;
  std::vector<journal::Accepted> unobserved_;
  std::vector<Proof> proofs_;
};

}  // namespace

TEST_CASE("media: whatever the order, no submission loses what it names, and nothing else is left") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  for (std::uint64_t round = 0; round < 150; ++round) {
    CAPTURE(round);
    Race race(seed + round, true);
    REQUIRE(race.play() == 0);
    REQUIRE(race.is_tidy());
  }
}

TEST_CASE("media: if objects were not named by lease, a submission would lose what it names") {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 400 && lost == 0; ++seed) lost += Race(seed, false).play();
  CHECK(lost > 0);
}
