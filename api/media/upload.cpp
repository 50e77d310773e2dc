// See upload.hpp.
#include "api/media/upload.hpp"

#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "api/common/json_object.hpp"
#include "api/common/run_on.hpp"
#include "api/groundtruth/errors.hpp"
#include "journal/codec/sha256.hpp"
#include "workers/ports/media_kinds.hpp"

namespace groundtruth::api::media {
namespace {

using Outcome = http::BodyReader::Outcome;

constexpr std::string_view kOtherContent =
    "the uploaded bytes do not match the announced size and sha256; nothing was stored";

// The handler's hold on its upload. One that took a place ends on the pool, whatever ends the handler:
// removing half of a large file takes its time. One without a place has written nothing, and there may be any
// number of those.
class Hold {
 public:
  Hold(WorkPool& pool, std::shared_ptr<Upload> upload) : pool_(pool), upload_(std::move(upload)) {}
  ~Hold() {
    if (!has_place_) return;
    pool_.try_run([last = std::move(upload_),
                   place = std::make_shared<RunningUploads::Place>(std::move(place_))] { last->end(); });
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  const std::shared_ptr<Upload>& upload() const { return upload_; }
  RunningUploads::Place& place() { return place_; }
  bool has_place() const { return has_place_; }
  RunningUploads::Taken take_place(RunningUploads& uploads, const std::string& worker) {
    const auto taken = uploads.take(upload_, worker, place_);
    has_place_ = taken == RunningUploads::Taken::yes;
    return taken;
  }

 private:
  WorkPool& pool_;
  std::shared_ptr<Upload> upload_;
  RunningUploads::Place place_;  // given back once nothing of the upload is left
  bool has_place_ = false;
};

// An object that is there already, sent again: compared, and not written a second time.
class Comparison final : public ports::BlobWriter {
 public:
  explicit Comparison(const ports::BlobSpec& spec) : bytes_(spec.bytes), sha256_(spec.sha256) {}
  bool append(std::string_view piece) override {
    if (piece.size() > bytes_ - taken_bytes_) return false;
    taken_bytes_ += piece.size();
    hash_.add(piece);
    return true;
  }
  bool finish() override { return taken_bytes_ == bytes_ && hash_.hex() == sha256_; }

