// Read models are a pure function of the journal: however they came to be, the digest is the same.
#include "projections/digest.hpp"

#include <doctest/doctest.h>

#include "projections/rebuild.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

TEST_CASE("digest: one journal, any batches, live or rebuilt, the same content") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    std::mt19937_64 dice(seed);
    const TempDir first, second;
    auto options = Desk::options_for(first.path());
    options.max_batch_commits = 1 + dice() % 40;
    Desk one(options);
    for (int part = 0; part < 4; ++part) {
      story.steps(250);
      one.catch_up(story, dice);
    }
    REQUIRE(one.failures().empty());
    const auto live = one.digests();

    Desk two(second.path());
    two.catch_up(story);
    CHECK(two.digests() == live);

    RebuildOptions rebuilding;
    rebuilding.batch_commits = 1 + dice() % 300;
    rebuild(one.projector(), story.journal(), story.codec(), every_projection(), rebuilding);
    CHECK(one.digests() == live);

    // A rebuilt file goes on like any other.
    story.steps(200);
    one.catch_up(story, dice);
    two.catch_up(story, dice);
    CHECK(one.digests() == two.digests());
    CHECK(one.failures().empty());
    CHECK(one.digests() != live);
  }
}

TEST_CASE("digest: names the positions it was taken at, and differs with the content") {
  Story story(5);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  story.deposit(customer, {100});
  desk.catch_up(story);
  const auto take = [&] {
    const auto lease = desk.projector().readers("wallets").lease_lengthy();
    return digest_of(*lease, desk.projector().definition("wallets"));
  };
  const auto before = take();
  CHECK(before.rows == 2);  // the wallet and its posting
  CHECK(before.checkpoints[journal::index_of(story.home(customer.value))].seq == 2);
  story.deposit(customer, {1});
  desk.catch_up(story);
  CHECK(take().hex != before.hex);
  CHECK(take().checkpoints[journal::index_of(story.home(customer.value))].seq == 3);
}
