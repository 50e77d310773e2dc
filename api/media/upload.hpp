// PUT /media/{owner}/{name}: an object comes in.
#pragma once

#include "api/http/message.hpp"
#include "api/media/services.hpp"

namespace groundtruth::api::media {

// 200 with the object's ETag once it is durable. After any 4xx nothing of it is there; where the server
// failed or had no patience left it may be, and the same upload may come again.
http::Async<http::Response> take_upload(Services& services, http::Request& request);

}  // namespace groundtruth::api::media
