// The little HTML that we make: text made safe, and money as people read it.
#pragma once

#include <string>
#include <string_view>

#include "api/http/message.hpp"
#include "domain/values.hpp"

namespace groundtruth::api {

// For element content and for double- or single-quoted attribute values.
std::string escape_html(std::string_view text);

std::string dollars(domain::Cents amount);  // "$250.00"

// No script, nothing from elsewhere, forms only to this server.
inline constexpr std::string_view kPagePolicy =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'";

http::Response html_page(int status, std::string body, std::string_view policy = kPagePolicy);

}  // namespace groundtruth::api
