// What the handlers have in common: reading a body, sending a command, waiting for a position, wording an
// answer.
#pragma once

#include <optional>
#include <string>

#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/guard.hpp"
#include "api/groundtruth/services.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api::groundtruth {

// A body, or the problem with it.
template <class T>
struct Body {
  std::optional<T> value;
  Problem problem;
};
template <class T>
Body<T> read_body(const http::Request& request) {
  auto decoded = journal::codec::decode_json<T>(request.body);
  if (decoded) return {std::move(decoded.value), {}};
  if (decoded.not_json) return {std::nullopt, not_json(*decoded.not_json)};
  return {std::nullopt, wrong_fields(std::move(decoded.errors))};
}

// What a POST is before it is a command: its idempotency key, or why it is refused.
struct Intent {
  std::optional<journal::KeyedRequest> keyed;
  std::optional<Problem> problem;  // a query that is not empty, a malformed key
};
Intent read_intent(const Services& services, const http::Request& request);

// Submits in the caller's name and awaits the answer. The command's id is new; a replay's answer names the
// first one.
struct Order {
  domain::Command command;
  std::optional<journal::KeyedRequest> keyed;
  std::optional<journal::ExpectedVersion> expected;
};
http::Async<journal::Answer> execute(Services& services, const http::Request& request, Order order);

// The answer to a write that was accepted: body, Journal-Position, Idempotent-Replayed.
http::Response written(int status, std::string body, const journal::Answer& answer);
// To one that was not.
http::Response not_written(const journal::Answer& answer);

// Waits for the Journal-Position of a read, where it has one. nullopt: go on.
http::Async<std::optional<http::Response>> await_position(Services& services, const http::Request& request);

// When the handler itself must be done.
std::chrono::steady_clock::time_point deadline_of(const Services& services, const http::Request& request);

http::Response ok(std::string body);

}  // namespace groundtruth::api::groundtruth
