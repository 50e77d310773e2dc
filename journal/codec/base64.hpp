// Base64 in the form that fits into URLs and JSON as it is: RFC 4648, section 5, without padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::journal::codec {

std::string to_base64url(std::string_view bytes);
// Strict: nullopt for padding, white space, anything behind the text, and bits that no byte accounts for, so
// that no two texts mean the same bytes.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace groundtruth::journal::codec
