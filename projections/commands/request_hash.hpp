// A request's hash in as few bytes as it needs: 32 hex digits are 16 bytes.
#pragma once

#include <string>
#include <string_view>

namespace groundtruth::projections {

std::string pack_request_hash(std::string_view text);
std::string unpack_request_hash(std::string_view packed);  // "" for ""

}  // namespace groundtruth::projections
