// The JSON of every answer (api/groundtruth/render.hpp).
#include "api/groundtruth/render.hpp"

#include <stdexcept>

#include "api/common/blob_keys.hpp"
#include "api/common/json_object.hpp"
#include "api/common/location.hpp"
#include "api/common/media_part.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::api::groundtruth {
namespace {

namespace codec = journal::codec;
using journal::codec::SecondsTime;

constexpr std::size_t kTaskBytes = 512;  // about what a task takes besides its texts

std::optional<SecondsTime> seconds(const std::optional<domain::Timestamp>& time) {
  if (!time) return std::nullopt;
  return SecondsTime{*time};
}

// What changes in a task's life; the rest is as it was created.
struct TaskProgress {
  domain::TaskStatus status = domain::TaskStatus::funding;
  std::int64_t approved_submissions = 0;
  domain::Timestamp created_at;
  std::optional<domain::Timestamp> funded_at;
  std::optional<domain::Timestamp> closed_at;
};

// Null: nothing is asked.
const domain::Requirements* requirements_of(const domain::Task& task) {
  return task.requirements == domain::Requirements{} ? nullptr : &task.requirements;
}
const domain::Requirements* requirements_of(const domain::TaskCreated& created) {
  return created.requirements && *created.requirements != domain::Requirements{} ? &*created.requirements
                                                                                 : nullptr;
}

// TaskCreated and Task have the same names for the same things.
template <class Definition>
void append_task(std::string& out, const domain::TaskId& id, const Definition& task,
                 const TaskProgress& progress) {
  const bool is_payable = progress.status == domain::TaskStatus::funding;
  ObjectWriter object(out);
  object.member("id", id).member("status", progress.status);
  if (is_payable)
    object.member("funding_url", task.funding_url);
  else
    object.raw("funding_url", "null");
  object.member("reward_cents", task.reward_cents)
      .member("target_submissions", task.target_submissions)
      .member("created_at", SecondsTime{progress.created_at})
      .member("title", task.title)
      .member("instructions", task.instructions)
      .member("modalities", task.modalities)
      .member("budget_cents", task.reward_cents * task.target_submissions)
      .member("deadline", seconds(task.deadline))
      .raw("metadata", task.metadata.text)
      .member("approved_submissions", progress.approved_submissions)
      .member("funded_at", seconds(progress.funded_at))
      .member("closed_at", seconds(progress.closed_at));
  // Only where something is asked: tasks from before one could ask keep their bytes.
  if (const auto* asked = requirements_of(task)) {
    object.head("requirements");
    append_requirements(out, *asked);
  }
  object.end();
}

void append_task(std::string& out, const domain::Task& task) {
  append_task(out, task.id, task,
              {task.status, task.approved_submissions, task.created_at, task.funded_at, task.closed_at});
}

// ApiKeyCreated and ApiKey likewise.
template <class Definition>
void append_key(std::string& out, const domain::ApiKeyId& id, const Definition& key,
                domain::Timestamp created_at, const std::optional<domain::Timestamp>& last_used_at,
                std::string_view secret) {
  ObjectWriter object(out);
  object.member("id", id)
      .member("name", key.name)
      .member("scopes", key.scopes)
      .member("prefix", key.prefix)
      .member("created_at", SecondsTime{created_at})
      .member("last_used_at", seconds(last_used_at))
      .member("expires_at", seconds(key.expires_at));
  if (!secret.empty()) object.member("secret", secret);
  object.end();
}

void append_pagination(ObjectWriter& object, std::string& out, const Pagination& pagination) {
  object.head("pagination");
  ObjectWriter(out)
      .member("total", pagination.total)
      .member("page", pagination.page)
      .member("per_page", pagination.per_page)
      .member("next_cursor", pagination.next_cursor)
      .end();
  object.end();
}

template <class Items, class Append>
std::string render_list(const Items& items, const Pagination& pagination, const Append& append) {
  std::string out;
  out.reserve(kTaskBytes * (items.size() + 1));
  ObjectWriter object(out);
  object.head("data");
  out += '[';
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) out += ',';
    is_first = false;
    append(out, item.state);
  }
  out += ']';
  append_pagination(object, out, pagination);
  return out;
}

template <class Event>
const Event& event_of(const journal::Commit& commit) {
  const Event* event = commit.find<Event>();
  if (event == nullptr) throw std::logic_error("a commit without the event that its command makes");
  return *event;
}

}  // namespace

