// How objects of submissions are named in the blob store, and how long a link to one is good.
#pragma once

#include <chrono>

#include "workers/ports/blob_keys.hpp"

namespace groundtruth::api {

using ports::blob_key;

inline constexpr std::chrono::seconds kMediaLinkLifetime{3'600};  // CONTRACTS, "groundtruth", Media

}  // namespace groundtruth::api
