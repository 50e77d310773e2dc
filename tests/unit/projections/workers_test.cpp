// What is known of workers: profiles, mails to be sent, standing, earnings; and what is forgotten.
#include "projections/workers/workers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <tuple>

#include "projections/rebuild.hpp"
#include "projections/stream_key.hpp"
#include "projections/workers/queries.hpp"
#include "story.hpp"
#include "tests/unit/files.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;

WorkerQueries workers_of(Desk& desk) {
  return WorkerQueries(desk.projector().readers("workers"));
}

// Has approved, rejected and lapsed work settled, as by relay.
void settle(Story& story, const WorkerId& worker, WorkOutcome outcome, std::int64_t cents = 0) {
  story.run(SettleWork{worker, {}, {}, outcome, {cents}}, bucket_of(worker.value).value(),
            journal::Topic::workers);
}

std::vector<WorkerId> standing_by_the_story(Story& story) {
  std::vector<WorkerId> order;
  for (const auto& id : story.workers()) {
    const auto& worker = story.state<Worker>(id.value);
    if (worker.status == WorkerStatus::verified && worker.approved > 0) order.push_back(id);
  }
  const auto rank = [&](const WorkerId& id) {
    const auto& worker = story.state<Worker>(id.value);
    return std::tuple(worker.approved, worker.trust(), stream_key(id.value));
  };
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  return order;
}

}  // namespace

TEST_CASE("workers: what happened to one is what readers see, with its version") {
  Story story(1);
  const TempDir directory;
  Desk desk(directory.path());
  const auto ada = story.worker("Ada", "ada@work.test", {{"drone"}, {Modality::video}, Area{{1, 2}, 3}});
  desk.catch_up(story);
  const auto workers = workers_of(desk);
  CHECK(workers.worker(ada)->version == 1);
  CHECK(workers.worker(ada)->state.email == "ada@work.test");
  CHECK(workers.worker(ada)->state.offer.area == Area{{1, 2}, 3});
  CHECK(workers.worker(ada)->state.status == WorkerStatus::registered);
  story.verify(ada);
  story.change({ada, "Ada Lovelace", {}, {}, AreaChange{}});
  settle(story, ada, WorkOutcome::approved, 500);
  desk.catch_up(story);
  const auto seen = workers.worker(ada);
  REQUIRE(seen);
  CHECK(seen->version == 4);
  CHECK(seen->state.name == "Ada Lovelace");
  CHECK_FALSE(seen->state.offer.area);
  CHECK(seen->state.offer.skills == std::vector<std::string>{"drone"});
  CHECK(seen->state.earned_cents == Cents{500});
  CHECK_FALSE(workers.worker({"wrk_unheard_of"}));
  CHECK_FALSE(workers.rank({"wrk_unheard_of"}));
}

TEST_CASE("workers: which mails are to be sent, the newest first, until they are done with") {
  using enum domain::WorkerMail;
  Story story(2);
  const TempDir directory;
  Desk desk(directory.path());
  std::vector<WorkerId> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(story.worker());
    story.pass(1);
  }
  desk.catch_up(story);
  const auto workers = workers_of(desk);
  const auto waiting = [&](std::uint32_t limit = 100) {
    std::vector<WorkerId> ids;
    for (const auto& mail : workers.waiting_mails(limit)) ids.push_back(mail.worker);
    return ids;
  };
  CHECK(waiting() == std::vector{all[5], all[4], all[3], all[2], all[1], all[0]});
  CHECK(waiting(2) == std::vector{all[5], all[4]});
  story.mail(all[0]);
  story.mail(all[1], false);
  story.verify(all[3]);
  story.erase(all[4]);
  story.pass(1);
  const auto more = story.worker();
  const auto at_once = story.worker();
  story.verify(at_once);  // registered and verified in one batch
  desk.catch_up(story);
  CHECK(waiting() == std::vector{more, all[5], all[2]});

  // Whatever became of one, another can be asked for.
  story.pass(1);
  story.request_mail(all[1], verification);
  story.request_mail(all[3], password_reset);
  desk.catch_up(story);
  REQUIRE(waiting().size() == 5);
  for (const auto& mail : workers.waiting_mails(2)) {
    CHECK(mail.requested_at == story.now());
    CHECK(mail.mail == (mail.worker == all[1] ? verification : password_reset));
  }
  story.settle_mail(all[1], verification, domain::MailFate::undeliverable);
  story.set_password(all[3], "$argon2id$other");  // by the link of an earlier mail
  desk.catch_up(story);
  CHECK(waiting() == std::vector{more, all[5], all[2]});
}

