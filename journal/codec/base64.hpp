// Base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::journal::codec {

// The form that fits into URLs and JSON as it is: section 5, without padding.
std::string to_base64url(std::string_view bytes);
// Strict: nullopt for padding, white space, anything behind the text, and bits that no byte accounts for, so
// that no two texts mean the same bytes.
std::optional<std::string> from_base64url(std::string_view text);

// The form of mail and of HTTP headers: section 4, with padding. Read as strictly.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace groundtruth::journal::codec
