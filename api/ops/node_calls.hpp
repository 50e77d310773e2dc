// The node's callbacks as something that a handler awaits.
#pragma once

#include "api/http/async.hpp"
#include "journal/node.hpp"

namespace groundtruth::ops {

inline http::Async<journal::NodeStatus> node_status(journal::Node& node) {
  const auto start = [&node](auto done) { node.status(done); };
  journal::NodeStatus status = co_await http::await_callback<journal::NodeStatus>(start);
  co_return status;
}

// Fills in `done` and answers with what it got.
inline http::Async<journal::Answer> submit(journal::Node& node, journal::Submission submission) {
  const auto start = [&node, &submission](auto done) {
    submission.done = done;
    node.submit(std::move(submission));
  };
  journal::Answer answer = co_await http::await_callback<journal::Answer>(start);
  co_return answer;
}

}  // namespace groundtruth::ops
