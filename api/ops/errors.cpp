// See errors.hpp.
#include "api/ops/errors.hpp"

#include "api/common/problem.hpp"

namespace groundtruth::ops {
namespace {

struct Words {
  domain::RejectionCode code;
  int status;
  std::string_view name, message;
};

// Of what operators do; the rest is in the APIs' own.
constexpr Words kWords[] = {
    {domain::RejectionCode::account_not_found, 404, "account_not_found", "there is no such account"},
    {domain::RejectionCode::account_erased, 409, "account_erased", "this account was erased"},
    {domain::RejectionCode::worker_not_found, 404, "worker_not_found", "there is no such worker"},
    {domain::RejectionCode::worker_erased, 409, "worker_erased", "this worker was erased"},
    {domain::RejectionCode::email_taken, 409, "email_taken",
     "an account of this surface has this e-mail address already"},
    {domain::RejectionCode::api_key_exists, 409, "api_key_exists", "this key exists already"},
    {domain::RejectionCode::api_key_not_found, 404, "api_key_not_found",
     "this account has no such key, or it was revoked"},
    {domain::RejectionCode::key_expiry_in_past, 400, "validation_error", "expires_at must be in the future"},
};

api::Problem problem_of(const domain::Rejection& rejection) {
  for (const auto& words : kWords)
    if (words.code == rejection.code) {
      std::string message(words.message);
      // The history's time, which may be ahead of its reader's clock.
      if (const auto now = rejection.words.find("now"); now != rejection.words.end())
        message += ", later than " + now->second;
      return {words.status, words.name, std::move(message)};
    }
  return api::problem_of(rejection);
}

std::string envelope(std::string_view code, std::string_view message) {
  std::string out = "{\"error\":{\"code\":";
  journal::codec::append_string(out, code);
  out += ",\"message\":";
  journal::codec::append_string(out, message);
  out += "}}\n";
  return out;
}

}  // namespace

http::Response no_such_account() {
  return error(404, "account_not_found", "there is no such account");
}

std::string error_line(std::string_view code, std::string_view message) {
  return envelope(code, message);
}

http::Response error(int status, std::string_view code, std::string_view message) {
  http::Response response;
  response.status = status;
  response.body = envelope(code, message);
  response.header("Cache-Control", "no-store");
  return response;
}

http::Response validation_error(const std::vector<journal::codec::FieldError>& errors) {
  std::string message;
  for (const auto& each : errors) {
    if (!message.empty()) message += "; ";
    message += each.path.empty() ? "the body" : each.path;
    message += ' ';
    message += each.message;
  }
  return error(400, "validation_error", message);
}

http::Response refused(const journal::Answer& answer) {
  switch (answer.kind) {
    case journal::AnswerKind::accepted:
      break;
    case journal::AnswerKind::rejected: {
      const api::Problem problem = problem_of(answer.rejection);
      return error(problem.status, problem.code, problem.message);
    }
    case journal::AnswerKind::key_reused:
      return error(422, "idempotency_key_reused", "this Idempotency-Key stands for another request");
    case journal::AnswerKind::too_large:
      return error(413, "too_large", "this would be larger than a commit may be");
    case journal::AnswerKind::unavailable: {
      auto response =
          error(503, "unavailable",
                "not done: " + (answer.reason.empty() ? "the journal is not ready" : answer.reason));
      response.header("Retry-After", "1");
      return response;
    }
    case journal::AnswerKind::unknown:
      return error(504, "unknown_outcome",
                   "whether this was done is not known yet (command " + answer.command.value +
                       "); look before you retry");
  }
  return error(500, "internal_error", "an accepted command was taken for a refused one");
}

http::Response refusal(http::Refusal refusal, std::string_view detail) {
  const auto say = [&](std::string_view text) { return detail.empty() ? text : detail; };
  switch (refusal) {
    case http::Refusal::bad_request:
      return error(400, "bad_request", say("the request is malformed"));
    case http::Refusal::not_found:
      return error(404, "not_found", "the operator API has no such path");
    case http::Refusal::method_not_allowed:
      return error(405, "method_not_allowed", "this path has other methods; see the Allow header");
    case http::Refusal::timeout:
      return error(408, "timeout", say("the request did not come in time"));
    case http::Refusal::body_too_large:
      return error(413, "too_large", say("the body is too large"));
    case http::Refusal::unsupported_media:
      return error(415, "unsupported_media_type", "send Content-Type: application/json");
    case http::Refusal::headers_too_large:
      return error(431, "headers_too_large", say("the headers are too large"));
    case http::Refusal::internal:
      return error(500, "internal_error",
                   "something broke here; the server's log has it under the request id");
    case http::Refusal::unavailable:
      return error(503, "unavailable", say("not now; try again"));
  }
  return error(500, "internal_error", "unknown refusal");
}

}  // namespace groundtruth::ops
