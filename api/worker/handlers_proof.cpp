// Announcing uploads, and submitting what was brought.
#include <algorithm>
#include <functional>
#include <memory>
#include <stop_token>

#include "api/common/blob_keys.hpp"
#include "api/common/json_object.hpp"
#include "api/http/async.hpp"
#include "api/worker/admit.hpp"
#include "api/worker/exchange.hpp"
#include "api/worker/handlers.hpp"
#include "api/worker/media.hpp"
#include "api/worker/render.hpp"
#include "api/worker/staged_blobs.hpp"
#include "api/worker/tasks.hpp"

namespace groundtruth::api::worker {
namespace {

FieldErrors check_bytes(const Services& services, const UploadRequest& upload) {
  FieldErrors errors;
  if (const auto problem =
          journal::codec::check_range(upload.bytes.value, 1, services.options.max_upload_bytes))
    errors.push_back({"bytes", problem->code, problem->message});
  return errors;
}

// Bytes of a worker's day, given back where nothing came of them.
class Reserved {
 public:
  Reserved(ByteBudget& budget, std::string worker, std::int64_t bytes)
      : budget_(budget), worker_(std::move(worker)), bytes_(bytes), answer_(budget.take(worker_, bytes)) {}
  ~Reserved() {
    if (answer_.allowed && !is_used_) budget_.give_back(worker_, bytes_);
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;

  void use() { is_used_ = true; }
  std::optional<Problem> problem() const {
    if (answer_.allowed) return std::nullopt;
    std::string details;
    ObjectWriter(details)
        .member("reason", "upload_budget")
        .member("left_bytes", answer_.left_bytes)
        .member("available_at", answer_.available_at)
        .end();
    return Problem{429, "rate_limited", "You have brought as much as one worker may bring in a day.",
                   std::move(details), answer_.retry_after};
  }

 private:
  ByteBudget& budget_;
  const std::string worker_;
  const std::int64_t bytes_;
  const ByteBudget::Answer answer_;
  bool is_used_ = false;
};

ports::SignedUpload sign(const Services& services, const journal::Commit& commit) {
  const auto* announced = commit.find<domain::UploadAnnounced>();
  if (announced == nullptr) throw std::logic_error("a commit without the event that its command makes");
  const auto& upload = announced->upload;
  return services.blobs.sign_upload(
      {blob_key(announced->assignment, announced->lease, upload.sha256), upload.content_type,
       static_cast<std::uint64_t>(upload.bytes), upload.sha256},
      commit.at, services.options.upload_lifetime);
}

// A proof's parts, and what came with them while it is not stored yet.
struct StagedProof {
  StagedProof(ports::BlobStore& store, std::vector<ProofPart> all) : parts(std::move(all)), blobs(store) {}
  const std::vector<ProofPart> parts;
  StagedBlobs blobs;  // views of `parts`
};

// What `work` gives on a thread for blob calls, or a VerifiedMedia with the problem that kept it from that.
// `work` must own what it touches. Workers take turns, and nothing is done for a client that has gone. Throws
// http::Unavailable where the store is away.
http::Async<VerifiedMedia> run_on_pool(WorkPool& pool, const http::Request& request,
                                       std::function<VerifiedMedia()> work) {
  auto begin = [&](auto done) {
    const auto busy = [done] {
      done(VerifiedMedia{{}, unavailable("Too many proofs are being checked at the moment.")});
    };
    WorkFor whom{request.account, [gone = request.abandoned] { return !gone.stop_requested(); }, busy};
    auto job = [done, work = std::move(work)] {
      try {
        done(work());
      } catch (const ports::BlobStoreError& away) {
        done(VerifiedMedia{{}, std::nullopt, away.what()});
      } catch (const ports::MediaProbeAway& away) {
        done(VerifiedMedia{{}, std::nullopt, away.what()});
      }
    };
    if (!pool.try_run(std::move(whom), std::move(job))) busy();
  };
  VerifiedMedia outcome = co_await http::await_callback<VerifiedMedia>(std::move(begin));
  if (outcome.store_is_away) throw http::Unavailable(*outcome.store_is_away);
  co_return outcome;
}

// Asks what a request has others do to stop, once nobody waits for its answer: the client has gone, or the
// handler has ended.
class StopWithRequest {
 public:
  explicit StopWithRequest(const http::Request& request) : with_client_(request.abandoned, Stop{source_}) {}
  ~StopWithRequest() { source_.request_stop(); }
  StopWithRequest(const StopWithRequest&) = delete;
  StopWithRequest& operator=(const StopWithRequest&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  struct Stop {
    std::stop_source source;
    void operator()() { source.request_stop(); }
  };
  std::stop_source source_;
  std::stop_callback<Stop> with_client_;
};

http::Async<std::optional<Problem>> store_staged(Services& services, const http::Request& request,
                                                 std::shared_ptr<StagedProof> staged) {
  bool is_aside = false;
  auto begin = [&](auto done) {
    // Kept until it is done, whatever becomes of the request.
    is_aside = staged->blobs.store_aside([staged, done](std::string error) { done(std::move(error)); });
    if (!is_aside) done(std::string());
  };
  const std::string error = co_await http::await_callback<std::string>(std::move(begin));
  if (!error.empty()) throw http::Unavailable(error);
  if (is_aside) co_return std::nullopt;
  std::function<VerifiedMedia()> store = [staged] {
    staged->blobs.store();
    return VerifiedMedia{};
  };
  co_return (co_await run_on_pool(services.blob_calls, request, std::move(store))).problem;
}

// What became of announcing what came within a proof.
struct Announced {
  std::optional<http::Response> refused;
  bool has_lease = true;  // false: the chain knows better than the read models, and the proof will be told
};

bool is_of_lease(const domain::Rejection& rejection) {
  using enum domain::RejectionCode;
  return rejection.code == already_submitted || rejection.code == lease_expired ||
         rejection.code == lease_not_found || rejection.code == lease_unseen;
}

// Announces what came within the proof, as uploads are: what is stored without a word in the journal would
// never be found there again should the proof be refused.
http::Async<Announced> announce_staged(Services& services, http::Request& request, domain::TaskId task,
                                       domain::Assignment assignment, std::vector<ports::BlobSpec> staged) {
  // Eight files and a text may come within any proof, whatever was uploaded before.
  domain::UploadLimits limits = services.options.lease_uploads;
  limits.max_uploads += static_cast<std::int64_t>(domain::kMaxUploads) + 1;
  Announced outcome;
  for (auto& spec : staged) {
    if (assignment.has_announced(spec.sha256)) continue;
    Reserved reserved(services.upload_budget, caller_of(request).worker.id.value,
                      static_cast<std::int64_t>(spec.bytes));
    if (const auto problem = reserved.problem()) {
      outcome.refused = to_response(*problem);
      break;
    }
    Sender sender = sender_to(caller_of(request), task);
    domain::Upload upload{domain::new_id<domain::UploadId>("upl_", services.clock.now(), sender.bucket,
                                                           services.randomness.bits()),
                          std::move(spec.content_type), static_cast<std::int64_t>(spec.bytes),
                          std::move(spec.sha256)};
    Order order{domain::AnnounceUpload{assignment.id, std::move(upload), limits, assignment.lease},
                std::nullopt, std::nullopt, journal::AnswerWhen::internal};
    const journal::Answer answer =
        co_await execute(services.exchange, request, std::move(sender), std::move(order));
    outcome.has_lease = answer.kind != journal::AnswerKind::rejected || !is_of_lease(answer.rejection);
    if (!outcome.has_lease) break;
    if (answer.kind != journal::AnswerKind::accepted || !answer.commit) {
      outcome.refused = not_written(answer);
      break;
    }
    reserved.use();
  }
  co_return outcome;
}

}  // namespace

http::Async<http::Response> announce_upload(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<UploadRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));
  auto errors = check_bytes(services, *body.value);
  const auto* kind = kind_of_upload(*body.value, task->state.modalities, errors);
  if (kind == nullptr || !errors.empty()) co_return to_response(wrong_fields(std::move(errors)));