TEST_CASE("workers: the last registration with an address, of those that wait for their link to be opened") {
  Story story(5);
  const TempDir directory;
  Desk desk(directory.path());
  const auto first = story.worker();
  const auto claim = story.state<Worker>(first.value).email_claim;
  story.pass(1);
  const auto second = story.worker_with(claim);
  desk.catch_up(story);
  const auto workers = workers_of(desk);
  const auto last = [&] {
    desk.catch_up(story);
    const auto worker = workers.last_registration(claim);
    return worker ? worker->id : WorkerId{};
  };
  CHECK(last() == second);
  const auto due = [&](std::int64_t after_ms) {
    std::vector<WorkerId> ids;
    const auto first_at = story.state<Worker>(first.value).registered_at.ms;
    for (const auto& command : workers.due({first_at + after_ms}, {}, 10).commands)
      ids.push_back(command.worker);
    return ids;
  };
  CHECK(due(domain::kRegistrationMs - 1).empty());
  CHECK(due(domain::kRegistrationMs) == std::vector{first});
  CHECK(due(domain::kRegistrationMs + 1) == std::vector{first, second});
  story.verify(first);
  CHECK(last() == second);
  CHECK(due(domain::kRegistrationMs + 1) == std::vector{second});
  story.erase(second);
  CHECK(last() == WorkerId{});
  CHECK_FALSE(workers.last_registration({"eml_unheard_of"}));
}

TEST_CASE("workers: the board goes by approved work, then trust; only the verified stand on it") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  const auto who = [&](std::int64_t approved, std::int64_t rejected) {
    const auto id = story.verified_worker();
    for (; approved > 0; --approved) settle(story, id, WorkOutcome::approved, 100);
    for (; rejected > 0; --rejected) settle(story, id, WorkOutcome::rejected);
    return id;
  };
  const auto careless = who(3, 2), best = who(5, 4), careful = who(3, 0), idle = who(0, 0), bad = who(0, 3);
  const auto unverified = story.worker();
  settle(story, unverified, WorkOutcome::approved, 100);
  const auto gone = who(9, 0);
  desk.catch_up(story);
  const auto workers = workers_of(desk);
  CHECK(workers.rank(gone) == 1);
  story.erase(gone);
  desk.catch_up(story);
  CHECK(workers.standings() == 3);
  const auto board = workers.leaderboard(0, 10);
  REQUIRE(board.size() == 3);
  CHECK(board[0].worker.id == best);
  CHECK(board[1].worker.id == careful);
  CHECK(board[2].worker.id == careless);
  CHECK(board[2].rank == 3);
  CHECK(workers.rank(careful) == 2);
  for (const auto& nobody : {idle, bad, unverified, gone}) CHECK_FALSE(workers.rank(nobody));
  const auto rest = workers.leaderboard(1, 1);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].rank == 2);
  CHECK(rest[0].worker.id == careful);
  CHECK(workers.leaderboard(3, 10).empty());
  CHECK_THROWS(workers.leaderboard(0, 0));
  story.verify(unverified);
  desk.catch_up(story);
  CHECK(workers.rank(unverified) == 4);
}

