// The table of problems (api/common/problem.hpp).
#include "api/common/problem.hpp"

#include <algorithm>
#include <stdexcept>

#include "api/common/json_object.hpp"

namespace groundtruth::api {
namespace {

constexpr std::string_view kConflict = "conflict";

std::string numbers_of(const domain::Rejection& rejection) {
  return journal::codec::to_json(rejection.numbers);
}
std::string words_of(const domain::Rejection& rejection) {
  return journal::codec::to_json(rejection.words);
}

std::string status_of(const domain::Rejection& rejection) {
  const auto found = rejection.words.find("status");
  return found == rejection.words.end() ? "closed" : found->second;
}

// The detail is our own, and begins as a clause.
std::string sentence(std::string_view detail) {
  std::string text(detail);
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (text.back() != '.') text += '.';
  return text;
}

std::string reason(std::string_view why) {
  std::string details;
  ObjectWriter(details).member("reason", why).end();
  return details;
}

// Where the service's clock was once ahead, its history still is: then a time may seem to lie in the future,
// and nobody would know why it is refused.
std::string must_be_later(const domain::Rejection& rejection) {
  const auto now = rejection.words.find("now");
  if (now == rejection.words.end()) return "must be in the future";
  return "must be later than " + now->second + ", the time of the service";
}

Problem over_budget(std::chrono::seconds retry_after) {
  Problem problem = rate_limited(retry_after);
  problem.message =
      "You have written as much as is kept for you in a day. Try again after Retry-After seconds.";
  return problem;
}

Problem not_contestable(const domain::Rejection& rejection) {
  const auto status = status_of(rejection);
  std::string message = "A submission that is " + status + " cannot be contested.";
  if (status == "dismissed")
    message = "The contest of this submission was dismissed; there is no second one.";
  if (status == "too_late") message = "The time to contest this rejection is over.";
  return {409, kConflict, std::move(message), words_of(rejection)};
}

std::int64_t number_of(const domain::Rejection& rejection, const std::string& name) {
  const auto found = rejection.numbers.find(name);
  return found == rejection.numbers.end() ? 0 : found->second;
}

std::string leases_held(const domain::Rejection& rejection) {
  std::string details;
  ObjectWriter object(details);
  object.member("reason", "too_many_leases");
  for (const auto& [name, number] : rejection.numbers) object.member(name, number);
  object.end();
  return details;
}

// "90 seconds", "5 minutes", "3 hours": as much as anybody wants to know, rounded up.
std::string in_words(std::chrono::seconds time) {
  const auto rounded = [&](std::int64_t unit, std::string_view name) {
    return std::to_string((time.count() + unit - 1) / unit) + " " + std::string(name);
  };
  if (time <= std::chrono::seconds(1)) return "1 second";
  if (time < std::chrono::minutes(2)) return rounded(1, "seconds");
  if (time < std::chrono::hours(2)) return rounded(60, "minutes");
  return rounded(3'600, "hours");
}

Problem outcome_unknown(const std::string& command_id) {
  std::string details;
  ObjectWriter(details).member("command_id", command_id).end();
  return {504, "timeout",
          "The outcome is not known yet. Repeat the request with the same Idempotency-Key, or ask for the "
          "command.",
          std::move(details)};
}

}  // namespace

Problem problem_of(const domain::Rejection& rejection) {
  using Code = domain::RejectionCode;
  switch (rejection.code) {
    case Code::account_not_found:
    case Code::account_erased:
      return {401, "unauthorized", "The organization of this API key no longer exists."};
    case Code::email_taken:
      return {409, kConflict, "This e-mail address is taken."};
    case Code::api_key_exists:
    case Code::task_exists:
      return {409, kConflict, "This id is taken. Try again."};
    case Code::api_key_not_found:
      return no_such("API key");
    case Code::key_expiry_in_past:
      return wrong_field("expires_at", "invalid_value", must_be_later(rejection));
    case Code::task_not_found:
      return no_such("task");
    case Code::task_not_cancellable:
      return {409, kConflict, "A task that is " + status_of(rejection) + " cannot be cancelled.",
              words_of(rejection)};
    case Code::task_not_fundable:
      return {409, kConflict, "A task that is " + status_of(rejection) + " cannot be funded.",
              words_of(rejection)};
    case Code::deadline_in_past:
      return wrong_field("deadline", "invalid_value", must_be_later(rejection));
    case Code::insufficient_budget:
      return {400, "insufficient_budget", "Task budget is below the minimum required to open.",
              numbers_of(rejection)};
    case Code::amount_mismatch:
      return {409, kConflict, "The amount is not the task's budget.", numbers_of(rejection)};
    case Code::insufficient_funds:
      return {409, kConflict, "There is not enough money for this.", numbers_of(rejection)};
    case Code::version_mismatch:
      return {412, "precondition_failed", "The resource has changed since the version in If-Match."};
    case Code::task_not_open:
      return {409, kConflict, "This task is " + status_of(rejection) + "; no work can be done on it.",
              words_of(rejection)};
    case Code::task_full:
      return {409, kConflict, "All places of this task are taken.", reason("task_full")};
    case Code::task_already_accepted:
      return {409, kConflict, "You have accepted this task already.", reason("already_accepted")};
    case Code::lease_not_found:
      return {409, kConflict, "Accept this task first.", reason("not_accepted")};
    case Code::lease_expired:
      return {409, kConflict, "Your lease on this task has expired. Accept the task again.",
              reason("lease_expired")};
    case Code::lease_unseen:
      return unavailable(
          "This server has not read your acceptance of the task yet; nothing was changed. Try again in a "
          "moment.");
    case Code::too_many_leases:
      return {409, kConflict,
              "You hold " + std::to_string(number_of(rejection, "held")) + " tasks, and may hold " +
                  std::to_string(number_of(rejection, "max_held")) +
                  " at a time. Submit work for one of them or release one; the next one ends in " +
                  in_words(std::chrono::seconds(number_of(rejection, "retry_after_seconds"))) + ".",
              leases_held(rejection)};
    case Code::must_wait: {
      const std::chrono::seconds wait{number_of(rejection, "retry_after_seconds")};
      return {429, "rate_limited",
              "You accepted tasks and brought no work for them. You can accept the next one in " +
                  in_words(wait) + ".",
              reason("must_wait"), wait};
    }
    case Code::already_submitted:
      return {409, kConflict, "You have submitted work for this task already.", reason("already_submitted")};
    case Code::too_many_uploads:
      return {409, kConflict, "There are too many uploads for this task already.", numbers_of(rejection)};
    case Code::uploads_too_large: {
      Problem problem = too_large("The uploads for this task would exceed the total size allowed.");
      problem.details = numbers_of(rejection);
      return problem;
    }
    case Code::task_unsuitable:
      return forbidden("This task asks for skills or a place that are not in your profile.");
    case Code::submission_not_found:
      return no_such("submission");
    case Code::submission_decided:
      return {409, kConflict, "This submission is " + status_of(rejection) + " already.",
              words_of(rejection)};
    case Code::too_many_unpaid_tasks:
      return {409, kConflict, "This organization has too many unpaid tasks. Pay for one, or cancel one.",
              reason("too_many_unpaid_tasks")};
    case Code::submission_not_contestable:
      return not_contestable(rejection);
    case Code::contest_not_found:
      return no_such("contest");
    case Code::worker_not_found:
    case Code::worker_erased:
      return no_such("worker");
  }
  return {500, "internal_error", "Something went wrong."};
}

Problem wrong_fields(FieldErrors errors) {
  use_public_codes(errors);
  Problem problem{400, "validation_error", {}, {}};
  problem.message = "The request has " + std::to_string(errors.size()) + " wrong field";
  problem.message += errors.size() == 1 ? "." : "s.";
  ObjectWriter(problem.details).member("fields", errors).end();
  return problem;
}

Problem wrong_field(std::string path, std::string code, std::string message) {
  FieldErrors errors;
  errors.push_back({std::move(path), std::move(code), std::move(message)});
  return wrong_fields(std::move(errors));
}

Problem not_json(const journal::codec::NotJson& fault) {
  std::string why = fault.reason.empty() ? "not JSON" : fault.reason;
  if (fault.offset) why += " at byte " + std::to_string(*fault.offset);
  return {400, "validation_error", "The body is not valid JSON.", reason(why)};
}

Problem unauthorized(std::string_view credential) {
  return {401, "unauthorized", "A valid " + std::string(credential) + " is required."};
}

Problem forbidden(std::string message, std::string details) {
  return {403, "forbidden", std::move(message), std::move(details)};
}

Problem no_such(std::string_view what) {
  return {404, "not_found", "There is no such " + std::string(what) + "."};
}

Problem rate_limited(std::chrono::seconds retry_after) {
  return {429, "rate_limited", "Too many requests. Slow down and try again after Retry-After seconds.", "{}",
          std::max(retry_after, std::chrono::seconds{1})};
}

Problem key_reused() {
  return {409, "idempotency_key_reused", "This Idempotency-Key was used with another request."};
}

Problem too_large(std::string message) {
  return {413, "payload_too_large", std::move(message)};
}

Problem unavailable(std::string message, std::chrono::seconds retry_after) {
  return {503, "unavailable", std::move(message), "{}", retry_after};
}

Problem problem_of(const journal::Answer& answer) {
  switch (answer.kind) {
    case journal::AnswerKind::accepted:
      break;  // whoever asks has nothing to complain of
    case journal::AnswerKind::rejected:
      return problem_of(answer.rejection);
    case journal::AnswerKind::key_reused:
      return key_reused();
    case journal::AnswerKind::too_large:
      return too_large("This request would make a record that is too large.");
    case journal::AnswerKind::unavailable:
      if (answer.over_budget.count() > 0) return over_budget(answer.over_budget);
      return unavailable(answer.reads_only
                             ? "This node serves only reads; nothing was changed."
                             : "This change cannot be written at the moment; nothing was changed.");
    case journal::AnswerKind::unknown:
      return outcome_unknown(answer.command.value);
  }
  throw std::logic_error("a write was accepted without a commit");
}

Problem problem_of(http::Refusal refusal, std::string_view detail) {
  using http::Refusal;
  switch (refusal) {
    case Refusal::bad_request:
      return {400, "validation_error", "The request is malformed.", reason(detail)};
    case Refusal::not_found:
      return {404, "not_found", "There is no such path."};
    case Refusal::method_not_allowed:
      return {405, "method_not_allowed", "This path does not have that method."};
    case Refusal::timeout:
      return {408, "timeout", "The request did not come in time."};
    case Refusal::body_too_large:
      return too_large("The body is larger than this operation allows.");
    case Refusal::unsupported_media:
      return {415, "unsupported_media_type", sentence(detail)};
    case Refusal::headers_too_large:
      return {431, "validation_error", "The request's header is too large.", reason(detail)};
    case Refusal::unavailable:
      return unavailable("The service is not available at the moment.");
    case Refusal::internal:
      break;
  }
  return {500, "internal_error", "Something went wrong. Tell us the X-Request-Id."};
}

void add_headers(http::Response& response, const Problem& problem) {
  if (problem.status == 401) response.header("WWW-Authenticate", "Bearer");
  if (problem.retry_after.count() > 0)
    response.header("Retry-After", std::to_string(problem.retry_after.count()));
}

}  // namespace groundtruth::api
