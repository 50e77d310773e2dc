// Golden bytes: every rejection's answer, and commit in, response out. A change here breaks replays of old
// requests.
#include <doctest/doctest.h>

#include "api/dev/checkout_page.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/groundtruth/exchange.hpp"
#include "api/groundtruth/render.hpp"
#include "api/groundtruth/requests.hpp"

using namespace groundtruth;
using namespace groundtruth::api::groundtruth;
using api::problem_of;
using api::read_body;
using domain::Rejection;
using domain::RejectionCode;

namespace {

constexpr domain::Timestamp kAt{1'781'793'120'123};  // 2026-06-18T14:32:00.123Z

domain::TaskCreated task_created() {
  domain::TaskCreated event;
  event.task = {"tsk_01hx4nvzgw5q9k3m7c2e8r4t6v"};
  event.account = {"org_01hx4nvzgw5q9k3m7c2e8r4t6v"};
  event.title = "Record a \"busy\" street scene";
  event.instructions = "Walk.\nSteady hand.";
  event.modalities = {domain::Modality::video, domain::Modality::audio};
  event.reward_cents = {250};
  event.target_submissions = 100;
  event.checkout = {"cko_01hx4nvzgw5q9k3m7c2e8r4t6v"};
  event.funding_url = "https://checkout.example/c/1";
  return event;
}

template <class E>
journal::Commit commit_of(E event) {
  journal::Commit commit;
  commit.seq = 12;
  commit.at = kAt;
  commit.events.push_back({"stream", 1, std::move(event)});
  return commit;
}

constexpr const char* kCreated =
    R"({"id":"tsk_01hx4nvzgw5q9k3m7c2e8r4t6v","status":"funding","funding_url":"https://checkout.example/c/1",)"
    R"("reward_cents":250,"target_submissions":100,"created_at":"2026-06-18T14:32:00Z",)"
    R"("title":"Record a \"busy\" street scene","instructions":"Walk.\nSteady hand.","modalities":["video","audio"],)"
    R"("budget_cents":25000,"deadline":null,"metadata":{},"approved_submissions":0,"funded_at":null,"closed_at":null})";

}  // namespace

