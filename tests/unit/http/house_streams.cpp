// The routes of the tests' server whose handlers read a body in pieces, or stream one whose length is known.
#include <stdexcept>

#include "tests/unit/http/house.hpp"

namespace groundtruth::http {
namespace {

using Shared = std::shared_ptr<Stage>;
using Outcome = BodyReader::Outcome;

constexpr std::size_t kLimitBytes = 1024 * 1024;

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::piece:
      return "piece";
    case Outcome::complete:
      return "complete";
    case Outcome::cut_off:
      return "cut off";
    case Outcome::timed_out:
      return "timed out";
    case Outcome::refused:
      return "refused";
    case Outcome::no_room:
      return "no room";
  }
  return "";
}

// Reads to the end, and asks once more. Answers with what it read.
Async<Response> collect(Shared stage, Request& request) {
  Response response;
  std::string piece;
  auto deadline = request.deadline;
  Outcome outcome = Outcome::piece;
  for (bool first = true; outcome == Outcome::piece; first = false) {
    outcome = co_await request.streamed_body->next(piece);
    if (outcome == Outcome::piece && piece.empty()) stage->note("an empty piece");
    if (piece.size() > BodyReader::kPieceBytes + 16 * 1024) stage->note("a piece too large");
    if (!piece.empty() && request.deadline <= deadline) stage->note("the deadline stood still");
    if (first && outcome == Outcome::piece) stage->note("first piece");
    deadline = request.deadline;
    response.body += piece;
  }
  const Outcome again = co_await request.streamed_body->next(piece);
  if (again != outcome || !piece.empty()) stage->note("another end");
  stage->note("body " + std::string(name_of(outcome)));
  co_return response;
}

Async<Response> collect_when_called(Shared stage, Request& request) {
  auto begin = [&stage](auto done) { stage->park(done); };
  co_await await_callback<std::string>(begin);
  Response response = co_await collect(stage, request);
  co_return response;
}

Async<Response> read_one_piece(Request& request) {
  Response response;
  co_await request.streamed_body->next(response.body);
  response.body.resize(std::min<std::size_t>(response.body.size(), 5));
  co_return response;
}

Async<Response> read_one_piece_and_throw(Request& request) {
  std::string piece;
  co_await request.streamed_body->next(piece);
  throw std::runtime_error("the disk is full");
}

Async<Response> look_away(Request&) {
  Response response;
  response.status = 409;
  co_return response;
}

// `given` bytes in all, `announced` in its Content-Length.
Async<Response> sized(std::size_t announced, std::size_t given) {
  Response response;
  response.stream_bytes = announced;
  response.next_chunk = [left = given](std::string& chunk) mutable {
    const std::size_t count = std::min<std::size_t>(left, 40'000);
    chunk.append(count, 'x');
    left -= count;
    return left > 0;
  };
  co_return response;
}

}  // namespace

std::vector<Route> stream_routes(const Shared& stage) {
  const auto upload = [stage](Request& request) { return collect(stage, request); };
  const auto held = [stage](Request& request) { return collect_when_called(stage, request); };
  return {
      {Method::put, "/upload", "upload", upload, BodyKind::streamed, kLimitBytes},
      {Method::put, "/held", "held", held, BodyKind::streamed, kLimitBytes},
      {Method::put, "/one-piece", "onePiece", read_one_piece, BodyKind::streamed, kLimitBytes},
      {Method::put, "/throws", "throws", read_one_piece_and_throw, BodyKind::streamed, kLimitBytes},
      {Method::put, "/look-away", "lookAway", look_away, BodyKind::streamed, kLimitBytes},
      {Method::get, "/sized", "sized", [](Request&) { return sized(100'000, 100'000); }},
      {Method::get, "/sized-empty", "sizedEmpty", [](Request&) { return sized(0, 0); }},
      {Method::get, "/sized-short", "sizedShort", [](Request&) { return sized(100'000, 99'999); }},
      {Method::get, "/sized-long", "sizedLong", [](Request&) { return sized(100'000, 100'001); }},
  };
}

}  // namespace groundtruth::http
