// See handlers_submissions.hpp.
#include "api/groundtruth/handlers_submissions.hpp"

#include "api/common/header_lists.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/exchange.hpp"
#include "api/groundtruth/paging.hpp"
#include "api/groundtruth/render.hpp"
#include "api/groundtruth/requests.hpp"
#include "api/groundtruth/resources.hpp"
#include "api/http/async.hpp"

namespace groundtruth::api::groundtruth {
namespace {

constexpr std::string_view kNdjson = "application/x-ndjson";
constexpr std::uint32_t kStreamRows = 256;  // read, signed and sent at a time

// A list of one task and status is a list of its own: its cursors are no other's.
std::string list_name(const projections::SubmissionFilter& filter) {
  return "submissions:" + filter.task.value + ":" +
         std::string(boost::describe::enum_to_string(filter.status, ""));
}

enum class ReviewStatus : std::uint8_t { pending, approved, rejected };
BOOST_DESCRIBE_ENUM(ReviewStatus, pending, approved, rejected)

domain::AssignmentStatus status_of(ReviewStatus status) {
  if (status == ReviewStatus::pending) return domain::AssignmentStatus::pending;
  return status == ReviewStatus::rejected ? domain::AssignmentStatus::rejected
                                          : domain::AssignmentStatus::approved;
}

MediaLinks links_of(const Services& services) {
  return {services.blobs, services.clock.now()};
}

// All of them, in constant memory: links are signed as they leave.
http::Response stream_all(Services& services, projections::SubmissionFilter filter) {
  http::Response response;
  response.content_type = kNdjson;
  response.next_chunk = [&services,
                         walk = services.assignments.walk(std::move(filter))](std::string& chunk) mutable {
    const MediaLinks links = links_of(services);
    return walk.next(kStreamRows, [&](const domain::Assignment& assignment) {
      append_submission(chunk, assignment, links);
      chunk += '\n';
    });
  };
  return response;
}

}  // namespace

http::Async<http::Response> list_submissions(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  const std::string id(request.param("id"));
  projections::SubmissionFilter filter{domain::TaskId{id}};
  QueryReader query(request);
  if (const auto status = query.one_of<ReviewStatus>("status")) filter.status = status_of(*status);
  const std::string list = list_name(filter);
  const PageRequest wanted = read_page(query, services.cursors, list, caller.account());
  if (auto errors = query.finish(); !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));
  if (!find_task(services, caller, id)) co_return to_response(no_such("task"));
  if (prefers(request.headers, kNdjson, "application/json"))
    co_return stream_all(services, std::move(filter));

  projections::Page<domain::Assignment> page;
  if (wanted.after) {
    auto found =
        services.assignments.page_after(filter, domain::SubmissionId{*wanted.after}, wanted.per_page);
    if (!found)
      co_return to_response(wrong_field("cursor", "invalid_value", "must be a next_cursor of this list"));
    page = std::move(*found);
  } else {
    page = services.assignments.page(filter, wanted.offset(), wanted.per_page);
  }
  const std::string last_id = page.items.empty() ? std::string() : page.items.back().state.submission.value;
  const Pagination pagination =
      pagination_of(wanted, page.total, page.more, last_id, services.cursors, list, caller.account());
  co_return ok(render_submissions(page.items, pagination, links_of(services)));
}

http::Async<http::Response> get_submission(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  if (auto errors = refuse_query(request); !errors.empty())
    co_return to_response(wrong_fields(std::move(errors)));
  const auto assignment = find_submission(services, caller, request.param("id"));
  if (!assignment) co_return to_response(no_such("submission"));
  std::string body;
  append_submission(body, *assignment, links_of(services));
  co_return ok(std::move(body));
}

http::Async<http::Response> approve_submission(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  if (!request.body.empty()) {
    auto body = read_body<EmptyRequest>(request);
    if (!body.value) co_return to_response(body.problem);
  }
  auto assignment = find_submission(services, caller, request.param("id"));
  if (!assignment) {  // its worker may have been answered a moment ago
    const auto told = services.exchange.node.answered_ahead(caller.partition());
    const auto behind = co_await catch_up(services.exchange, request, told);
    if (behind) co_return to_response(*behind);
    assignment = find_submission(services, caller, request.param("id"));
  }
  if (!assignment) co_return to_response(no_such("submission"));
  domain::ApproveSubmission command{assignment->id, assignment->task, caller.account(),
                                    assignment->submission};
  Order order{std::move(command), std::move(intent.keyed), std::nullopt, journal::AnswerWhen::durable};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_submission_approved(*answer.commit), answer);
}

http::Async<http::Response> reject_submission(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<RejectSubmissionRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const auto assignment = find_submission(services, caller, request.param("id"));
  if (!assignment) co_return to_response(no_such("submission"));
  domain::RejectSubmission command{assignment->id, assignment->task, caller.account(), assignment->submission,
                                   std::move(body.value->reason.value)};
  Order order{std::move(command), std::move(intent.keyed), std::nullopt};
  const journal::Answer answer = co_await execute(services, request, std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(200, render_submission_rejected(*answer.commit), answer);
}

}  // namespace groundtruth::api::groundtruth
