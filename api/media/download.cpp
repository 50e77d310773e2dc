// See download.hpp.
#include "api/media/download.hpp"

#include <algorithm>
#include <memory>

#include "api/common/etag.hpp"
#include "api/common/header_lists.hpp"
#include "api/common/range.hpp"
#include "api/groundtruth/errors.hpp"
#include "api/media/place.hpp"

namespace groundtruth::api::media {
namespace {

using Kind = RangeChoice::Kind;

// Read where it is sent, on the connection's I/O thread: from the kernel's cache that takes some 50 µs, from
// a disk some milliseconds, and the kernel reads ahead meanwhile. A pool would cost every piece two changes
// of thread.
constexpr std::size_t kPieceBytes = 256 * 1024;

// For what somebody else chose to upload: it loads nothing, runs nothing and is nobody's origin.
constexpr std::string_view kPolicy =
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; "
    "frame-ancestors 'none'";

bool is_shown(std::string_view content_type) {
  if (content_type.starts_with("image/svg")) return false;  // a document that may hold scripts
  return content_type.starts_with("image/") || content_type.starts_with("video/") ||
         content_type.starts_with("audio/");
}

void describe(http::Response& response, const ports::BlobSpec& spec, const std::string& etag) {
  response.content_type = spec.content_type;
  response.header("ETag", etag);
  response.header("Accept-Ranges", "bytes");
  // It never changes, but the permission to see it ends: whoever keeps a copy has to ask before each use.
  response.header("Cache-Control", "private, no-cache");
  response.header("Content-Disposition", is_shown(spec.content_type) ? "inline" : "attachment");
  response.header("Content-Security-Policy", std::string(kPolicy));
  response.header("X-Content-Type-Options", "nosniff");
}

// What is open for as long as its bytes are sent.
struct Download {
  std::shared_ptr<const ports::OpenBlob> blob;
  std::shared_ptr<std::atomic<std::size_t>> place;
};

void send(http::Response& response, Download download, const RangeChoice& choice) {
  response.stream_bytes = choice.bytes;
  response.next_chunk = [download = std::move(download), at = choice.offset,
                         left = choice.bytes](std::string& chunk) mutable {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, kPieceBytes));
    download.blob->read(at, count, chunk);
    at += count;
    left -= count;
    return left > 0;
  };
}

// Of a URL whose signature is valid: "20260618T143200Z".
domain::Timestamp signing_time(const http::Request& request) {
  constexpr std::size_t length = 16;
  std::string text(request.query_value("X-Amz-Date").value_or(""));
  if (text.size() != length) return {};
  for (const std::size_t at : {13U, 11U}) text.insert(at, 1, ':');
  for (const std::size_t at : {6U, 4U}) text.insert(at, 1, '-');
  return domain::parse_rfc3339(text).value_or(domain::Timestamp{});
}

http::Response unsatisfiable(const RangeChoice& choice, std::uint64_t size_bytes) {
  auto response = groundtruth::to_response(
      {416, "range_not_satisfiable", "The object has no bytes in the range that was asked for."});
  response.header("Content-Range", content_range(choice, size_bytes));
  return response;
}

http::Response answer(const http::Request& request, Download download) {
  const ports::BlobSpec& spec = download.blob->spec();
  const std::string etag = '"' + spec.sha256 + '"';
  http::Response response;
  describe(response, spec, etag);
  if (const auto known = list_of(request.headers, "If-None-Match"); known && none_match_hits(*known, etag)) {
    response.status = 304;
    return response;
  }
  RangeChoice choice{Kind::whole, 0, spec.bytes};
  if (request.method == http::Method::get) choice = choose_range(request.headers, spec.bytes, etag);
  if (choice.kind == Kind::unsatisfiable) return unsatisfiable(choice, spec.bytes);
  if (choice.kind == Kind::part) {
    response.status = 206;
    response.header("Content-Range", content_range(choice, spec.bytes));
  }
  send(response, std::move(download), choice);
  return response;
}

}  // namespace

http::Async<http::Response> give_download(Services& services, http::Request& request) {
  const auto key = key_of(request);
  if (!key) co_return no_such_object();
  const ports::BlobRequest signed_request{*key, request.query};
  const auto signature = services.blobs.check_download(signed_request, services.clock.now());
  if (signature != ports::Signature::valid) co_return refuse_signature(signature);
  if (services.may_read && !services.may_read(*key, signing_time(request)))
    co_return refuse_signature(ports::Signature::expired);
  Download download;
  download.place = take_place(services.downloads, services.options.max_downloads);
  if (!download.place) co_return groundtruth::refuse(http::Refusal::unavailable, {});
  download.blob = services.blobs.open(*key);
  if (!download.blob) co_return no_such_object();
  co_return answer(request, std::move(download));
}

}  // namespace groundtruth::api::media
