// GET /media/{owner}/{name}: an object goes out, whole or in part.
#pragma once

#include "api/http/message.hpp"
#include "api/media/services.hpp"

namespace groundtruth::api::media {

// 200, 206, 304 or 416. A browser may show images, video and audio, and runs nothing of it.
http::Async<http::Response> give_download(Services& services, http::Request& request);

}  // namespace groundtruth::api::media