TEST_CASE("every rejection has its status and its bytes") {
  struct Row {
    Rejection rejection;
    int status;
    const char* body;
  };
  const Row rows[] = {
      {{RejectionCode::account_not_found, {}, {}},
       401,
       R"({"error":{"code":"unauthorized","message":"The organization of this API key no longer exists.","details":{}}})"},
      {{RejectionCode::account_erased, {}, {}},
       401,
       R"({"error":{"code":"unauthorized","message":"The organization of this API key no longer exists.","details":{}}})"},
      {{RejectionCode::email_taken, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"This e-mail address is taken.","details":{}}})"},
      {{RejectionCode::api_key_exists, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"This id is taken. Try again.","details":{}}})"},
      {{RejectionCode::api_key_not_found, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such API key.","details":{}}})"},
      {{RejectionCode::key_expiry_in_past, {}, {}},
       400,
       R"({"error":{"code":"validation_error","message":"The request has 1 wrong field.","details":{"fields":[{"path":"expires_at","code":"invalid_value","message":"must be in the future"}]}}})"},
      {{RejectionCode::task_exists, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"This id is taken. Try again.","details":{}}})"},
      {{RejectionCode::task_not_found, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such task.","details":{}}})"},
      {{RejectionCode::task_not_cancellable, {}, {{"status", "completed"}}},
       409,
       R"({"error":{"code":"conflict","message":"A task that is completed cannot be cancelled.","details":{"status":"completed"}}})"},
      {{RejectionCode::task_not_fundable, {}, {{"status", "open"}}},
       409,
       R"({"error":{"code":"conflict","message":"A task that is open cannot be funded.","details":{"status":"open"}}})"},
      {{RejectionCode::deadline_in_past, {}, {}},
       400,
       R"({"error":{"code":"validation_error","message":"The request has 1 wrong field.","details":{"fields":[{"path":"deadline","code":"invalid_value","message":"must be in the future"}]}}})"},
      {{RejectionCode::insufficient_budget, {{"budget_cents", 1000}, {"required_cents", 2500}}, {}},
       400,
       R"({"error":{"code":"insufficient_budget","message":"Task budget is below the minimum required to open.","details":{"budget_cents":1000,"required_cents":2500}}})"},
      {{RejectionCode::amount_mismatch, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"The amount is not the task's budget.","details":{}}})"},
      {{RejectionCode::insufficient_funds, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"There is not enough money for this.","details":{}}})"},
      {{RejectionCode::version_mismatch, {}, {}},
       412,
       R"({"error":{"code":"precondition_failed","message":"The resource has changed since the version in If-Match.","details":{}}})"},
      {{RejectionCode::task_not_open, {}, {{"status", "cancelled"}}},
       409,
       R"({"error":{"code":"conflict","message":"This task is cancelled; no work can be done on it.","details":{"status":"cancelled"}}})"},
      {{RejectionCode::task_full, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"All places of this task are taken.","details":{"reason":"task_full"}}})"},
      {{RejectionCode::task_already_accepted, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"You have accepted this task already.","details":{"reason":"already_accepted"}}})"},
      {{RejectionCode::lease_not_found, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"Accept this task first.","details":{"reason":"not_accepted"}}})"},
      {{RejectionCode::lease_expired, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"Your lease on this task has expired. Accept the task again.","details":{"reason":"lease_expired"}}})"},
      {{RejectionCode::lease_unseen, {}, {}},
       503,
       R"({"error":{"code":"unavailable","message":"This server has not read your acceptance of the task yet; nothing was changed. Try again in a moment.","details":{}}})"},
      {{RejectionCode::submission_not_contestable, {}, {{"status", "too_late"}}},
       409,
       R"({"error":{"code":"conflict","message":"The time to contest this rejection is over.","details":{"status":"too_late"}}})"},
      {{RejectionCode::contest_not_found, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such contest.","details":{}}})"},
      {{RejectionCode::too_many_unpaid_tasks, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"This organization has too many unpaid tasks. Pay for one, or cancel one.","details":{"reason":"too_many_unpaid_tasks"}}})"},
      {{RejectionCode::too_many_leases, {{"held", 5}, {"max_held", 5}, {"retry_after_seconds", 600}}, {}},
       409,
       R"({"error":{"code":"conflict","message":"You hold 5 tasks, and may hold 5 at a time. Submit work for one of them or release one; the next one ends in 10 minutes.","details":{"reason":"too_many_leases","held":5,"max_held":5,"retry_after_seconds":600}}})"},
      {{RejectionCode::must_wait, {{"retry_after_seconds", 90}}, {}},
       429,
       R"({"error":{"code":"rate_limited","message":"You accepted tasks and brought no work for them. You can accept the next one in 90 seconds.","details":{"reason":"must_wait"}}})"},
      {{RejectionCode::already_submitted, {}, {}},
       409,
       R"({"error":{"code":"conflict","message":"You have submitted work for this task already.","details":{"reason":"already_submitted"}}})"},
      {{RejectionCode::too_many_uploads, {{"max_uploads", 8}}, {}},
       409,
       R"({"error":{"code":"conflict","message":"There are too many uploads for this task already.","details":{"max_uploads":8}}})"},
      {{RejectionCode::uploads_too_large, {{"max_total_bytes", 1000}, {"left_bytes", 7}}, {}},
       413,
       R"({"error":{"code":"payload_too_large","message":"The uploads for this task would exceed the total size allowed.","details":{"left_bytes":7,"max_total_bytes":1000}}})"},
      {{RejectionCode::submission_not_found, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such submission.","details":{}}})"},
      {{RejectionCode::submission_decided, {}, {{"status", "approved"}}},
       409,
       R"({"error":{"code":"conflict","message":"This submission is approved already.","details":{"status":"approved"}}})"},
      {{RejectionCode::worker_not_found, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such worker.","details":{}}})"},
      {{RejectionCode::worker_erased, {}, {}},
       404,
       R"({"error":{"code":"not_found","message":"There is no such worker.","details":{}}})"},
      {{RejectionCode::task_unsuitable, {}, {}},
       403,
       R"({"error":{"code":"forbidden","message":"This task asks for skills or a place that are not in your profile.","details":{}}})"},
  };
  std::size_t codes = 0;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<RejectionCode>>([&](auto) { ++codes; });
  CHECK(std::size(rows) == codes);
  for (const Row& row : rows) {
    const auto response = to_response(problem_of(row.rejection));
    CHECK(response.status == row.status);
    CHECK(response.body == row.body);
  }
}

