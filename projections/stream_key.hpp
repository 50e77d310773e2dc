// Stream ids as compact keys: 17 bytes instead of 30 characters, in the same order of time.
#pragma once

#include <string>
#include <string_view>

namespace groundtruth::projections {

// One to one. 26 characters of 5 bits, then 6 bits that name the prefix; an id of another form is kept as
// text behind 17 bytes of 0xff, so that it never equals a packed one.
std::string stream_key(std::string_view stream);

}  // namespace groundtruth::projections
