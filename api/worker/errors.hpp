// How this surface says no: seed 003's {"error":"…"}, with what else there is to say beside it.
#pragma once

#include "api/common/problem.hpp"

namespace groundtruth::api::worker {

// {"error":message,"code":code, …details}; 429 has retry_after_seconds.
http::Response to_response(const Problem& problem);

http::Response refuse(http::Refusal refusal, std::string_view detail);

}  // namespace groundtruth::api::worker
