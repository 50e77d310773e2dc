// How a handler awaits what runs on a pool.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "api/common/work_pool.hpp"
#include "api/http/async.hpp"
#include "api/http/router.hpp"

namespace groundtruth::api {

// Awaits what `work` gives on a thread of the pool; throws what it throws, and http::Unavailable when the
// queue is full. `work` must own what it touches: when the server stops, the awaiting handler may be gone
// while it still runs.
template <class T>
http::Async<T> run_on(WorkPool& pool, std::function<T()> work) {
  struct Outcome {
    std::exception_ptr error;
    std::optional<T> value;
  };
  auto begin = [&pool, &work](auto done) {
    auto job = [work = std::move(work), done] {
      Outcome outcome;
      try {
        outcome.value = work();
      } catch (...) {
        outcome.error = std::current_exception();
      }
      done(std::move(outcome));
    };
    if (!pool.try_run(std::move(job))) throw http::Unavailable("too much work is queued for the thread pool");
  };
  Outcome outcome = co_await http::await_callback<Outcome>(begin);
  if (outcome.error) std::rethrow_exception(outcome.error);
  co_return std::move(*outcome.value);
}

}  // namespace groundtruth::api
