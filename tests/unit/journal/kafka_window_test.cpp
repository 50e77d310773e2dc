// The window of a followed partition on Kafka: what is kept, what is given, when it is full.
#include <doctest/doctest.h>

#include "conformance_support.hpp"
#include "journal/kafka/window.hpp"

namespace groundtruth::journal::testing {
namespace {

using kafka::Window;
using kafka::WindowBounds;

constexpr WindowBounds kBounds{100, 3, 1000};  // bytes ahead; records and bytes behind

// True when the push made the window full.
bool push(Window& window, std::uint64_t offset, std::size_t size = 10) {
  bool is_full = false;
  window.push({offset, bytes(std::string(size, static_cast<char>('a' + offset % 26))), {}}, kBounds, is_full);
  return is_full;
}
// True when the window has room again.
bool follow(Window& window, std::uint64_t from) {
  bool wants_more = false;
  window.follow(from, kBounds, wants_more);
  return wants_more;
}

}  // namespace

TEST_CASE("kafka window: nothing is known before it is followed") {
  Window window;
  push(window, 0);
  CHECK_FALSE(window.read(0, 10, 1000).has_value());
  CHECK_FALSE(window.place().active);
}

TEST_CASE("kafka window: what is not fetched yet is empty, what lies before is not kept") {
  Window window;
  follow(window, 5);
  CHECK(window.read(5, 10, 1000)->empty());
  CHECK_FALSE(window.read(4, 10, 1000).has_value());
  for (std::uint64_t i = 5; i < 9; ++i) push(window, i);
  CHECK(window.read(5, 10, 1000)->size() == 4);
  CHECK(window.read(6, 2, 1000)->front().offset == 6);
  CHECK(window.read(6, 2, 1000)->size() == 2);
  CHECK(window.read(5, 10, 25)->size() == 2);
  CHECK(window.read(5, 10, 1)->size() == 1);
  CHECK(window.read(9, 10, 1000)->empty());
}

TEST_CASE("kafka window: what comes twice is kept once, and a hole stays one") {
  Window window;
  follow(window, 0);
  push(window, 0);
  push(window, 0);
  push(window, 2);
  push(window, 1);
  const auto all = *window.read(0, 10, 1000);
  REQUIRE(all.size() == 2);
  CHECK(all.back().offset == 2);
  CHECK(window.read(1, 10, 1000)->front().offset == 2);
}

TEST_CASE("kafka window: own records are taken where nothing is missing before them") {
  Window window;
  const auto take_own = [&](std::vector<std::uint64_t> offsets) {
    std::vector<Record> records;
    for (const auto offset : offsets) records.push_back({offset, bytes(std::string(10, 'o')), {}});
    return window.take_own(std::move(records), kBounds);
  };
  CHECK_FALSE(take_own({0}).some);  // nobody follows
  follow(window, 0);
  CHECK(take_own({0, 1}).some);
  CHECK_FALSE(take_own({1}).behind_others);
  const auto behind = take_own({3});  // another one's lies at 2
  CHECK_FALSE(behind.some);
  CHECK(behind.behind_others);
  CHECK(window.next() == 2);
  push(window, 2);
  push(window, 3);
  const auto before = take_own({3, 4, 6});
  CHECK(before.some);
  CHECK(before.behind_others);
  CHECK(window.next() == 5);
  const auto all = *window.read(0, 10, 1000);
  REQUIRE(all.size() == 5);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].offset == i);
  CHECK(*all[1].value == std::string(10, 'o'));
  CHECK(*all[3].value != *all[4].value);  // as it was fetched
  // What nobody reads is left to fetching, which knows how to pause.
  CHECK(take_own({5, 6, 7, 8, 9, 10, 11}).some);
  CHECK(window.next() == 6);
  follow(window, 6);
  CHECK(take_own({6}).some);
  CHECK(window.place().own == 16);
}

TEST_CASE("kafka window: where the log holds another record than was acknowledged, the log's is read") {
  Window window;
  follow(window, 0);
  const auto other = [&](std::uint64_t offset, const char* text) {
    bool is_full = false;
    return window.push({offset, bytes(text), {}}, kBounds, is_full);
  };
  REQUIRE(window
              .take_own({{0, bytes("a"), {}}, {1, bytes("b"), {}}, {2, bytes("c"), {}}, {3, bytes("d"), {}}},
                        kBounds)
              .some);
  follow(window, 2);  // two were read
  CHECK(other(0, "a") == Window::Pushed::known);
  CHECK(other(1, "x") == Window::Pushed::differs);
  CHECK(window.next() == 2);
  CHECK(*window.read(1, 10, 1000)->front().value == "x");
  CHECK(window.read(3, 10, 1000)->empty());  // not known any more
  CHECK(other(2, "y") == Window::Pushed::added);
  CHECK(other(3, "z") == Window::Pushed::added);
  const auto all = *window.read(0, 10, 1000);
  REQUIRE(all.size() == 4);
  CHECK(*all[0].value == "a");
  CHECK(*all[3].value == "z");
  follow(window, 4);
  CHECK_FALSE(push(window, 4));
}

TEST_CASE("kafka window: it is full once, and wants more when half of it was read") {
  Window window;
  follow(window, 0);
  bool was_full = false;
  for (std::uint64_t i = 0; i < 11; ++i) was_full = push(window, i);
  CHECK(was_full);
  CHECK(window.place().full);
  CHECK_FALSE(push(window, 11));
  CHECK_FALSE(follow(window, 6));
  CHECK(follow(window, 7));
  CHECK_FALSE(follow(window, 8));
  CHECK_FALSE(window.place().full);
}

TEST_CASE("kafka window: a little is kept behind the reader, bounded by records and by bytes") {
  Window window;
  follow(window, 0);
  for (std::uint64_t i = 0; i < 8; ++i) push(window, i);
  follow(window, 6);
  CHECK_FALSE(window.read(2, 10, 1000).has_value());
  CHECK(window.read(3, 10, 1000)->size() == 5);
  push(window, 8, 2000);
  follow(window, 9);
  CHECK(window.read(8, 10, 1000)->size() == 1);  // the last one stays, however large
  CHECK_FALSE(window.read(7, 10, 1000).has_value());
}

TEST_CASE("kafka window: a record that the log changed is shown as it is now") {
  Window window;
  follow(window, 0);
  push(window, 0);
  push(window, 1);
  CHECK(window.replace({1, bytes("other"), {}}));
  CHECK_FALSE(window.replace({2, bytes("other"), {}}));
  CHECK(*window.read(1, 1, 1000)->front().value == "other");
}

}  // namespace groundtruth::journal::testing
