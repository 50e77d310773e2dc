// How objects of submissions are named in the blob store.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "domain/ids.hpp"
#include "workers/ports/blob_store.hpp"

namespace groundtruth::ports {

// By assignment, lease and hash: the same bytes lie there once, however often they are sent under one lease.
// Leases from before they were counted have no number in the name.
inline std::string blob_key(const domain::AssignmentId& assignment, std::uint32_t lease,
                            std::string_view sha256) {
  std::string key = assignment.value + "/";
  if (lease > 0) key += std::to_string(lease) + "-";
  return key.append(sha256);
}

// Whether the part after the assignment is one that blob_key makes.
inline bool is_blob_name(std::string_view name) {
  if (const auto dash = name.find('-'); dash != std::string_view::npos) {
    const auto lease = name.substr(0, dash);
    if (lease.empty() || lease.size() > 10 || lease.front() == '0') return false;
    if (lease.find_first_not_of("0123456789") != std::string_view::npos) return false;
    name.remove_prefix(dash + 1);
  }
  return is_sha256_hex(name);
}

// The number of the lease in a key that blob_key made; 0 where there is none.
inline std::uint32_t lease_of_blob_key(std::string_view key) {
  std::uint32_t lease = 0;
  for (const char c : key.substr(std::min(key.find('/'), key.size() - 1) + 1)) {
    if (c == '-') return lease;
    if (c < '0' || c > '9') return 0;
    lease = lease * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return 0;
}

}  // namespace groundtruth::ports
