// Work that would hold up a connection's thread, as something that a handler awaits: it runs on one of the
// jobs' threads.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/http/async.hpp"
#include "api/ops/streaming.hpp"

namespace groundtruth::ops {

template <class T>
struct Outcome {
  std::optional<T> value;
  std::string failure;  // where there is no value: what the work threw, or that too much is running
};

// What `work` uses outlives the jobs.
template <class T>
http::Async<Outcome<T>> aside(Jobs* jobs, std::function<T()> work) {
  const auto start = [jobs, &work](auto done) {
    const bool started = jobs->run([work, done] {
      Outcome<T> outcome;
      try {
        outcome.value = work();
      } catch (const std::exception& failure) {
        outcome.failure = failure.what();
      }
      done(std::move(outcome));
    });
    Outcome<T> busy;
    busy.failure = "too many of these jobs are running already; try again when one has finished";
    if (!started) done(std::move(busy));
  };
  Outcome<T> outcome = co_await http::await_callback<Outcome<T>>(start);
  co_return outcome;
}

}  // namespace groundtruth::ops