std::string render_task_created(const journal::Commit& commit) {
  const auto& created = event_of<domain::TaskCreated>(commit);
  TaskProgress progress;
  progress.created_at = commit.at;
  std::string out;
  out.reserve(kTaskBytes + created.title.size() + created.instructions.size() + created.metadata.text.size());
  append_task(out, created.task, created, progress);
  return out;
}

std::string render_task_cancelled(const journal::Commit& commit) {
  const auto& cancelled = event_of<domain::TaskCancelled>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", cancelled.task)
      .member("status", domain::TaskStatus::cancelled)
      .member("refunded_cents", cancelled.refunded_cents)
      .member("cancelled_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_checkout_renewed(const journal::Commit& commit) {
  const auto& renewed = event_of<domain::TaskCheckoutRenewed>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", renewed.task)
      .member("status", domain::TaskStatus::funding)
      .member("funding_url", renewed.funding_url)
      .member("budget_cents", renewed.reward_cents * renewed.target_submissions)
      .member("expires_at", SecondsTime{renewed.checkout_until})
      .end();
  return out;
}

std::string render_submission_approved(const journal::Commit& commit) {
  const auto& approved = event_of<domain::SubmissionApproved>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", approved.submission)
      .member("status", domain::AssignmentStatus::approved)
      .member("task_id", approved.task)
      .member("reward_cents", approved.reward_cents)
      .member("approved_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_submission_rejected(const journal::Commit& commit) {
  const auto& rejected = event_of<domain::SubmissionRejected>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", rejected.submission)
      .member("status", domain::AssignmentStatus::rejected)
      .member("task_id", rejected.task)
      .member("reason", rejected.reason)
      .member("rejected_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_key_created(const journal::Commit& commit, std::string_view secret) {
  const auto& created = event_of<domain::ApiKeyCreated>(commit);
  std::string out;
  append_key(out, created.key, created, commit.at, std::nullopt, secret);
  return out;
}

std::string render_key_revoked(const journal::Commit& commit) {
  const auto& revoked = event_of<domain::ApiKeyRevoked>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", revoked.key)
      .member("revoked", true)
      .member("revoked_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_task(const domain::Task& task) {
  std::string out;
  out.reserve(kTaskBytes + task.title.size() + task.instructions.size() + task.metadata.text.size());
  append_task(out, task);
  return out;
}

std::string render_tasks(const std::vector<projections::Versioned<domain::Task>>& tasks,
                         const Pagination& pagination) {
  return render_list(tasks, pagination,
                     [](std::string& out, const domain::Task& task) { append_task(out, task); });
}

// What was rejected is not the customer's to see any more: its media has no URLs.
void append_submission(std::string& out, const domain::Assignment& assignment, const MediaLinks& links) {
  using codec::Nullable;
  std::vector<Nullable<std::string>> urls(assignment.media.size());
  for (std::size_t i = 0; i < urls.size() && !assignment.was_rejected(); ++i)
    urls[i] = {
        links.blobs.sign_download(blob_key(assignment.id, assignment.lease, assignment.media[i].sha256),
                                  links.now, kMediaLinkLifetime)};
  ObjectWriter object(out);
  object.member("id", assignment.submission)
      .member("status", assignment.review())
      .member("duration_seconds", duration_seconds(assignment.media.front()))
      .member("media_url", urls.front())
      .member("created_at", SecondsTime{assignment.submitted_at})
      .member("task_id", assignment.task)
      .member("worker_id", assignment.worker)
      .member("reward_cents", assignment.reward_cents)
      .member("review_until", SecondsTime{assignment.review_until})
      .member("decided_at", seconds(assignment.decided_at));
  if (assignment.reason.empty())
    object.raw("rejection_reason", "null");
  else
    object.member("rejection_reason", assignment.reason);
  object.head("media");
  out += '[';
  for (std::size_t i = 0; i < urls.size(); ++i) {
    if (i > 0) out += ',';
    ObjectWriter part(out);
    part.member("url", urls[i]);
    add_media(part, assignment.media[i]);
    part.end();
  }
  out += ']';
  object.end();
}

std::string render_submissions(const std::vector<projections::Versioned<domain::Assignment>>& submissions,
                               const Pagination& pagination, const MediaLinks& links) {
  return render_list(submissions, pagination, [&](std::string& out, const domain::Assignment& assignment) {
    append_submission(out, assignment, links);
  });
}

std::string render_keys(const std::vector<projections::Versioned<domain::ApiKey>>& keys,
                        const Pagination& pagination) {
  return render_list(keys, pagination, [](std::string& out, const domain::ApiKey& key) {
    append_key(out, key.id, key, key.created_at, key.last_used_at, {});
  });
}

}  // namespace groundtruth::api::groundtruth
