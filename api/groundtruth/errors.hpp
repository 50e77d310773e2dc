// How this surface says no: the seed's envelope around a problem (api/common/problem.hpp).
#pragma once

#include <string>

#include "api/common/problem.hpp"

namespace groundtruth::api::groundtruth {

std::string error_object(const Problem& problem);    // {"code":…,"message":…,"details":…}
http::Response to_response(const Problem& problem);  // {"error":{…}} and its status

// What the server itself refuses, in this surface's words.
http::Response refuse(http::Refusal refusal, std::string_view detail);

}  // namespace groundtruth::api::groundtruth
