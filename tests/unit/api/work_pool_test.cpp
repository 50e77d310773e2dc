// The pool for what must not run on I/O threads: its bound, its end, and jobs that fail.
#include "api/common/work_pool.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <set>
#include <stdexcept>

using namespace groundtruth;

namespace {

// Keeps a pool of one thread busy until it is let go.
class Gate {
 public:
  explicit Gate(api::WorkPool& pool) {
    REQUIRE(pool.try_run([this, gate = go_.get_future().share()] {
      started_.set_value();
      gate.wait();
    }));
    started_.get_future().wait();
  }
  void open() { go_.set_value(); }

 private:
  std::promise<void> started_;
  std::promise<void> go_;
};

}  // namespace

TEST_CASE("jobs run on the pool's own threads, as many at once as it has") {
  api::WorkPool pool({2, 8});
  std::promise<std::thread::id> ids[2];
  auto first = ids[0].get_future().share();
  auto second = ids[1].get_future().share();
  // Each waits for the other: this ends only where both run at the same time.
  REQUIRE(pool.try_run([&] {
    ids[0].set_value(std::this_thread::get_id());
    second.wait();
  }));
  REQUIRE(pool.try_run([&] {
    ids[1].set_value(std::this_thread::get_id());
    first.wait();
  }));
  CHECK(std::set{first.get(), second.get(), std::this_thread::get_id()}.size() == 3);
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
  std::promise<void> next;
  REQUIRE(pool.try_run([&] { next.set_value(); }));
  next.get_future().wait();
  CHECK(callback.use_count() == 1);
}