TEST_CASE("a rejection says what there is to say") {
  const auto deadline =
      problem_of(Rejection{RejectionCode::deadline_in_past, {}, {{"now", "2026-06-18T14:32:00Z"}}});
  CHECK(deadline.details.find("must be later than 2026-06-18T14:32:00Z, the time of the service") !=
        std::string::npos);
  const auto dismissed =
      problem_of(Rejection{RejectionCode::submission_not_contestable, {}, {{"status", "dismissed"}}});
  CHECK(dismissed.message == "The contest of this submission was dismissed; there is no second one.");
}

TEST_CASE("what the server refuses by itself has the same envelope") {
  using http::Refusal;
  const std::pair<Refusal, std::pair<int, const char*>> rows[] = {
      {Refusal::bad_request, {400, "validation_error"}},
      {Refusal::not_found, {404, "not_found"}},
      {Refusal::method_not_allowed, {405, "method_not_allowed"}},
      {Refusal::timeout, {408, "timeout"}},
      {Refusal::body_too_large, {413, "payload_too_large"}},
      {Refusal::unsupported_media, {415, "unsupported_media_type"}},
      {Refusal::headers_too_large, {431, "validation_error"}},
      {Refusal::internal, {500, "internal_error"}},
      {Refusal::unavailable, {503, "unavailable"}},
  };
  for (const auto& [refusal, expected] : rows) {
    const auto response = refuse(refusal, "why \"not\"");
    CHECK(response.status == expected.first);
    CHECK(response.body.starts_with(std::string(R"({"error":{"code":")") + expected.second +
                                    R"(","message":")"));
  }
  CHECK(refuse(Refusal::internal, "secret cause").body.find("secret") == std::string::npos);
}