 private:
  const std::uint64_t bytes_;
  const std::string sha256_;
  journal::codec::Sha256 hash_;
  std::uint64_t taken_bytes_ = 0;
};

// nullopt: none was sent (the body comes in chunks).
std::optional<std::uint64_t> content_length(const http::Request& request) {
  const auto text = request.headers.find("Content-Length");
  if (!text) return std::nullopt;
  std::uint64_t length = 0;
  std::from_chars(text->data(), text->data() + text->size(), length);  // digits: the server has checked it
  return length;
}

http::Response refuse(std::string_view why) {
  return groundtruth::refuse(http::Refusal::bad_request, why);
}

// Signed as we call it; clients that call it otherwise send the same.
bool is_same_type(std::string_view sent, std::string_view as_signed) {
  if (sent == as_signed) return true;
  const auto* kind = ports::find_media_kind(sent);
  return kind != nullptr && kind->type == as_signed;
}

// What speaks against an upload before its body is read.
std::optional<http::Response> check_headers(const http::Request& request, const ports::BlobSpec& spec) {
  const auto type = request.headers.find("Content-Type");
  if (!type || !is_same_type(*type, spec.content_type))
    return refuse("Content-Type is not the one that was announced");
  const auto length = content_length(request);
  if (length && *length > spec.bytes) return groundtruth::refuse(http::Refusal::body_too_large, {});
  if (length && *length < spec.bytes) return refuse("Content-Length is not the size that was announced");
  return std::nullopt;
}

enum class Written : std::uint8_t { yes, no, over };

Written write_piece(ports::ServedBlobs& blobs, Upload& upload) {
  const std::lock_guard lock(upload.mutex);
  if (upload.is_over) return Written::over;
  if (!upload.writer) upload.writer = blobs.begin(upload.spec);
  if (upload.writer->append(upload.piece)) return Written::yes;
  upload.writer.reset();
  return Written::no;
}

Written finish(ports::ServedBlobs& blobs, Upload& upload) {
  upload.piece.clear();
  const Written empty = write_piece(blobs, upload);  // an empty object has no other piece
  if (empty != Written::yes) return empty;
  const std::lock_guard lock(upload.mutex);
  if (upload.is_over) return Written::over;
  const bool is_whole = upload.writer->finish();
  upload.writer.reset();  // nothing of it is left when the client hears of its end
  return is_whole ? Written::yes : Written::no;
}

http::Response conflict(std::string message, std::string_view reason, std::chrono::seconds retry_after) {
  std::string details;
  ObjectWriter(details).member("reason", reason).end();
  return groundtruth::to_response({409, "conflict", std::move(message), std::move(details), retry_after});
}

http::Response lease_is_over() {
  return conflict("The lease that this upload belongs to has ended.", "lease_over", {});
}

http::Response refuse(RunningUploads::Taken taken) {
  constexpr std::chrono::seconds soon{5};
  switch (taken) {
    case RunningUploads::Taken::object_is_busy:
      return conflict("This object is being uploaded already. Wait for that upload, or end it.",
                      "upload_running", soon);
    case RunningUploads::Taken::worker_is_busy:
      return groundtruth::to_response(rate_limited(soon));
    case RunningUploads::Taken::all_are_busy:
    case RunningUploads::Taken::yes:
      break;
  }
  return groundtruth::refuse(http::Refusal::unavailable, {});
}

bool is_stored(ports::ServedBlobs& blobs, const ports::BlobSpec& spec) {
  const auto there = blobs.open(spec.key);
  return there && there->spec().bytes == spec.bytes && there->spec().sha256 == spec.sha256;
}

http::Response stored(const ports::BlobSpec& spec) {
  http::Response response;
  response.content_type.clear();
  response.header("ETag", '"' + spec.sha256 + '"');
  return response;
}

}  // namespace

http::Async<http::Response> take_upload(Services& services, http::Request& request) {
  const auto key = key_of(request);
  if (!key) co_return no_such_object();
  const ports::BlobRequest signed_request{*key, request.query};
  ports::SignedSpec checked = services.blobs.check_upload(signed_request, services.clock.now());
  if (checked.signature != ports::Signature::valid) co_return refuse_signature(checked.signature);
  if (auto refused = check_headers(request, checked.spec)) co_return std::move(*refused);

  const LeaseFacts lease = services.find_lease(*key);
  const bool is_there = is_stored(services.blobs, checked.spec);
  if (lease.state == LeaseState::over && !is_there) co_return lease_is_over();
  // Where nobody knows yet whose it is, an assignment counts for itself.
  const std::string worker = lease.worker.empty() ? key->substr(0, key->find('/')) : lease.worker;

  Hold hold(services.pool, std::make_shared<Upload>(std::move(checked.spec)));
  Upload& upload = *hold.upload();
  if (is_there) upload.writer = std::make_unique<Comparison>(upload.spec);
  // A head alone holds nothing: whoever only opens connections keeps no place from others.
  for (;;) {
    const Outcome outcome = co_await request.streamed_body->next(upload.piece);
    if (outcome != Outcome::piece && outcome != Outcome::complete)
      co_return http::Response{};  // the server has the words for it
    if (!hold.has_place()) {
      const auto taken = hold.take_place(services.uploads, worker);
      if (taken != RunningUploads::Taken::yes) co_return refuse(taken);
      // Whoever ends the lease from here on finds this upload; whoever did before is seen here.
      if (!is_there && services.find_lease(*key).state == LeaseState::over) co_return lease_is_over();
    }
    if (outcome == Outcome::complete) break;
    std::function<Written()> work = [&blobs = services.blobs, held = hold.upload()] {
      return write_piece(blobs, *held);
    };
    const Written written = co_await run_on<Written>(services.pool, std::move(work));
    if (written != Written::yes) hold.place() = {};
    if (written == Written::over) co_return lease_is_over();
    if (written == Written::no) co_return groundtruth::refuse(http::Refusal::body_too_large, {});
  }
  const domain::Timestamp latest{services.clock.now().ms - services.options.late_upload.count()};
  const auto in_time = services.blobs.check_upload(signed_request, latest).signature;
  if (in_time != ports::Signature::valid) co_return refuse_signature(in_time);
  std::function<Written()> work = [&blobs = services.blobs, held = hold.upload()] {
    return finish(blobs, *held);
  };
  const Written written = co_await run_on<Written>(services.pool, std::move(work));
  hold.place() = {};  // who sends it again at once finds it free
  if (written == Written::over) co_return lease_is_over();
  if (written == Written::no) co_return refuse(kOtherContent);
  co_return stored(upload.spec);
}

}  // namespace groundtruth::api::media