TEST_CASE("workers: board, ranks, mails and earnings of random stories are what the journal says") {
  for (std::uint64_t seed = 200; seed < 204; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    for (int round = 0; round < 3; ++round) {
      story.steps(800);
      desk.catch_up(story, story.dice());
      REQUIRE(desk.failures().empty());
      const auto workers = workers_of(desk);
      const auto order = standing_by_the_story(story);
      CHECK(workers.standings() == order.size());
      std::vector<WorkerId> board;
      for (std::uint64_t offset = 0; offset <= order.size(); offset += 3)
        for (const auto& standing : workers.leaderboard(offset, 3)) {
          board.push_back(standing.worker.id);
          CHECK(standing.rank == board.size());
        }
      CHECK(board == order);
      for (std::size_t i = 0; i < order.size(); ++i) CHECK(workers.rank(order[i]) == i + 1);
      std::size_t waiting = 0;
      for (const auto& id : story.workers()) {
        const auto& worker = story.state<Worker>(id.value);
        waiting += worker.verification_mail.state == MailState::waiting;
        waiting += worker.reset_mail.state == MailState::waiting;
        const auto row = workers.worker(id);
        REQUIRE(row);
        REQUIRE(row->version == story.version(id.value));
        REQUIRE(row->state.name == worker.name);
        REQUIRE(row->state.offer == worker.offer);
        const auto earned = workers.earned(id, 0, story.now().ms / kDayMs);
        REQUIRE(earned.cents == worker.earned_cents);
        REQUIRE(earned.approved == worker.approved);
      }
      CHECK(workers.waiting_mails(100'000).size() == waiting);
    }
  }
}

TEST_CASE("workers: earnings count on the day when they were settled, by the clock of Greenwich") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  const auto ada = story.verified_worker(), other = story.verified_worker();
  const auto day = story.now().ms / kDayMs + 1;
  story.pass(day * kDayMs - story.now().ms - 1);
  settle(story, ada, WorkOutcome::approved, 100);  // the last millisecond of the day before
  story.pass(1);
  settle(story, ada, WorkOutcome::approved, 20);
  settle(story, ada, WorkOutcome::rejected);
  settle(story, ada, WorkOutcome::lapsed);
  settle(story, other, WorkOutcome::approved, 7);
  desk.catch_up(story);  // one day in two batches
  settle(story, ada, WorkOutcome::approved, 30);
  story.pass(2 * kDayMs);
  settle(story, ada, WorkOutcome::approved, 4);
  desk.catch_up(story);
  const auto workers = workers_of(desk);
  struct Row {
    std::int64_t from, to, cents, approved;
  };
  for (const auto& [from, to, cents, approved] :
       {Row{0, day + 9, 154, 4}, Row{day, day, 50, 2}, Row{day - 1, day - 1, 100, 1},
        Row{day - 1, day, 150, 3}, Row{day + 1, day + 1, 0, 0}, Row{day + 2, day + 2, 4, 1},
        Row{day + 2, day, 0, 0}}) {
    CAPTURE(from);
    CAPTURE(to);
    CHECK(workers.earned(ada, from, to).cents == Cents{cents});
    CHECK(workers.earned(ada, from, to).approved == approved);
  }
  const auto days = workers.earned_by_day(ada, day, day + 2);
  REQUIRE(days.size() == 2);
  CHECK(days[0].day == day + 2);
  CHECK(days[0].earned.cents == Cents{4});
  CHECK(days[1].day == day);
  CHECK(days[1].earned.approved == 2);
  CHECK(workers.earned({"wrk_unheard_of"}, 0, day + 9).cents == Cents{0});
}

TEST_CASE("workers: a profile that grows and shrinks is read as it was written, and is there once") {
  for (std::uint64_t seed = 220; seed < 224; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    for (int i = 0; i < 12; ++i) story.verified_worker();
    for (int i = 0; i < 400; ++i) {
      const auto who = story.workers()[story.upto(12)];
      ChangeWorkerProfile change{who, {}, {}, {}, {}};
      const std::size_t lengths[] = {0, 3, 50, 300, 5'000};  // some beyond a page
      change.name = std::string(lengths[story.upto(5)], static_cast<char>('a' + story.upto(26)));
      if (story.upto(2) == 0) change.skills = std::vector<std::string>(story.upto(20), "skill");
      if (story.upto(2) == 0)
        change.area = story.upto(2) == 0 ? AreaChange{} : AreaChange{Area{{1, -170'000'000}, 20'000}};
      story.change(std::move(change));
      if (story.upto(5) == 0) desk.catch_up(story);
    }
    desk.catch_up(story);
    REQUIRE(desk.failures().empty());
    const auto workers = workers_of(desk);
    for (const auto& id : story.workers()) {
      const auto row = workers.worker(id);
      REQUIRE(row);
      CHECK(row->state.name == story.state<Worker>(id.value).name);
      CHECK(row->state.offer == story.state<Worker>(id.value).offer);
      CHECK(row->version == story.version(id.value));
    }
    const auto db = desk.projector().readers("workers").lease();
    CHECK(db->query_int64("SELECT count(*) FROM workers WHERE state LIKE '{%'") == 12);
    CHECK(db->query_int64("SELECT count(*) FROM workers WHERE state NOT LIKE '{%' AND trim(state) <> ''") ==
          0);
  }
}

TEST_CASE("workers: of whoever was erased no file of theirs holds a word, whatever they were called before") {
  for (std::uint64_t seed = 240; seed < 248; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    std::vector<WorkerId> secret;
    const auto maybe_catch_up = [&] {
      if (story.upto(4) == 0) desk.catch_up(story);
    };
    for (int i = 0; i < 300; ++i) {
      story.pass(static_cast<std::int64_t>(story.upto(5)));
      const auto number = std::to_string(i);
      if (story.upto(6) == 0) {
        const auto who = story.worker("Zebulon" + number, "z" + number + "@hidden",
                                      {{}, {}, Area{{12'345'678, 98'765'432}, 77}});
        secret.push_back(who);
        if (story.upto(4) > 0) story.verify(who);
      } else if (story.upto(8) == 0) {
        story.erase(story.verified_worker(std::string(story.upto(300), 'n')));
      } else {
        story.verified_worker(std::string(story.upto(400), 'n'));
      }
      // They change their names for longer and shorter ones, and their place on Earth; others do too.
      if (!secret.empty() && story.upto(2) == 0)
        story.change(
            {secret[story.upto(secret.size())],
             "Zebulon the " + std::string(story.upto(3) == 0 ? 5'000 : story.upto(200), 'z'),
             {},
             {},
             AreaChange{Area{{12'345'678, 98'765'432}, static_cast<std::int64_t>(story.upto(10'000))}}});
      story.change({story.workers()[story.upto(story.workers().size())], {}, {}, {}, {}});
      maybe_catch_up();
    }
    desk.catch_up(story);
    REQUIRE(desk.failures().empty());
    for (const char* word : {"Zebulon", "@hidden", "argon2id$Zebulon", "12345678", "98765432"})
      CHECK(groundtruth::testing::files_with(directory.path(), word, "workers.") > 0);
    for (const auto& who : secret) {
      story.erase(who);
      maybe_catch_up();
    }
    desk.catch_up(story);
    for (const char* word : {"Zebulon", "zzzz", "@hidden", "argon2id$Zebulon", "12345678", "98765432"}) {
      CAPTURE(word);
      CHECK(groundtruth::testing::files_with(directory.path(), word, "workers.") == 0);
    }
    const auto row = workers_of(desk).worker(secret.front());
    REQUIRE(row);
    CHECK(row->state.status == WorkerStatus::erased);
    CHECK(row->state.name.empty());
    CHECK_FALSE(row->state.offer.area);

    // With their keys gone, history has nothing to tell either.
    const auto live = desk.digest("workers");
    for (const auto& who : secret) story.keys().destroy(who.value);
    rebuild(desk.projector(), story.journal(), story.codec(), {"workers"});
    CHECK(desk.digest("workers") == live);
    CHECK(groundtruth::testing::files_with(directory.path(), "Zebulon", "workers.") == 0);
    // Work that was approved before is settled all the same.
    settle(story, secret.front(), WorkOutcome::approved, 100);
    desk.catch_up(story);
    CHECK(desk.failures().empty());
    CHECK(workers_of(desk).worker(secret.front())->state.earned_cents == Cents{100});
  }
}
