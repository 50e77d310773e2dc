// How objects of submissions are named in the blob store, and how long a link to one is good.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "domain/ids.hpp"

namespace groundtruth::api {

inline constexpr std::chrono::seconds kMediaLinkLifetime{3'600};  // CONTRACTS, "groundtruth", Media

// By assignment and hash: the same bytes lie there once, however often they are sent.
inline std::string blob_key(const domain::AssignmentId& assignment, std::string_view sha256) {
  return assignment.value + "/" + std::string(sha256);
}

}  // namespace groundtruth::api
