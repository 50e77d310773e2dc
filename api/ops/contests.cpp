// Rejections that workers contest: operators look at what was handed in and why it was refused, and decide,
// once.
#include "api/common/blob_keys.hpp"
#include "api/common/fields.hpp"
#include "api/ops/commands.hpp"
#include "api/ops/errors.hpp"
#include "api/ops/handlers.hpp"
#include "api/ops/node_calls.hpp"
#include "projections/assignments/queries.hpp"
#include "projections/tasks/queries.hpp"

namespace groundtruth::ops {
namespace {

enum class ContestStatus : std::uint8_t { waiting, upheld, dismissed };
BOOST_DESCRIBE_ENUM(ContestStatus, waiting, upheld, dismissed)

struct MediaView {
  std::string content_type;
  std::int64_t bytes = 0;
  std::string sha256, url;
};
BOOST_DESCRIBE_STRUCT(MediaView, (), (content_type, bytes, sha256, url))

struct ContestView {
  domain::SubmissionId submission;
  ContestStatus status{};
  domain::TaskId task;
  domain::AccountId account;
  domain::WorkerId worker;
  domain::Cents reward_cents;
  std::string title, instructions, rejection_reason;
  domain::Timestamp submitted_at, contested_at;
  std::vector<MediaView> media;  // none once it was discarded
};
BOOST_DESCRIBE_STRUCT(ContestView, (),
                      (submission, status, task, account, worker, reward_cents, title, instructions,
                       rejection_reason, submitted_at, contested_at, media))

struct ContestListView {
  std::vector<ContestView> contests;
  bool more = false;
};
BOOST_DESCRIBE_STRUCT(ContestListView, (), (contests, more))

ContestStatus status_of(const domain::Assignment& assignment) {
  if (assignment.status == domain::AssignmentStatus::contested) return ContestStatus::waiting;
  return assignment.status == domain::AssignmentStatus::reinstated ? ContestStatus::upheld
                                                                   : ContestStatus::dismissed;
}

ContestView view_of(Services& services, const domain::Assignment& assignment) {
  ContestView view;
  view.submission = assignment.submission;
  view.status = status_of(assignment);
  view.task = assignment.task;
  view.account = assignment.account;
  view.worker = assignment.worker;
  view.reward_cents = assignment.reward_cents;
  view.rejection_reason = assignment.reason;
  view.submitted_at = assignment.submitted_at;
  view.contested_at = assignment.contested_at.value_or(domain::Timestamp{});
  const auto task = projections::TaskQueries(services.projector.readers("tasks")).task(assignment.task);
  if (task) {
    view.title = task->state.title;
    view.instructions = task->state.instructions;
  }
  if (view.status == ContestStatus::waiting && !assignment.is_discarded)
    for (const auto& media : assignment.media)
      view.media.push_back(
          {media.content_type, media.bytes, media.sha256,
           services.media_url(api::blob_key(assignment.id, assignment.lease, media.sha256))});
  return view;
}

std::optional<domain::Assignment> find_contest(Services& services, const Request& request) {
  const auto id = request.param("id");
  if (!domain::is_id(id, "sub_")) return std::nullopt;
  auto row = projections::AssignmentQueries(services.projector.readers("assignments"))
                 .of_submission({std::string(id)});
  if (!row || !row->state.contested_at) return std::nullopt;
  return std::move(row->state);
}

Response no_such_contest() {
  return error(404, "contest_not_found", "there is no such contested submission");
}

// Deciding again as it was decided is no error: what is wanted is already so.
Async<Response> decide(Services* services, const Request* request, domain::ContestOutcome outcome) {
  const auto contest = find_contest(*services, *request);
  const auto bucket = contest ? domain::bucket_of(contest->task.value) : std::nullopt;
  if (!bucket) co_return no_such_contest();
  domain::DecideContest command{contest->id, contest->task, contest->account, contest->submission, outcome};
  auto submission = operator_submission(*services, *request, *bucket, contest->account, std::move(command));
  const journal::Answer answer = co_await submit(services->node, std::move(submission));
  const auto now = find_contest(*services, *request);
  if (!now) co_return no_such_contest();
  const bool is_so =
      status_of(*now) ==
      (outcome == domain::ContestOutcome::upheld ? ContestStatus::upheld : ContestStatus::dismissed);
  if (answer.kind == journal::AnswerKind::rejected && !is_so)
    co_return error(409, "contest_decided", "this contest was decided the other way");
  if (answer.kind != journal::AnswerKind::accepted && answer.kind != journal::AnswerKind::rejected)
    co_return refused(answer);
  auto response = json(200, view_of(*services, *now));
  add_position(response, answer);
  co_return response;
}

}  // namespace

// Those that wait, the longest first. ?after= and ?limit= walk over all.
Async<Response> list_contests(Services& services, Request& request) {
  api::QueryReader query(request);
  const auto after = query.text("after");
  const auto limit = query.integer("limit", 1, projections::kMaxPage);
  if (const auto errors = query.finish(); !errors.empty()) co_return validation_error(errors);
  std::optional<domain::SubmissionId> start;
  if (after) start = domain::SubmissionId{std::string(*after)};
  const auto page =
      projections::AssignmentQueries(services.projector.readers("assignments"))
          .contests_after(start, static_cast<std::uint32_t>(limit.value_or(projections::kMaxPage)));
  if (!page) co_return error(400, "validation_error", "after must be the id of a contested submission");
  ContestListView list;
  for (const auto& row : page->items) list.contests.push_back(view_of(services, row.state));
  list.more = page->more;
  co_return json(200, list);
}

Async<Response> read_contest(Services& services, Request& request) {
  const auto contest = find_contest(services, request);
  if (!contest) co_return no_such_contest();
  co_return json(200, view_of(services, *contest));
}

Async<Response> uphold_contest(Services& services, Request& request) {
  return decide(&services, &request, domain::ContestOutcome::upheld);
}

Async<Response> dismiss_contest(Services& services, Request& request) {
  return decide(&services, &request, domain::ContestOutcome::dismissed);
}

}  // namespace groundtruth::ops
