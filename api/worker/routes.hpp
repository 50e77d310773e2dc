// The table of this surface: the worker endpoints that all task surfaces share.
#pragma once

#include "api/http/router.hpp"
#include "api/worker/services.hpp"

namespace groundtruth::api::worker {

// `services` must outlive the surface. It claims /api/v1/worker and all below.
http::Surface make_worker_surface(Services& services);

}  // namespace groundtruth::api::worker
