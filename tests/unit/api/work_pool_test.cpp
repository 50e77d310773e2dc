// The pool for what must not run on I/O threads: its bound, its end, and jobs that fail.
#include "api/common/work_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

using namespace groundtruth;

namespace {

// Keeps a pool of one thread busy until it is let go.
class Gate {
 public:
  explicit Gate(api::WorkPool& pool) {
    REQUIRE(pool.try_run([state = state_] {
      state->started.set_value();
      state->go.get_future().wait();
    }));
    state_->started.get_future().wait();
  }
  void open() { state_->go.set_value(); }

 private:
  struct State {
    std::promise<void> started, go;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  // the job may be the last to let it go
};

}  // namespace

TEST_CASE("jobs run on the pool's own threads, as many at once as it has") {
  struct Meeting {
    std::promise<std::thread::id> promises[2];
    std::shared_future<std::thread::id> ids[2]{promises[0].get_future(), promises[1].get_future()};
  };
  const auto meeting = std::make_shared<Meeting>();
  api::WorkPool pool({2, 8});
  // Each waits for the other: this ends only where both run at the same time.
  for (const int me : {0, 1})
    REQUIRE(pool.try_run([meeting, me] {
      meeting->promises[me].set_value(std::this_thread::get_id());
      meeting->ids[1 - me].wait();
    }));
  CHECK(std::set{meeting->ids[0].get(), meeting->ids[1].get(), std::this_thread::get_id()}.size() == 3);
}

TEST_CASE("a full pool says so, and nothing that waited outlives it") {
  auto held = std::make_shared<int>(0);
  {
    api::WorkPool pool({1, 2});
    Gate gate(pool);
    CHECK(pool.try_run([held] {}));
    CHECK(pool.try_run([held] {}));
    CHECK_FALSE(pool.try_run([held] {}));
    gate.open();
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE("a job that throws costs nobody else anything") {
  api::WorkPool pool({1, 8});
  auto callback = std::make_shared<int>(0);
  REQUIRE(pool.try_run([callback] { throw std::runtime_error("no memory"); }));
  const auto next = std::make_shared<std::promise<void>>();
  REQUIRE(pool.try_run([next] { next->set_value(); }));
  next->get_future().wait();
  CHECK(callback.use_count() == 1);
}

TEST_CASE("who asks once waits for one job of each other, not for all of theirs") {
  api::WorkPool pool({1, 1'000, 1'000});
  Gate gate(pool);
  const auto order = std::make_shared<std::string>();  // written by the pool's one thread alone
  const auto done = std::make_shared<std::promise<std::string>>();
  for (int i = 0; i < 330; ++i) REQUIRE(pool.try_run(api::WorkFor{"mallory"}, [order] { *order += 'm'; }));
  REQUIRE(pool.try_run(api::WorkFor{"alice"}, [order, done] {
    *order += 'a';
    done->set_value(*order);
  }));
  gate.open();
  CHECK(done->get_future().get() == "ma");
}

TEST_CASE("a full pool lets the longest line make room, and tells whose job went") {
  api::WorkPool pool({1, 3, 3});
  Gate gate(pool);
  int dropped = 0;
  for (int i = 0; i < 3; ++i)
    REQUIRE(pool.try_run(api::WorkFor{"mallory", {}, [&dropped] { ++dropped; }}, [] {}));
  CHECK_FALSE(pool.try_run(api::WorkFor{"mallory", {}, [&dropped] { ++dropped; }}, [] {}));
  CHECK(dropped == 0);
  CHECK(pool.try_run(api::WorkFor{"alice"}, [] {}));
  CHECK(dropped == 1);
  gate.open();
}

TEST_CASE("a subject has no more than its share of the waiting, those without a name have all of it") {
  api::WorkPool pool({1, 100, 2});
  Gate gate(pool);
  for (const bool is_taken : {true, true, false}) CHECK(pool.try_run(api::WorkFor{"x"}, [] {}) == is_taken);
  for (int i = 0; i < 5; ++i) CHECK(pool.try_run([] {}));
  gate.open();
}

TEST_CASE("what nobody waits for any more does not begin") {
  api::WorkPool pool({1, 8});
  Gate gate(pool);
  const auto outcome = std::make_shared<std::promise<std::string>>();
  const auto is_wanted = std::make_shared<std::atomic<bool>>(true);
  REQUIRE(pool.try_run(api::WorkFor{"x", [is_wanted] { return is_wanted->load(); },
                                    [outcome] { outcome->set_value("dropped"); }},
                       [outcome] { outcome->set_value("run"); }));
  SUBCASE("gone") {
    *is_wanted = false;
    gate.open();
    CHECK(outcome->get_future().get() == "dropped");
  }
  SUBCASE("still there") {
    gate.open();
    CHECK(outcome->get_future().get() == "run");
  }
}
