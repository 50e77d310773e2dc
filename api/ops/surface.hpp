// The operator API as one surface: its table of routes and who may call them. It has a listener of its own.
#pragma once

#include "api/http/router.hpp"
#include "api/ops/services.hpp"

namespace groundtruth::ops {

// `services` outlives the server.
http::Surface make_ops_surface(Services& services);

// The routes of public surfaces, as GET /ops/routes shows them.
std::vector<RouteRow> list_routes(const std::vector<http::Surface>& surfaces);

}  // namespace groundtruth::ops
