// The feed compared with a plain search through all tasks: what suits, in what order, page after page.
#include "projections/tasks/feed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "projections/rebuild.hpp"
#include "projections/tasks/feed_class.hpp"
#include "story.hpp"

using namespace groundtruth;
using namespace groundtruth::domain;
using namespace groundtruth::projections;
using namespace groundtruth::projections::test;

namespace {

constexpr const char* kSkills[] = {"drone", "french", "night"};

bool anything(const Task&) {
  return true;
}

FeedQueries feed_of(Desk& desk) {
  return FeedQueries(desk.projector().readers("tasks"));
}

// Places that are hard on arithmetic come up often: poles, the line of the date, whole degrees.
GeoPoint some_point(Story& story) {
  const auto whole = [&](std::uint64_t degrees) {
    return (static_cast<std::int64_t>(story.upto(2 * degrees + 1)) - static_cast<std::int64_t>(degrees)) *
           1'000'000;
  };
  const auto shift = [&] { return static_cast<std::int64_t>(story.upto(3)) - 1; };
  switch (story.upto(4)) {
    case 0:
      return {story.upto(2) == 0 ? 90'000'000 - static_cast<std::int64_t>(story.upto(700'000))
                                 : -90'000'000 + static_cast<std::int64_t>(story.upto(700'000)),
              whole(180)};
    case 1:
      return {whole(80) + shift(), story.upto(2) == 0 ? 180'000'000 : -180'000'000};
    case 2:
      return {whole(89) + shift(), whole(179) + shift()};
    default:
      return {static_cast<std::int64_t>(story.upto(2'000'000)) + 52'000'000,
              static_cast<std::int64_t>(story.upto(2'000'000)) + 13'000'000};
  }
}

std::optional<Area> some_area(Story& story) {
  if (story.upto(3) == 0) return std::nullopt;
  const std::int64_t radii[] = {0, 1, 20, 64, 65, 300, 5'000};
  return Area{some_point(story), radii[story.upto(7)]};
}

std::vector<std::string> some_skills(Story& story, std::uint64_t one_in) {
  std::vector<std::string> skills;
  for (const char* skill : kSkills)
    if (story.upto(one_in) == 0) skills.emplace_back(skill);
  std::shuffle(skills.begin(), skills.end(), story.dice());
  return skills;
}

std::vector<Modality> some_modalities(Story& story) {
  std::vector<Modality> modalities{static_cast<Modality>(story.upto(4))};
  if (story.upto(4) == 0) modalities.push_back(static_cast<Modality>(story.upto(4)));
  return modalities;
}

Offer some_offer(Story& story) {
  Offer offer{some_skills(story, 2), {}, some_area(story)};
  if (story.upto(2) == 0) offer.modalities = {Modality::video, Modality::audio};
  return offer;
}

TaskId some_task(Story& story, const AccountId& customer, std::int64_t target = 10) {
  const Cents reward{1'000 + static_cast<std::int64_t>(story.upto(6)) * 100};
  const auto id = story.task(customer, {reward.value * 10}, target, {},
                             Requirements{some_skills(story, 4), some_area(story)}, some_modalities(story));
  story.fund(id);
  return id;
}

// Best paid first, then newest; of one customer, so the order of making is that of the chain.
std::vector<TaskId> expected(Story& story, const Offer& offer,
                             const std::function<bool(const Task&)>& may_take) {
  std::vector<std::tuple<Cents, Timestamp, std::size_t>> suiting;
  for (std::size_t i = 0; i < story.tasks().size(); ++i) {
    const auto& task = story.state<Task>(story.tasks()[i].value);
    if (task.has_free_place() && suits(offer, task.modalities, task.requirements) && may_take(task))
      suiting.emplace_back(task.reward_cents, task.created_at, i);
  }
  std::sort(suiting.rbegin(), suiting.rend());
  std::vector<TaskId> ids;
  for (const auto& one : suiting) ids.push_back(story.tasks()[std::get<2>(one)]);
  return ids;
}

// All pages; `between` happens after each but the last.
std::vector<TaskId> walk(
    const FeedQueries& feed, const Offer& offer, const std::function<bool(const Task&)>& may_take,
    const std::function<std::uint32_t()>& limit, const std::function<void()>& between = [] {}) {
  std::vector<TaskId> ids;
  std::optional<FeedPlace> after;
  while (true) {
    const auto most = limit();
    const auto page = feed.page(offer, after, most, may_take);
    REQUIRE(page.tasks.size() <= most);
    for (const auto& task : page.tasks) ids.push_back(task.id);
    if (!page.next) return ids;
    REQUIRE((!after || *page.next < *after));
    after = page.next;
    between();
  }
}

}  // namespace

TEST_CASE("feed: what a plain search finds, in its order, in pages of any size") {
  for (std::uint64_t seed = 300; seed < 308; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    for (int i = 0; i < 250; ++i) {
      if (story.upto(3) == 0) story.pass(1);
      const auto task = some_task(story, customer);
      if (story.upto(10) == 0) story.cancel(task);
      if (story.upto(40) == 0) desk.catch_up(story, story.dice());
    }
    desk.catch_up(story, story.dice());
    REQUIRE(desk.failures().empty());
    if (seed % 2 == 0) rebuild(desk.projector(), story.journal(), story.codec(), {"tasks"});
    const auto feed = feed_of(desk);
    std::size_t shown = 0;
    for (int i = 0; i < 40; ++i) {
      const Offer offer = some_offer(story);
      const auto salt = story.upto(3);
      const auto may_take = [&](const Task& task) { return salt == 0 || task.id.value.back() % 3 != 0; };
      const auto all = expected(story, offer, may_take);
      CHECK(walk(feed, offer, may_take, [&] { return static_cast<std::uint32_t>(1 + story.upto(9)); }) ==
            all);
      shown += all.size();
    }
    CHECK(shown > 100);
  }
}

// So many tasks that do not suit stand before those that do that each class is asked by itself.
TEST_CASE("feed: rare matches behind thousands of others are found, and in order") {
  Story story(310);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto make = [&](std::int64_t reward, std::vector<std::string> skills) {
    story.pass(1);
    story.fund(story.task(customer, {reward}, 10, {}, Requirements{std::move(skills), {}}));
  };
  for (int i = 0; i < 4'300; ++i) {
    make(2'000, {"french"});
    if (i % 200 == 0) make(i % 400 == 0 ? 1'000 : 2'000, {"drone"});
    if (i % 300 == 0) make(1'500, {});
    if (i % 500 == 0) make(3'000, {"drone", "night"});
  }
  desk.catch_up(story);
  REQUIRE(desk.failures().empty());
  const auto feed = feed_of(desk);
  for (const Offer& offer : {Offer{{"drone"}, {}, {}}, Offer{{"drone", "night"}, {}, {}}, Offer{}}) {
    const auto all = expected(story, offer, anything);
    REQUIRE(all.size() > 10);
    for (const std::uint32_t limit : {1U, 7U, 100U})
      CHECK(walk(feed, offer, anything, [&] { return limit; }) == all);
  }
  // The predicate refuses nearly everything: that, too, is passed over to the end.
  const auto one = expected(story, {{"french"}, {}, {}}, anything).back();
  CHECK(walk(
            feed, {{"french"}, {}, {}}, [&](const Task& task) { return task.id == one; },
            [] { return 5U; }) == std::vector{one});
}

// What a page looked at, whatever there is: by what the predicate was asked, and by how far the page came.
TEST_CASE("feed: a page looks at no more than it may, and the next one goes on from there") {
  Story story(311);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  for (int i = 0; i < 300; ++i) {
    story.pass(1);
    story.fund(story.task(customer, {2'000}, 10, {}, Requirements{{i % 100 == 50 ? "drone" : "french"}, {}}));
  }
  desk.catch_up(story);
  REQUIRE(desk.failures().empty());
  const auto walk_in = [&](const FeedQueries& feed, const Offer& offer, std::uint32_t limit,
                           const std::function<bool(const Task&)>& may_take) {
    std::vector<TaskId> ids;
    std::size_t pages = 0, most_looked_at = 0;
    for (std::optional<FeedPlace> after;; ++pages) {
      std::size_t looked_at = 0;
      const auto page = feed.page(offer, after, limit, [&](const Task& task) {
        ++looked_at;
        return may_take(task);
      });
      most_looked_at = std::max(most_looked_at, looked_at);
      for (const auto& task : page.tasks) ids.push_back(task.id);
      if (!page.next) return std::tuple(ids, pages + 1, most_looked_at);
      REQUIRE((!after || *page.next < *after));
      after = page.next;
    }
  };
  const Offer french{{"french"}, {}, {}}, drone{{"drone"}, {}, {}};
  auto& readers = desk.projector().readers("tasks");

  SUBCASE("tasks that suit and cannot be taken") {
    const FeedQueries feed(readers, FeedBounds{4'096, 20, 128});
    const auto all = expected(story, french, anything);
    const auto last = all.back();
    const auto [ids, pages, most] =
        walk_in(feed, french, 5, [&](const Task& task) { return task.id == last; });
    CHECK(ids == std::vector{last});
    CHECK(most <= 25);
    CHECK(pages >= all.size() / 25);
  }
  SUBCASE("tasks that do not suit, and too many ways of asking to follow each") {
    const FeedQueries feed(readers, FeedBounds{30, 200, 0});
    const auto [ids, pages, most] = walk_in(feed, drone, 5, anything);
    CHECK(ids == expected(story, drone, anything));
    CHECK(most <= 6);
    CHECK(pages >= 297 / 31);
  }
  SUBCASE("a modality that nobody asks for costs no look at any task") {
    const FeedQueries feed(readers);
    std::size_t looked_at = 0;
    const auto count = [&](const Task&) { return ++looked_at > 0; };
    const auto none = feed.page(french, {}, 20, count, Modality::audio);
    CHECK(none.tasks.empty());
    CHECK_FALSE(none.next);
    CHECK(looked_at == 0);
    CHECK(feed.page(french, {}, 20, count, Modality::video).tasks.size() == 20);
  }
}

TEST_CASE("feed: pages neither repeat nor skip what could be taken throughout") {
  for (std::uint64_t seed = 320; seed < 326; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    const TempDir directory;
    Desk desk(directory.path());
    const auto customer = story.account();
    std::vector<WorkerId> workers;
    for (int i = 0; i < 4; ++i) workers.push_back(story.verified_worker());
    for (int i = 0; i < 150; ++i) {
      if (story.upto(3) == 0) story.pass(1);
      some_task(story, customer, 1);
    }
    desk.catch_up(story);
    const auto feed = feed_of(desk);
    const Offer offer{{"drone", "french", "night"}, {}, Area{{0, 0}, 20'100}};
    const auto before = expected(story, offer, anything);
    std::set<TaskId> throughout(before.begin(), before.end());
    const auto seen = walk(
        feed, offer, anything, [&] { return static_cast<std::uint32_t>(1 + story.upto(9)); },
        [&] {
          for (auto changes = story.upto(8); changes > 0; --changes) {
            const auto task = story.tasks()[story.upto(story.tasks().size())];
            if (story.upto(8) == 0) story.cancel(task);
            if (story.upto(3) == 0) some_task(story, customer, 1);
            const auto work = story.accept(workers[story.upto(4)], task);
            if (story.upto(2) == 0) story.release(work);
          }
          desk.catch_up(story);
          const auto now = expected(story, offer, anything);
          std::erase_if(throughout,
                        [&](const TaskId& id) { return std::find(now.begin(), now.end(), id) == now.end(); });
        });
    REQUIRE(desk.failures().empty());
    CHECK(before.size() == 150);
    CHECK(throughout.size() > 20);
    const std::set<TaskId> once(seen.begin(), seen.end());
    CHECK(once.size() == seen.size());
    for (const auto& id : throughout) CHECK(once.contains(id));
  }
}

TEST_CASE("feed: a task that fills up leaves, and has its old place when somebody gives theirs back") {
  Story story(330);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  std::vector<TaskId> tasks;
  for (int i = 0; i < 5; ++i) {
    story.pass(1);
    tasks.push_back(story.open_task(customer, {2'500}, 2));
  }
  std::reverse(tasks.begin(), tasks.end());
  const auto ada = story.verified_worker(), eve = story.verified_worker();
  const auto feed = feed_of(desk);
  const auto shown = [&] {
    desk.catch_up(story);
    return walk(feed, {}, anything, [] { return 2U; });
  };
  const auto without = [&](std::size_t number) {
    auto rest = tasks;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(number));
    return rest;
  };
  CHECK(shown() == tasks);
  const auto hers = story.accept(ada, tasks[2]);
  CHECK(shown() == tasks);
  const auto second = story.accept(eve, tasks[2]);
  CHECK(shown() == without(2));
  SUBCASE("given back") {
    story.release(second);
    CHECK(shown() == tasks);
  }
  SUBCASE("over, and time says so") {
    story.pass(3'600'000);
    CHECK(shown() == without(2));
    story.time_passes(hers);
    CHECK(shown() == tasks);
    story.time_passes(second);
    CHECK(shown() == tasks);
  }
  SUBCASE("submitted, and rejected") {
    story.submit(hers);
    CHECK(shown() == without(2));
    story.reject(hers);
    CHECK(shown() == tasks);
  }
  SUBCASE("submitted, and bought: never again") {
    for (const auto& work : {hers, second}) {
      story.submit(work);
      story.approve(work);
      CHECK(shown() == without(2));
    }
    CHECK(story.state<Task>(tasks[2].value).status == TaskStatus::completed);
  }
  SUBCASE("given back and taken again in one batch") {
    story.release(second);
    story.accept(eve, tasks[2]);
    CHECK(shown() == without(2));
  }
}

TEST_CASE("feed: what was not paid, and what has ended, is not in it") {
  Story story(331);
  const TempDir directory;
  Desk desk(directory.path());
  const auto customer = story.account();
  const auto unpaid = story.task(customer);
  const auto open = story.open_task(customer), cancelled = story.open_task(customer);
  const auto late = story.task(customer, {500}, 10, Timestamp{story.now().ms + 1'000});
  story.fund(late);
  story.cancel(cancelled);
  story.pass(1'000);
  desk.catch_up(story);
  const auto feed = feed_of(desk);
  // That a deadline has passed is for the caller to see until time has said so.
  CHECK(walk(feed, {}, anything, [] { return 9U; }) == std::vector{late, open});
  story.expire(late);
  desk.catch_up(story);
  CHECK(walk(feed, {}, anything, [] { return 9U; }) == std::vector{open});
  story.fund(unpaid);
  desk.catch_up(story);
  CHECK(walk(feed, {}, anything, [] { return 9U; }).size() == 2);
}

TEST_CASE("feed: what is coarse never hides a task that suits") {
  Story story(340);
  std::uint64_t suiting = 0;
  for (int i = 0; i < 60'000; ++i) {
    Task task;
    task.modalities = some_modalities(story);
    task.requirements = {some_skills(story, 4), some_area(story)};
    Offer offer = some_offer(story);
    // Near enough that it matters.
    if (task.requirements.area && story.upto(2) == 0) {
      auto center = task.requirements.area->center;
      center.lat_e6 = std::clamp<std::int64_t>(
          center.lat_e6 + static_cast<std::int64_t>(story.upto(4'000'000)) - 2'000'000, -90'000'000,
          90'000'000);
      if (story.upto(3) == 0) center.lng_e6 = -center.lng_e6;
      offer.area = Area{center, static_cast<std::int64_t>(story.upto(200))};
    }
    if (!suits(offer, task.modalities, task.requirements)) continue;
    ++suiting;
    CAPTURE(i);
    REQUIRE(suits(offer, feed_ask_of(task)));
    REQUIRE((!task.requirements.area || may_reach(offer, feed_area_of(*task.requirements.area))));
  }
  CHECK(suiting > 1'000);
}

TEST_CASE("feed: tasks that ask for the same have one number, whatever the order in which they say it") {
  Task one, other;
  one.modalities = {Modality::text, Modality::video};
  other.modalities = {Modality::video, Modality::text};
  one.requirements = {{"night", "drone"}, Area{{52'100'000, 13'900'000}, 33}};
  other.requirements = {{"drone", "night"}, Area{{52'900'000, 13'000'000}, 64}};
  CHECK(feed_ask_of(one).modalities == feed_ask_of(other).modalities);
  CHECK(feed_ask_of(one).skills == feed_ask_of(other).skills);
  CHECK(feed_area_of(*one.requirements.area) == feed_area_of(*other.requirements.area));
  other.requirements.area->radius_km = 65;
  CHECK(feed_area_of(*one.requirements.area) != feed_area_of(*other.requirements.area));
}
