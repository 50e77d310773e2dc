// data: URLs (RFC 2397) in requests: small media without an upload of its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::api {

struct DataUrl {
  std::string content_type;  // without parameters, in lower case
  std::string content;
};

// "data:<type>[;parameters];base64,<content>". nullopt for any other form, and for content that is empty or
// not base64.
std::optional<DataUrl> parse_data_url(std::string_view text);

}  // namespace groundtruth::api
