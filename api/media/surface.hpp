// Media that this server itself takes in and hands out, through URLs that carry their own permission
// (workers/ports/served_blobs.hpp): the only surface without a credential.
#pragma once

#include "api/http/router.hpp"
#include "api/media/services.hpp"

namespace groundtruth::api::media {

// It claims /media/ and all below, under every host name. `services` must outlive the surface.
http::Surface make_media_surface(Services& services);

}  // namespace groundtruth::api::media