TEST_CASE("all wrong fields of a body are named, in public codes") {
  http::Request request;
  request.body =
      R"({"title":"","modalities":["video","smell","video"],"reward_cents":"1","target_submissions":0,"x":1})";
  const auto body = read_body<CreateTaskRequest>(request);
  CHECK_FALSE(body.value);
  CHECK(
      to_response(body.problem).body ==
      R"({"error":{"code":"validation_error","message":"The request has 6 wrong fields.","details":{"fields":[)"
      R"({"path":"title","code":"out_of_range","message":"must have at least 1 character"},)"
      R"({"path":"modalities[1]","code":"invalid_value","message":"must be one of video, audio, image, text"},)"
      R"({"path":"reward_cents","code":"invalid_type","message":"must be an integer"},)"
      R"({"path":"target_submissions","code":"out_of_range","message":"must be between 1 and 100000"},)"
      R"({"path":"x","code":"unknown_field","message":"is not a known field"},)"
      R"({"path":"instructions","code":"required","message":"is required"}]}}})");

  request.body = "";
  const auto nothing = read_body<CreateTaskRequest>(request);
  CHECK_FALSE(nothing.value);
  CHECK(nothing.problem.status == 400);
  CHECK(nothing.problem.details.starts_with(R"({"reason":")"));

  request.body = " {} ";
  CHECK(read_body<EmptyRequest>(request).value);
  request.body = R"({"x":1})";
  CHECK_FALSE(read_body<EmptyRequest>(request).value);
}

TEST_CASE("commit in, answer out") {
  CHECK(render_task_created(commit_of(task_created())) == kCreated);

  CHECK(
      render_task_cancelled(commit_of(domain::TaskCancelled{
          {"tsk_01hx4nvzgw5q9k3m7c2e8r4t6v"}, domain::CancelReason::by_customer, {25'000}})) ==
      R"({"id":"tsk_01hx4nvzgw5q9k3m7c2e8r4t6v","status":"cancelled","refunded_cents":25000,"cancelled_at":"2026-06-18T14:32:00Z"})");

  domain::ApiKeyCreated key;
  key.key = {"key_01hx4nvzgw5q9k3m7c2e8r4t6v"};
  key.name = "dashboard";
  key.scopes = {domain::Scope::read, domain::Scope::write};
  key.prefix = "gt_sk_01hx4nvzgw5q9k3m";
  key.secret_hash = "$2b$10$never shown";
  key.expires_at = domain::Timestamp{4'102'444'799'000};
  const std::string shown =
      R"({"id":"key_01hx4nvzgw5q9k3m7c2e8r4t6v","name":"dashboard","scopes":["read","write"],"prefix":"gt_sk_01hx4nvzgw5q9k3m",)"
      R"("created_at":"2026-06-18T14:32:00Z","last_used_at":null,"expires_at":"2099-12-31T23:59:59Z")";
  CHECK(render_key_created(commit_of(key), "gt_sk_whole") == shown + R"(,"secret":"gt_sk_whole"})");
  CHECK(render_key_created(commit_of(key), {}) == shown + "}");

  CHECK(render_key_revoked(commit_of(domain::ApiKeyRevoked{{"key_01hx4nvzgw5q9k3m7c2e8r4t6v"}})) ==
        R"({"id":"key_01hx4nvzgw5q9k3m7c2e8r4t6v","revoked":true,"revoked_at":"2026-06-18T14:32:00Z"})");

  CHECK_THROWS_AS(render_task_created(commit_of(domain::ApiKeyRevoked{})), std::logic_error);
}

TEST_CASE("reading a new task gives the bytes that creating it gave, and later ones its progress") {
  domain::Task task;
  evolve(task, task_created(), kAt);
  CHECK(render_task(task) == kCreated);
  evolve(task, domain::TaskFunded{task.checkout, task.budget()}, domain::Timestamp{kAt.ms + 60'000});
  CHECK(render_task(task).find(R"("status":"open","funding_url":null,)") != std::string::npos);
  CHECK(render_task(task).find(R"("funded_at":"2026-06-18T14:33:00Z","closed_at":null})") !=
        std::string::npos);
}

TEST_CASE("lists") {
  CHECK(render_tasks({}, {0, 1, 20, std::nullopt}) ==
        R"({"data":[],"pagination":{"total":0,"page":1,"per_page":20,"next_cursor":null}})");
  domain::Task task;
  evolve(task, task_created(), kAt);
  CHECK(render_tasks({{task, 1}, {task, 1}}, {47, 2, 2, "cur_x"}) ==
        std::string(R"({"data":[)") + kCreated + "," + kCreated +
            R"(],"pagination":{"total":47,"page":2,"per_page":2,"next_cursor":"cur_x"}})");
}

TEST_CASE("answers that are no success") {
  journal::Answer answer;
  answer.kind = journal::AnswerKind::unknown;
  answer.command = {"cmd_01hx4nvzgw5q9k3m7c2e8r4t6v"};
  CHECK(not_written(answer).status == 504);
  CHECK(not_written(answer).body.find(R"("details":{"command_id":"cmd_01hx4nvzgw5q9k3m7c2e8r4t6v"})") !=
        std::string::npos);
  answer.kind = journal::AnswerKind::unavailable;
  CHECK(not_written(answer).status == 503);
  CHECK(not_written(answer).headers.back().first == "Retry-After");
  answer.kind = journal::AnswerKind::too_large;
  CHECK(not_written(answer).status == 413);
  answer.kind = journal::AnswerKind::key_reused;
  CHECK(not_written(answer).status == 409);
  answer.kind = journal::AnswerKind::rejected;
  answer.replayed = true;
  answer.rejection = {RejectionCode::task_not_found, {}, {}};
  CHECK(not_written(answer).status == 404);
  CHECK(not_written(answer).headers.back() ==
        std::pair<std::string, std::string>("Idempotent-Replayed", "true"));
}

TEST_CASE("a checkout page shows a hostile title as text") {
  domain::Task task;
  evolve(task, task_created(), kAt);
  task.title = "</title><script>alert(1)</script>";
  const std::string page = api::dev::checkout_page(task, "form-token", {});
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;/title&gt;&lt;script&gt;") != std::string::npos);
  CHECK(page.find("$250.00") != std::string::npos);
  CHECK(page.find("value=\"pay\"") != std::string::npos);
  task.status = domain::TaskStatus::open;
  CHECK(api::dev::checkout_page(task, "form-token", {}).find("<form") == std::string::npos);
}
