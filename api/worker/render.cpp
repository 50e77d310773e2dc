// The JSON of every answer (api/worker/render.hpp).
#include "api/worker/render.hpp"

#include <stdexcept>

#include "api/common/json_object.hpp"
#include "api/common/location.hpp"
#include "api/common/media_part.hpp"
#include "journal/codec/fields.hpp"

namespace groundtruth::api::worker {
namespace {

namespace codec = journal::codec;
using journal::codec::SecondsTime;

template <class Event>
const Event& event_of(const journal::Commit& commit) {
  const Event* event = commit.find<Event>();
  if (event == nullptr) throw std::logic_error("a commit without the event that its command makes");
  return *event;
}

void append_offer(ObjectWriter& object, std::string& out, const std::vector<std::string>& skills,
                  const std::vector<domain::Modality>& modalities, const std::optional<domain::Area>& area) {
  object.member("skills", skills).member("modalities", modalities);
  object.head("location");
  if (area)
    append_location(out, *area);
  else
    out += "null";
}

std::optional<domain::Area> plain(const std::optional<domain::Sealed<domain::Area>>& area) {
  if (!area) return std::nullopt;
  return area->value;
}

void add_standing(ObjectWriter& object, const domain::Worker& worker) {
  object.member("display_name", worker.name)
      .member("trust_score", worker.trust())
      .member("level", worker.level())
      .member("badges", worker.badges())
      .member("missions_completed", worker.approved);
}

}  // namespace

std::string render_registered(const journal::Commit& commit) {
  const auto& registered = event_of<domain::WorkerRegistered>(commit);
  std::string out;
  ObjectWriter answer(out);
  answer.head("worker");
  ObjectWriter worker(out);
  worker.member("id", registered.worker)
      .member("name", registered.name.value)
      .member("email", registered.email.value)
      .member("email_verified", false);
  append_offer(worker, out, registered.skills.value, registered.modalities.value, plain(registered.area));
  worker.member("created_at", SecondsTime{commit.at}).end();
  answer.member("message", "Open the link in the mail that we sent you, then log in.").end();
  return out;
}

std::string render_profile_changed(const journal::Commit& commit) {
  const auto& changed = event_of<domain::WorkerProfileChanged>(commit);
  std::string out;
  ObjectWriter object(out);
  object.member("id", changed.worker).member("name", changed.name.value);
  append_offer(object, out, changed.skills.value, changed.modalities.value, plain(changed.area));
  object.member("updated_at", SecondsTime{commit.at}).end();
  return out;
}

std::string render_accepted(const journal::Commit& commit) {
  const auto& granted = event_of<domain::LeaseGranted>(commit);
  std::string out;
  ObjectWriter(out)
      .member("task_id", granted.task)
      .member("status", "accepted")
      .member("reward_cents", granted.reward_cents)
      .member("accepted_at", SecondsTime{commit.at})
      .member("expires_at", SecondsTime{granted.expires_at})
      .end();
  return out;
}

std::string render_released(const journal::Commit& commit) {
  const auto& ended = event_of<domain::LeaseEnded>(commit);
  std::string out;
  ObjectWriter(out)
      .member("task_id", ended.task)
      .member("status", "released")
      .member("released_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_submitted(const journal::Commit& commit) {
  const auto& created = event_of<domain::SubmissionCreated>(commit);
  std::string out;
  ObjectWriter answer(out);
  answer.head("submission");
  ObjectWriter submission(out);
  submission.member("id", created.submission)
      .member("task_id", created.task)
      .member("status", domain::AssignmentStatus::pending);
  submission.head("media");
  out += '[';
  for (std::size_t i = 0; i < created.media.size(); ++i) {
    if (i > 0) out += ',';
    ObjectWriter part(out);
    add_media(part, created.media[i]);
    part.end();
  }
  out += ']';
  submission.member("created_at", SecondsTime{commit.at})
      .member("review_until", SecondsTime{created.review_until})
      .end();
  answer.end();
  return out;
}

// The place of a contest, in the worker's words; null: there was none.
std::string render_submission(const domain::Assignment& assignment) {
  using codec::Nullable;
  const auto seconds = [](const std::optional<domain::Timestamp>& time) {
    return time ? Nullable<SecondsTime>(SecondsTime{*time}) : Nullable<SecondsTime>();
  };
  Nullable<std::string> reason, contest;
  if (!assignment.reason.empty()) reason = {assignment.reason};
  const bool may_contest =
      assignment.status == domain::AssignmentStatus::rejected && !assignment.contested_at;
  if (assignment.status == domain::AssignmentStatus::contested) contest = {std::string("waiting")};
  if (assignment.status == domain::AssignmentStatus::reinstated) contest = {std::string("upheld")};
  if (assignment.status == domain::AssignmentStatus::rejected && assignment.contested_at)
    contest = {std::string("dismissed")};
  std::string out;
  ObjectWriter answer(out);
  answer.head("submission");
  ObjectWriter(out)
      .member("id", assignment.submission)
      .member("task_id", assignment.task)
      .member("status", assignment.review())
      .member("reward_cents", assignment.reward_cents)
      .member("created_at", SecondsTime{assignment.submitted_at})
      .member("review_until", SecondsTime{assignment.review_until})
      .member("decided_at", seconds(assignment.decided_at))
      .member("rejection_reason", reason)
      .member("contest", contest)
      .member("contest_until", may_contest ? seconds(assignment.keep_until) : Nullable<SecondsTime>())
      .end();
  answer.end();
  return out;
}

std::string render_contested(const journal::Commit& commit) {
  const auto& contested = event_of<domain::SubmissionContested>(commit);
  std::string out;
  ObjectWriter(out)
      .member("id", contested.submission)
      .member("task_id", contested.task)
      .member("contest", "waiting")
      .member("contested_at", SecondsTime{commit.at})
      .end();
  return out;
}

std::string render_upload(const journal::Commit& commit, const ports::SignedUpload& signed_upload) {
  const auto& announced = event_of<domain::UploadAnnounced>(commit);
  std::string out;
  ObjectWriter object(out);
  object.member("upload_id", announced.upload.upload)
      .member("method", "PUT")
      .member("url", signed_upload.url);
  object.head("headers");
  ObjectWriter headers(out);
  for (const auto& [name, value] : signed_upload.headers) headers.member(name, value);
  headers.end();
  object.member("expires_at", SecondsTime{signed_upload.expires_at}).end();
  return out;
}

std::string render_profile(const ProfileFacts& facts) {
  const auto& worker = facts.worker;
  std::string out;
  ObjectWriter object(out);
  object.member("id", worker.id)
      .member("name", worker.name)
      .member("email", worker.email)
      .member("email_verified", worker.status == domain::WorkerStatus::verified);
  append_offer(object, out, worker.offer.skills, worker.offer.modalities, worker.offer.area);
  add_standing(object, worker);
  object.member("rejected_submissions", worker.rejected)
      .member("lapsed_leases", worker.lapsed)
      .member("earned_cents", worker.earned_cents)
      .member("rank", journal::codec::Nullable<std::uint64_t>(facts.rank))
      .member("created_at", SecondsTime{worker.registered_at})
      .end();
  return out;
}

std::string render_public(const domain::Worker& worker) {
  std::string out;
  ObjectWriter object(out);
  object.member("id", worker.id);
  add_standing(object, worker);
  object.member("skills", worker.offer.skills)
      .member("member_since", SecondsTime{worker.registered_at})
      .end();
  return out;
}

std::string render_login(const domain::Worker& worker, std::string_view token, domain::Timestamp expires_at) {
  std::string out;
  ObjectWriter answer(out);
  answer.member("token", token).member("token_type", "Bearer").member("expires_at", SecondsTime{expires_at});
  answer.head("worker");
  ObjectWriter(out)
      .member("id", worker.id)
      .member("name", worker.name)
      .member("email", worker.email)
      .member("level", worker.level())
      .member("trust_score", worker.trust())
      .end();
  answer.end();
  return out;
}

void append_feed_item(std::string& out, const domain::Task& task) {
  ObjectWriter object(out);
  object.member("id", task.id)
      .member("title", task.title)
      .member("instructions", task.instructions)
      .member("modalities", task.modalities)
      .member("reward_cents", task.reward_cents)
      .member("places_left", task.target_submissions - task.progress().taken());
  object.head("requirements");
  append_requirements(out, task.requirements);
  std::optional<SecondsTime> deadline;
  if (task.deadline) deadline = SecondsTime{*task.deadline};
  object.member("deadline", journal::codec::Nullable<SecondsTime>(deadline))
      .member("created_at", SecondsTime{task.created_at})
      .end();
}

void append_standing(std::string& out, const projections::Standing& standing) {
  ObjectWriter object(out);
  object.member("rank", standing.rank).member("worker_id", standing.worker.id);
  add_standing(object, standing.worker);
  object.end();
}

}  // namespace groundtruth::api::worker
