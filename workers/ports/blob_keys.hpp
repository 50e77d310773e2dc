// How objects of submissions are named in the blob store.
#pragma once

#include <string>
#include <string_view>

#include "domain/ids.hpp"

namespace groundtruth::ports {

// By assignment and hash: the same bytes lie there once, however often they are sent.
inline std::string blob_key(const domain::AssignmentId& assignment, std::string_view sha256) {
  return assignment.value + "/" + std::string(sha256);
}

}  // namespace groundtruth::ports
