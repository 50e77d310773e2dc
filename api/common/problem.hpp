// How an API says no, before a surface words it in its own format: the one table from a rejection to status,
// code and message.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "api/common/fields.hpp"
#include "api/http/message.hpp"
#include "api/http/router.hpp"
#include "domain/rejection.hpp"
#include "journal/codec/json_view.hpp"
#include "journal/submission.hpp"

namespace groundtruth::api {

struct Problem {
  int status = 500;
  std::string_view code;  // a literal
  std::string message;
  std::string details = "{}";           // a JSON object
  std::chrono::seconds retry_after{0};  // where trying again helps; 0: no such header
};

// The same rejection gives the same problem, now and in a replay years later.
Problem problem_of(const domain::Rejection& rejection);
// Of a command that was not accepted; with the refusal of a known one among them.
Problem problem_of(const journal::Answer& answer);
// What the server itself refuses.
Problem problem_of(http::Refusal refusal, std::string_view detail);

Problem wrong_fields(FieldErrors errors);
Problem wrong_field(std::string path, std::string code, std::string message);
Problem not_json(const journal::codec::NotJson& fault);
Problem unauthorized(std::string_view credential);  // "API key", "token"
Problem forbidden(std::string message, std::string details = "{}");
Problem no_such(std::string_view what);  // "task", "API key", "command"
Problem rate_limited(std::chrono::seconds retry_after);
Problem key_reused();
Problem too_large(std::string message);
// 503, with Retry-After.
Problem unavailable(std::string message, std::chrono::seconds retry_after = std::chrono::seconds{1});

// The headers that a problem brings: Retry-After, WWW-Authenticate.
void add_headers(http::Response& response, const Problem& problem);

}  // namespace groundtruth::api
