// See surface.hpp.
#include "api/media/surface.hpp"

#include "api/groundtruth/errors.hpp"
#include "api/media/download.hpp"
#include "api/media/upload.hpp"
#include "domain/ids.hpp"
#include "workers/ports/blob_keys.hpp"

namespace groundtruth::api::media {

std::optional<std::string> key_of(const http::Request& request) {
  const auto owner = request.param("owner"), name = request.param("name");
  if (!domain::bucket_of(owner) || !ports::is_blob_name(name)) return std::nullopt;
  return std::string(owner) + '/' + std::string(name);
}

http::Response no_such_object() {
  return groundtruth::to_response(no_such("object"));
}

http::Response refuse_signature(ports::Signature signature) {
  if (signature == ports::Signature::expired)
    return groundtruth::to_response({403, "forbidden", "This URL has expired. Request a new one."});
  return groundtruth::to_response(
      {403, "forbidden", "The signature of this URL does not match the request."});
}

namespace {

// A store that fails is away, not wrong: asked again, it may do.
http::Async<http::Response> guarded(http::Async<http::Response> (*handler)(Services&, http::Request&),
                                    Services& services, http::Request& request) {
  try {
    co_return co_await handler(services, request);
  } catch (const ports::BlobStoreError& away) {
    throw http::Unavailable(away.what());
  }
}

}  // namespace

http::Surface make_media_surface(Services& services) {
  using http::BodyKind;
  using http::Method;
  constexpr std::string_view pattern = "/media/{owner}/{name}";
  http::Surface surface;
  surface.name = "media";
  surface.on_every_host = true;
  using Handler = http::Async<http::Response> (*)(Services&, http::Request&);
  const auto with = [&services](Handler handler) {
    return [&services, handler](http::Request& request) { return guarded(handler, services, request); };
  };
  surface.routes = {
      {Method::put, pattern, "uploadMedia", with(take_upload), BodyKind::streamed,
       services.options.max_upload_bytes, ""},
      {Method::get, pattern, "downloadMedia", with(give_download), BodyKind::none, 0, ""},
  };
  surface.refuse = [](http::Refusal refusal, const http::Request&, std::string_view detail) {
    return groundtruth::refuse(refusal, detail);
  };
  surface.claims = [](const http::Request& request) { return request.path.starts_with("/media/"); };
  return surface;
}

}  // namespace groundtruth::api::media
