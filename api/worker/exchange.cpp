// See api/worker/exchange.hpp.
#include "api/worker/exchange.hpp"

#include "api/common/etag.hpp"
#include "api/common/header_lists.hpp"
#include "api/worker/requests.hpp"

namespace groundtruth::api::worker {

http::Response not_written(const journal::Answer& answer) {
  http::Response response = to_response(problem_of(answer));
  note_replay(response, answer);
  return response;
}

std::optional<journal::ExpectedVersion> expected_version(const http::Request& request, std::string stream) {
  const auto header = list_of(request.headers, "If-Match");
  if (!header) return std::nullopt;
  // The stream is the caller's own.
  const auto version = demanded_version(parse_if_match(*header), caller_of(request).version);
  if (!version) return std::nullopt;
  return journal::ExpectedVersion{std::move(stream), *version};
}

std::optional<http::Response> refuse_body(const http::Request& request) {
  if (request.body.empty()) return std::nullopt;
  auto body = read_body<EmptyRequest>(request);
  if (body.value) return std::nullopt;
  return to_response(body.problem);
}

}  // namespace groundtruth::api::worker
