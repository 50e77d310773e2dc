// See upload.hpp.
#include "api/media/upload.hpp"

#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "api/common/run_on.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/media/place.hpp"

namespace groundtruth::api::media {
namespace {

using Outcome = http::BodyReader::Outcome;

constexpr std::string_view kOtherContent =
    "the bytes that came are not those of the signed size and sha256; nothing was stored";

// What the handler and the pool's threads pass to each other; never used by both at once.
struct Upload {
  Upload(Place own_place, ports::BlobSpec signed_spec)
      : place(std::move(own_place)), spec(std::move(signed_spec)) {}
  const Place place;
  const ports::BlobSpec spec;
  std::unique_ptr<ports::BlobWriter> writer;
  std::string piece;
};

// The handler's hold on its upload, which ends on the pool whatever ends the handler: removing half of a
// large file takes its time.
class Hold {
 public:
  Hold(WorkPool& pool, std::shared_ptr<Upload> upload) : pool_(pool), upload_(std::move(upload)) {}
  ~Hold() {
    pool_.try_run([last = std::move(upload_)] {});
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  const std::shared_ptr<Upload>& upload() const { return upload_; }

 private:
  WorkPool& pool_;
  std::shared_ptr<Upload> upload_;
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

// What speaks against an upload before its body is read.
std::optional<http::Response> check_headers(const http::Request& request, const ports::BlobSpec& spec) {
  if (request.headers.find("Content-Type") != spec.content_type)
    return refuse("Content-Type is not the one that was signed");
  const auto length = content_length(request);
  if (length && *length > spec.bytes) return groundtruth::refuse(http::Refusal::body_too_large, {});
  if (length && *length < spec.bytes) return refuse("Content-Length is not the size that was signed");
  return std::nullopt;
}

bool write_piece(ports::ServedBlobs& blobs, Upload& upload) {
  if (!upload.writer) upload.writer = blobs.begin(upload.spec);
  return upload.writer->append(upload.piece);
}

bool finish(ports::ServedBlobs& blobs, Upload& upload) {
  upload.piece.clear();
  return write_piece(blobs, upload) && upload.writer->finish();  // an empty object has no other piece
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

  Place place = take_place(services.uploads, services.options.max_uploads);
  if (!place) co_return groundtruth::refuse(http::Refusal::unavailable, {});
  const Hold hold(services.pool, std::make_shared<Upload>(std::move(place), std::move(checked.spec)));
  Upload& upload = *hold.upload();
  for (;;) {
    const Outcome outcome = co_await request.streamed_body->next(upload.piece);
    if (outcome == Outcome::complete) break;
    if (outcome != Outcome::piece) co_return http::Response{};  // the server has the words for it
    std::function<bool()> work = [&blobs = services.blobs, held = hold.upload()] {
      return write_piece(blobs, *held);
    };
    const bool fits = co_await run_on<bool>(services.pool, std::move(work));
    if (!fits) co_return groundtruth::refuse(http::Refusal::body_too_large, {});
  }
  const domain::Timestamp latest{services.clock.now().ms - services.options.late_upload.count()};
  const auto in_time = services.blobs.check_upload(signed_request, latest).signature;
  if (in_time != ports::Signature::valid) co_return refuse_signature(in_time);
  std::function<bool()> work = [&blobs = services.blobs, held = hold.upload()] {
    return finish(blobs, *held);
  };
  const bool is_stored = co_await run_on<bool>(services.pool, std::move(work));
  if (!is_stored) co_return refuse(kOtherContent);
  co_return stored(upload.spec);
}

}  // namespace groundtruth::api::media
