// data: URLs in requests: small media without an upload of its own. Read as browsers read them (WHATWG Fetch,
// "data: URLs"; RFC 2397), and as browsers write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace groundtruth::api {

struct DataUrl {
  std::string content_type;  // without parameters, in lower case
  std::string content;
};

// "data:<type>[;parameters][;base64],<content>". Parameters may be quoted, and hold commas and semicolons in
// quotes; one with the codecs of a recording holds commas without them, since MediaRecorder's types do.
// Content in base64 may lack its padding and hold white space; any other content is percent-encoded.
//
// nullopt: no such URL, one without a type, or without content.
std::optional<DataUrl> parse_data_url(std::string_view text);

}  // namespace groundtruth::api
