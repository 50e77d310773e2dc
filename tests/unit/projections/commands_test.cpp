// Retries: which commands and keyed requests a partition remembers, and for how long.
#include "projections/commands/commands.hpp"

#include <doctest/doctest.h>

#include "projections/commands/queries.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

constexpr std::int64_t kHour = 3'600'000;

const journal::KeyedRequest& keyed_of(const journal::Accepted& accepted) {
  return *accepted.commit->command.keyed;
}
journal::CommandKey key_of(const journal::Accepted& accepted) {
  return journal::command_key(accepted.commit->actor.account, keyed_of(accepted));
}

}  // namespace

TEST_CASE("commands: a retry finds its commit, and only in its own partition") {
  Story story(1);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  story.keyed("order-1").task(customer);
  const auto accepted = story.accepted().back();
  desk.catch_up(story);
  auto& models = desk.projector();
  const auto here = accepted.partition;
  const journal::Partition elsewhere{here.topic, static_cast<std::uint16_t>((here.number + 1) % 16)};

  const auto by_id = models.find_command(here, accepted.commit->command.id);
  REQUIRE(by_id);
  CHECK(by_id->seq == accepted.seq);
  CHECK(by_id->offset == accepted.offset);
  CHECK(by_id->request_hash == keyed_of(accepted).request_hash);
  const auto by_key = models.find_key(here, key_of(accepted));
  REQUIRE(by_key);
  CHECK(by_key->seq == accepted.seq);
  CHECK(by_key->request_hash == keyed_of(accepted).request_hash);

  CHECK_FALSE(models.find_command(elsewhere, accepted.commit->command.id));
  CHECK_FALSE(models.find_key(elsewhere, key_of(accepted)));
  CHECK_FALSE(models.find_command(here, {"cmd_unheard_of"}));
  auto other_scope = keyed_of(accepted);
  other_scope.scope = "POST /api/v1/api-keys";
  CHECK_FALSE(models.find_key(here, journal::command_key(accepted.commit->actor.account, other_scope)));
  CHECK_FALSE(models.find_key(here, journal::command_key("org_other", keyed_of(accepted))));
}

TEST_CASE("commands: remembered for at least 24 hours, forgotten after 25 and the turn of an hour") {
  struct Row {
    std::int64_t after_ms;
    bool found;
  };
  // The story begins at 10:13:20 of its day.
  const Row rows[] = {{kHour, true},           {24 * kHour, true},  {25 * kHour - 1, true},
                      {25 * kHour + 1, false}, {27 * kHour, false}, {1000 * kHour, false}};
  for (const auto& row : rows) {
    CAPTURE(row.after_ms);
    Story story(2);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    story.keyed("order-1").task(customer);
    const auto accepted = story.accepted().back();
    desk.catch_up(story);
    story.pass(row.after_ms);
    CHECK(desk.projector().find_key(accepted.partition, key_of(accepted)));  // only the chain's time counts
    story.deposit(customer, {1});
    desk.catch_up(story);
    CHECK(desk.projector().find_key(accepted.partition, key_of(accepted)).has_value() == row.found);
    CHECK(desk.projector().find_command(accepted.partition, accepted.commit->command.id).has_value() ==
          row.found);
  }
}

TEST_CASE("commands: a key that was forgotten can be used again") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  story.keyed("again").task(customer);
  story.pass(30 * kHour);
  story.keyed("again").task(customer);
  const auto second = story.accepted().back();
  desk.catch_up(story);
  CHECK(desk.projector().find_key(second.partition, key_of(second))->seq == second.seq);
}

TEST_CASE("commands: rows that are forgotten are deleted in small bites until none is left") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  for (int i = 0; i < 1500; ++i) story.deposit(customer, {1});
  desk.catch_up(story);
  story.pass(40 * kHour);
  const auto rows = [&] {
    const auto db = desk.projector().readers("commands").lease();
    return db->query_int64("SELECT count(*) FROM seen");
  };
  std::vector<std::int64_t> left;
  for (int i = 0; i < 4; ++i) {
    story.deposit(customer, {1});
    desk.catch_up(story);
    left.push_back(rows());
  }
  CHECK(left.front() > 900);
  CHECK(left.back() == 4);
}

TEST_CASE("commands: a relay's mark is the highest source position, and survives its command") {
  Story story(5);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto here = story.home(customer.value);
  const journal::Partition source{journal::Topic::workers, 3};
  const auto relay_effect = [&](std::uint64_t seq, std::uint32_t event, const char* effect) {
    story.because({source, seq, event, effect}).deposit(customer, {1});
    desk.catch_up(story);
  };
  relay_effect(7, 1, "payout.0");
  relay_effect(7, 0, "payout.1");
  CHECK(desk.projector().relay_mark(here, "payout:workers/3") == journal::RelayMark{7, 1});
  relay_effect(9, 0, "payout.0");
  relay_effect(2, 0, "refund.0");
  story.pass(1000 * kHour);
  story.deposit(customer, {1});
  desk.catch_up(story);
  CHECK(desk.projector().relay_mark(here, "payout:workers/3") == journal::RelayMark{9, 0});
  CHECK(desk.projector().relay_mark(here, "refund:workers/3") == journal::RelayMark{2, 0});
  CHECK_FALSE(desk.projector().relay_mark(here, "payout:workers/4"));
}
