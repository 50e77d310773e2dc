// Whether bytes are text.
#pragma once

#include <string_view>

namespace groundtruth::journal::codec {

bool is_utf8(std::string_view bytes);  // strict: no surrogates, no overlong forms

}  // namespace groundtruth::journal::codec
