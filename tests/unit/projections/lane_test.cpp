// Work in order on a thread of its own, and its failures (projections/lane.hpp).
#include "projections/lane.hpp"

#include <doctest/doctest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using groundtruth::projections::Lane;

TEST_CASE("lane: pieces are done in their order, each on the lane's thread") {
  std::vector<int> done;
  std::thread::id where;
  {
    Lane lane;
    for (int i = 0; i < 100; ++i)
      lane.run([&, i] {
        done.push_back(i);
        where = std::this_thread::get_id();
      });
    lane.wait();
    REQUIRE(done.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
    CHECK(where != std::this_thread::get_id());
  }
}

TEST_CASE("lane: who hands over waits for what is at work, and so does the end") {
  std::promise<void> may_end;
  std::vector<std::string> done;
  std::thread opener;
  {
    Lane lane;
    lane.run([&] {
      may_end.get_future().wait();
      done.emplace_back("first");
    });
    opener = std::thread([&] { may_end.set_value(); });
    lane.run([&] { done.emplace_back("second"); });
  }
  opener.join();
  CHECK(done == std::vector<std::string>{"first", "second"});
}

TEST_CASE("lane: a failure comes out of the next call, once") {
  Lane lane;
  const auto fail = [] { throw std::runtime_error("broken"); };
  int done = 0;
  lane.run(fail);
  CHECK_THROWS_WITH(lane.run([&] { ++done; }), "broken");
  lane.wait();
  CHECK(done == 0);
  lane.run(fail);
  CHECK_THROWS_WITH(lane.wait(), "broken");
  lane.run([&] { ++done; });
  lane.wait();
  CHECK(done == 1);
}

}  // namespace
