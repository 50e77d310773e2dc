// The groundtruth surface: its table of routes (seed 000, schemas/openapi/groundtruth.yaml).
#pragma once

#include "api/groundtruth/services.hpp"
#include "api/http/router.hpp"

namespace groundtruth::api::groundtruth {

// `services` must outlive the surface. It claims /api/v1 and all below.
http::Surface make_groundtruth_surface(Services& services);

}  // namespace groundtruth::api::groundtruth
