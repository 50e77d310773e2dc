// What a customer sees of their tasks: states, lists, counts, pages.
#include "projections/tasks/tasks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "projections/accounts/queries.hpp"
#include "projections/tasks/queries.hpp"
#include "projections/wallets/queries.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

// Newest first, as the journal tells it.
std::vector<TaskId> expected(Story& story, const TaskFilter& filter) {
  std::vector<TaskId> ids;
  for (const auto& id : story.tasks()) {
    const auto& task = story.state<Task>(id.value);
    if (task.account != filter.account) continue;
    if (filter.status && task.status != *filter.status) continue;
    if (filter.created_from && task.created_at < *filter.created_from) continue;
    if (filter.created_until && task.created_at >= *filter.created_until) continue;
    ids.push_back(id);
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::vector<TaskId> ids_of(const Page<Task>& page) {
  std::vector<TaskId> ids;
  for (const auto& item : page.items) ids.push_back(item.state.id);
  return ids;
}

}  // namespace

TEST_CASE("tasks: what happened to a task is what a reader sees, with its version") {
  struct Row {
    const char* words;
    void (*happens)(Story&, const TaskId&);
    TaskStatus status;
    std::uint32_t version;
    std::int64_t escrow_cents;
  };
  const Row rows[] = {
      {"just created", [](Story&, const TaskId&) {}, TaskStatus::funding, 1, 0},
      {"paid", [](Story& s, const TaskId& t) { s.fund(t); }, TaskStatus::open, 2, 5000},
      {"cancelled before it was paid", [](Story& s, const TaskId& t) { s.cancel(t); }, TaskStatus::cancelled,
       2, 0},
      {"cancelled after it was paid",
       [](Story& s, const TaskId& t) {
         s.fund(t);
         s.cancel(t);
       },
       TaskStatus::cancelled, 3, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.words);
    Story story(1);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    const auto task = story.task(customer, {500}, 10);
    desk.catch_up(story);  // the rest comes in another batch
    row.happens(story, task);
    desk.catch_up(story);
    const auto seen = TaskQueries(desk.projector().readers("tasks")).task(task);
    REQUIRE(seen);
    CHECK(seen->state.status == row.status);
    CHECK(seen->state.title == "Film a street");
    CHECK(seen->version == row.version);
    const auto wallet = WalletQueries(desk.projector().readers("wallets")).wallet(wallet_of(customer));
    CHECK((wallet ? wallet->state.escrow.value : 0) == row.escrow_cents);
    const auto loaded = desk.projector().load(Aggregate(Task{}).index(), {}, task.value);
    REQUIRE(loaded);
    CHECK(loaded->version == row.version);
    CHECK(std::get<Task>(loaded->state).status == row.status);
  }
}

TEST_CASE(
    "tasks: what is due is what has a deadline behind it and has not ended, the longest overdue first") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto start = story.now();
  const auto in = [&](std::int64_t ms) { return std::optional(Timestamp{start.ms + ms}); };
  const auto second = story.task(customer, {500}, 10, in(2'000));
  const auto first = story.task(customer, {500}, 10, in(1'000));
  const auto cancelled = story.task(customer, {500}, 10, in(1'500));
  const auto third = story.task(customer, {500}, 10, in(3'000));
  story.task(customer);
  story.fund(first);
  story.cancel(cancelled);
  desk.catch_up(story);
  const TaskQueries tasks(desk.projector().readers("tasks"));
  const auto due = [&](std::int64_t ms, std::uint32_t limit = 100) {
    std::vector<TaskId> ids;
    std::optional<DuePlace> after;
    do {
      const auto look = tasks.due({start.ms + ms}, after, limit);
      for (const auto& one : look.commands) {
        CHECK(one.account == customer);
        ids.push_back(one.task);
      }
      CHECK(look.commands.size() <= limit);
      after = look.next;
    } while (after);
    return ids;
  };
  CHECK(due(999).empty());
  CHECK(due(1'000) == std::vector{first});
  CHECK(due(10'000) == std::vector{first, second, third});
  CHECK(due(10'000, 1) == std::vector{first, second, third});
  story.pass(10'000);
  story.expire(first);
  story.expire(third);
  desk.catch_up(story);
  CHECK(due(10'000) == std::vector{second});
  CHECK(tasks.task(first)->state.status == TaskStatus::expired);
}

TEST_CASE("tasks: one customer never sees another's, and an unknown task is none") {
  Story story(2);
  const TempDir directory;
  Desk desk(directory.path());
  const auto alice = story.account("Alice", "alice@test"), bob = story.account("Bob", "bob@test");
  const auto hers = story.task(alice), his = story.task(bob);
  desk.catch_up(story);
  const TaskQueries tasks(desk.projector().readers("tasks"));
  CHECK(ids_of(tasks.page({alice, {}, {}, {}}, 0, 100)) == std::vector{hers});
  CHECK(ids_of(tasks.page({bob, {}, {}, {}}, 0, 100)) == std::vector{his});
  CHECK(tasks.page({story.mint<AccountId>("org_", {1}), {}, {}, {}}, 0, 100).total == 0);
  CHECK_FALSE(tasks.task(story.mint<TaskId>("tsk_", {1})));
  CHECK_FALSE(tasks.task(TaskId{"nonsense"}));
  SUBCASE("a cursor of somebody else's task is refused") {
    CHECK_FALSE(tasks.page_after({alice, {}, {}, {}}, his, 10));
    CHECK(tasks.page_after({alice, {}, {}, {}}, hers, 10)->items.empty());
  }
}

TEST_CASE("tasks: every filter's pages and counts are what the journal says") {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    story.steps(900);
    desk.catch_up(story, story.dice());
    const TaskQueries tasks(desk.projector().readers("tasks"));
    for (int i = 0; i < 60; ++i) {
      TaskFilter filter;
      filter.account = story.accounts()[story.upto(std::min<std::size_t>(story.accounts().size(), 8))];
      if (story.upto(2) == 0) filter.status = static_cast<TaskStatus>(1 + story.upto(5));
      const auto some_time = [&] {
        return story.state<Task>(story.tasks()[story.upto(story.tasks().size())].value).created_at;
      };
      if (story.upto(3) == 0) filter.created_from = some_time();
      if (story.upto(3) == 0) filter.created_until = some_time();
      const auto all = expected(story, filter);
      CHECK(tasks.count(filter) == all.size());
      const auto limit = static_cast<std::uint32_t>(1 + story.upto(7));
      std::vector<TaskId> by_page, by_cursor;
      for (std::uint64_t offset = 0; offset <= all.size(); offset += limit) {
        const auto page = tasks.page(filter, offset, limit);
        CHECK(page.total == all.size());
        CHECK(page.more == (offset + limit < all.size()));
        for (const auto& id : ids_of(page)) by_page.push_back(id);
      }
      CHECK(by_page == all);
      std::optional<TaskId> last;
      while (true) {
        const auto page = tasks.page_after(filter, last, limit);
        REQUIRE(page);
        for (const auto& id : ids_of(*page)) by_cursor.push_back(id);
        if (!page->more) break;
        last = by_cursor.back();
      }
      CHECK(by_cursor == all);
    }
  }
}

TEST_CASE("tasks: a walk by cursor neither repeats nor skips what was there all along") {
  for (std::uint64_t seed = 40; seed < 44; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    for (int i = 0; i < 60; ++i) {
      if (story.upto(3) != 0) story.pass(1);  // some in the same millisecond
      story.task(customer);
    }
    desk.catch_up(story);
    const auto there_before = story.tasks();
    const TaskQueries tasks(desk.projector().readers("tasks"));
    const TaskFilter filter{customer, {}, {}, {}};
    std::vector<TaskId> seen;
    std::optional<TaskId> last;
    while (true) {
      const auto page = tasks.page_after(filter, last, static_cast<std::uint32_t>(1 + story.upto(9)));
      REQUIRE(page);
      for (const auto& id : ids_of(*page)) seen.push_back(id);
      if (!page->more) break;
      last = seen.back();
      for (auto news = story.upto(4); news > 0; --news) story.task(customer);
      const auto some = there_before[story.upto(there_before.size())];
      story.upto(2) == 0 ? story.fund(some) : story.cancel(some);
      desk.catch_up(story);
    }
    CHECK(std::set<TaskId>(seen.begin(), seen.end()).size() == seen.size());
    CHECK(seen == std::vector<TaskId>(there_before.rbegin(), there_before.rend()));
  }
}

TEST_CASE("tasks: the counters are what counting gives, after any history") {
  for (std::uint64_t seed = 60; seed < 64; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    for (int round = 0; round < 3; ++round) {
      story.steps(400);
      desk.catch_up(story, story.dice());
      const auto db = desk.projector().readers("tasks").lease();
      CHECK(db->query_int64("SELECT sum(funding + open + completed + cancelled + expired) FROM owners") ==
            db->query_int64("SELECT count(*) FROM tasks"));
      CHECK(db->query_int64(
                "SELECT count(*) FROM owners o WHERE "
                "funding <> (SELECT count(*) FROM tasks t WHERE t.owner = o.owner AND status = 1) OR "
                "open <> (SELECT count(*) FROM tasks t WHERE t.owner = o.owner AND status = 2) OR "
                "cancelled <> (SELECT count(*) FROM tasks t WHERE t.owner = o.owner AND status = 4)") == 0);
    }
  }
}

TEST_CASE("accounts: keys of an account, newest first, revoked ones included") {
  Story story(3);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account("Acme", "ops@acme.test"), other = story.account("B", "b@test");
  std::vector<ApiKeyId> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(story.api_key(customer));
  story.api_key(other);
  story.revoke(keys[1]);
  desk.catch_up(story);
  const AccountQueries accounts(desk.projector().readers("accounts"));
  CHECK(accounts.account(customer)->state.email == "ops@acme.test");
  CHECK_FALSE(accounts.account(AccountId{"org_x"}));
  CHECK(accounts.api_key(keys[1])->state.revoked_at);
  CHECK(accounts.api_key(keys[1])->version == 2);
  const auto first = accounts.api_keys(customer, 0, 2);
  CHECK(first.total == 5);
  CHECK(first.more);
  CHECK(first.items.at(0).state.id == keys[4]);
  story.api_key(customer);  // does not move what lies behind a cursor
  desk.catch_up(story);
  const auto rest = accounts.api_keys_after(customer, first.items.at(1).state.id, 100);
  REQUIRE(rest);
  REQUIRE(rest->items.size() == 3);
  CHECK(rest->items.at(1).state.id == keys[1]);
  CHECK_FALSE(rest->more);
  CHECK_FALSE(accounts.api_keys_after(other, keys[0], 10));
  CHECK_THROWS(accounts.api_keys(customer, 0, kMaxPage + 1));
}

TEST_CASE("accounts: live keys alone, however many were revoked") {
  Story story(4);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account("Acme", "ops@acme.test"), other = story.account("B", "b@test");
  std::vector<ApiKeyId> live;
  for (int i = 0; i < 60; ++i) {
    const auto key = story.api_key(customer);
    if (i % 10 == 0)
      live.push_back(key);
    else
      story.revoke(key);
    if (i % 7 == 0) desk.catch_up(story, story.dice());
  }
  std::reverse(live.begin(), live.end());
  story.api_key(other);
  desk.catch_up(story);
  const AccountQueries accounts(desk.projector().readers("accounts"));
  const auto ids = [](const Page<ApiKey>& page) {
    std::vector<ApiKeyId> all;
    for (const auto& item : page.items) all.push_back(item.state.id);
    return all;
  };
  const auto all = accounts.live_keys(customer, {}, 0, 100);
  CHECK(ids(*all) == live);
  CHECK(all->total == 6);
  CHECK_FALSE(all->more);
  const auto first = accounts.live_keys(customer, {}, 0, 4);
  CHECK(first->more);
  CHECK(ids(*accounts.live_keys(customer, first->items.back().state.id, 0, 4)) ==
        std::vector(live.begin() + 4, live.end()));
  CHECK(ids(*accounts.live_keys(customer, {}, 4, 4)) == std::vector(live.begin() + 4, live.end()));
  CHECK(accounts.live_keys(customer, {}, 6, 4)->items.empty());
  CHECK_FALSE(accounts.live_keys(other, live[0], 0, 4));
  // A cursor's key may be revoked meanwhile.
  story.revoke(live[3]);
  desk.catch_up(story);
  CHECK(ids(*accounts.live_keys(customer, live[3], 0, 4)) == std::vector(live.begin() + 4, live.end()));
  CHECK(accounts.live_keys(customer, {}, 0, 4)->total == 5);
  const AccountId nobody{"org_x"};
  CHECK(accounts.live_keys(nobody, {}, 0, 4)->items.empty());
}
