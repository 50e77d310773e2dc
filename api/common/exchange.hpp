// What handlers of every surface have in common: reading a body, sending a command, waiting for a position.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/common/idempotency.hpp"
#include "api/common/journal_budget.hpp"
#include "api/common/problem.hpp"
#include "journal/codec/json_reader.hpp"
#include "journal/node.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api {

// What it takes; everything given must outlive it.
struct Exchange {
  journal::Node& node;
  const journal::Clock& clock;
  journal::Randomness& randomness;
  std::chrono::milliseconds position_wait{5'000};  // how long a read waits for its Journal-Position
  std::chrono::milliseconds answer_margin{250};    // of the request's time, kept for the answer itself
  JournalBudget* budget = nullptr;                 // what each may write; null: nobody counts
};

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
Intent read_intent(const RequestHasher& hasher, const http::Request& request);
Problem malformed_key();

// Submits to a chain in somebody's name and awaits the answer. The command's id is new; a replay's answer
// names the first one. Who has written as much as they may is answered `unavailable` with `over_budget`.
struct Order {
  domain::Command command;
  std::optional<journal::KeyedRequest> keyed;
  std::optional<journal::ExpectedVersion> expected;
  journal::AnswerWhen answer_when = journal::AnswerWhen::visible;
};
struct Sender {
  journal::Actor actor;
  domain::Bucket bucket;
  journal::Topic topic = journal::Topic::tasks;
};
http::Async<journal::Answer> execute(const Exchange& exchange, const http::Request& request, Sender sender,
                                     Order order);

// The answer to a write that was accepted: body, Journal-Position, Idempotent-Replayed.
http::Response written(int status, std::string body, const journal::Answer& answer);
void note_replay(http::Response& response, const journal::Answer& answer);

// Where the commit stands that an answer rests on, for who asks another node next.
void note_position(http::Response& response, const journal::Answer& answer);

inline bool has_position(const http::Request& request) {
  return request.headers.find("Journal-Position").has_value();
}

// Waits until this node's read models have what it answered before they did (`answered`, of
// Node::answered_ahead), and what the request says that its client has seen (Journal-Position): reads and
// writes on any node then find what was answered on another. nullopt: go on. Most requests have nothing to
// wait for, and need not pay for a coroutine.
http::Async<std::optional<Problem>> catch_up(const Exchange& exchange, const http::Request& request,
                                             std::optional<journal::Position> answered = std::nullopt);

// The same for the chains of all accounts, where one that does not come must hold up nobody: not for long,
// and then what there is will do.
http::Async<void> catch_up_with_all(journal::Node& node, const journal::Clock& clock);

// When the handler itself must be done.
std::chrono::steady_clock::time_point deadline_of(const Exchange& exchange, const http::Request& request);

http::Response ok(std::string body);
// The beginning of an answer to a GET of what has a version: its tag, and 304, without a body, where the
// caller has that version already.
http::Response versioned(const http::Request& request, std::uint32_t version);

}  // namespace groundtruth::api
