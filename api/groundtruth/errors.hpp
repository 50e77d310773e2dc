// How this surface says no: the seed's envelope, and the one table from a rejection to status, code and
// words.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "api/common/fields.hpp"
#include "api/http/message.hpp"
#include "api/http/router.hpp"
#include "domain/rejection.hpp"
#include "journal/codec/json_view.hpp"

namespace groundtruth::api::groundtruth {

// {"error":{"code","message","details"}} and its status.
struct Problem {
  int status = 500;
  std::string_view code;  // a literal
  std::string message;
  std::string details = "{}";  // JSON
};

std::string error_object(const Problem& problem);  // {"code":…,"message":…,"details":…}
http::Response to_response(const Problem& problem);

// The table. The same rejection gives the same bytes, now and in a replay years later.
Problem problem_of(const domain::Rejection& rejection);

Problem wrong_fields(FieldErrors errors);
Problem wrong_field(std::string path, std::string code, std::string message);
Problem not_json(const journal::codec::NotJson& fault);
Problem unauthorized();
Problem forbidden(std::string_view needed_scope);
Problem no_such(std::string_view what);  // "task", "API key", "command"
Problem rate_limited();
Problem key_reused();
Problem too_large(std::string message);
Problem unavailable(std::string message);
Problem outcome_unknown(const std::string& command_id);

// With Retry-After, in whole seconds.
http::Response retry_later(const Problem& problem, std::chrono::seconds after);

// What the server itself refuses, in this surface's words.
http::Response refuse(http::Refusal refusal, std::string_view detail);

}  // namespace groundtruth::api::groundtruth