  Reserved reserved(services.upload_budget, caller.worker.id.value, body.value->bytes.value);
  if (const auto problem = reserved.problem()) co_return to_response(*problem);

  const auto& id = task->state.id;
  Sender sender = sender_to(caller, id);
  domain::Upload upload{domain::new_id<domain::UploadId>("upl_", services.clock.now(), sender.bucket,
                                                         services.randomness.bits()),
                        std::string(kind->type), body.value->bytes.value,
                        std::move(body.value->sha256.value)};
  Order order{domain::AnnounceUpload{assignment_of(id, caller.worker.id), std::move(upload),
                                     services.options.lease_uploads},
              std::move(intent.keyed), std::nullopt};
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  if (!answer.replayed) reserved.use();
  co_return written(201, render_upload(*answer.commit, sign(services, *answer.commit)), answer);
}

http::Async<http::Response> submit_proof(Services& services, http::Request& request) {
  const Caller& caller = caller_of(request);
  Intent intent = read_intent(services.hasher, request);
  if (intent.problem) co_return to_response(*intent.problem);
  auto body = read_body<ProofRequest>(request);
  if (!body.value) co_return to_response(body.problem);
  const auto task = find_task(services, request.param("id"));
  if (!task) co_return to_response(no_such("task"));

  const auto& id = task->state.id;
  HeldWork work = co_await find_work(services, request, id);
  if (work.behind) co_return to_response(*work.behind);
  const auto& assignment = work.assignment;
  VerifiedMedia verified;
  // Who holds no lease is told so by the command, which is also what a retry is answered from.
  if (work.holds_lease) {
    FieldErrors errors;
    auto parts = parts_of(std::move(*body.value), assignment->state, errors);
    if (!errors.empty()) co_return to_response(wrong_fields(std::move(errors)));
    const auto staged = std::make_shared<StagedProof>(services.blobs, std::move(parts));
    const StopWithRequest until_gone(request);
    std::function<VerifiedMedia()> verify = [&probe = services.probe, staged, stop = until_gone.token(),
                                             wanted = task->state.modalities] {
      return verify_media(staged->blobs, probe, staged->parts, wanted, stop);
    };
    const bool is_text = std::all_of(staged->parts.begin(), staged->parts.end(),
                                     [](const ProofPart& part) { return part.is_text; });
    if (is_text)
      verified = verify();  // it is all here, and nobody need look what it is: that blocks nothing
    else
      verified = co_await run_on_pool(services.probe_calls, request, std::move(verify));
    if (verified.problem) co_return to_response(*verified.problem);
    auto specs = staged->blobs.staged();
    if (!specs.empty()) {
      auto announced = co_await announce_staged(services, request, id, assignment->state, std::move(specs));
      if (announced.refused) co_return std::move(*announced.refused);
      if (announced.has_lease) {
        const auto unstored = co_await store_staged(services, request, staged);
        if (unstored) co_return to_response(*unstored);
      } else {
        verified.media.clear();
      }
    }
  }
  Sender sender = sender_to(caller, id);
  domain::SubmitProof command{assignment_of(id, caller.worker.id), id,
                              domain::new_id<domain::SubmissionId>("sub_", services.clock.now(),
                                                                   sender.bucket, services.randomness.bits()),
                              std::move(verified.media), std::nullopt};
  if (assignment) command.lease = assignment->state.lease;
  Order order{std::move(command), std::move(intent.keyed), std::nullopt, journal::AnswerWhen::durable};
  const journal::Answer answer =
      co_await execute(services.exchange, request, std::move(sender), std::move(order));
  if (answer.kind != journal::AnswerKind::accepted || !answer.commit) co_return not_written(answer);
  co_return written(201, render_submitted(*answer.commit), answer);
}

}  // namespace groundtruth::api::worker
