// What exists only with --dev, as a surface of its own: the local checkout, and the benchmark's yardstick.
#pragma once

#include "api/dev/checkout.hpp"
#include "api/http/router.hpp"

namespace groundtruth::api::dev {

// POST /dev/echo: reads a task as POST /tasks does, with the same types and the same codec, and writes it
// back; what the real routes cost beyond it is the journal, the read models and the checks. Any other object
// (an answer of ours, say) is read and written as metadata is. No credential, no limits.
http::Async<http::Response> echo(http::Request& request);

// `services` must outlive the surface. It claims /dev/ and all below.
http::Surface make_dev_surface(Services& services);

}  // namespace groundtruth::api::dev
