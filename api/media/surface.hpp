// Media that this server itself takes in and hands out, through URLs that carry their own permission
// (workers/ports/served_blobs.hpp): the only surface without a credential.
#pragma once

#include <string>
#include <vector>

#include "api/http/router.hpp"
#include "api/media/services.hpp"

namespace groundtruth::api::media {

// It claims /media/ and all below. `hosts`: where host names are bound to surfaces, all those through which
// media is reached. `services` must outlive the surface.
http::Surface make_media_surface(Services& services, std::vector<std::string> hosts = {});

}  // namespace groundtruth::api::media
